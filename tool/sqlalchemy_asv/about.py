"""Benchmarks of a scenario's surroundings: restoring its data, and the overhead of measuring."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy.orm import Session

from .databases.base import Images
from .ratio import ratio
from .scenario import Benchmarked, Scenario, ready


def time_restore(self: Restoring, images: Images, *values: Any) -> None:
    """Wall time in seconds."""
    assert self._runner is not None
    self._runner.database.restore()


def performed(images: Images, *values: Any) -> None:
    """The `setup` of a benchmark that begins when an operation has ended."""
    scenario = ready(images, *values)
    assert scenario._runner is not None
    scenario._runner.perform()
    scenario._runner.close()


class Restoring(Scenario):
    """Restore the dataset after a sample. A subclass has the scenario that writes as a base too."""

    family: ClassVar[dict[str, Benchmarked] | None] = {
        "time_restore": Benchmarked.by_asv(time_restore, setup=performed)
    }


def track_overhead(self: Overhead, images: Images, *values: Any) -> float:
    """Wall time of a sample, divided by that of the bare call."""
    runner = self._runner
    assert runner is not None
    bare = Session(runner.database.engine)

    def renew() -> None:
        nonlocal bare
        bare.close()
        bare = Session(runner.database.engine)

    def again() -> None:
        self.teardown(images, *values)
        self.ready(images, *values)

    found = ratio(
        lambda: self._performance(),
        lambda: self.operation(bare, *values),
        prepare=(again, renew),
        pairs=100,
        seconds=1,
    )
    return float(f"{found:.4g}")


class Overhead(Scenario):
    """The time of asv's sample of an operation, compared with that of the bare call."""

    family: ClassVar[dict[str, Benchmarked] | None] = {
        "track_overhead": Benchmarked.by_asv(track_overhead, unit="times the bare call")
    }
