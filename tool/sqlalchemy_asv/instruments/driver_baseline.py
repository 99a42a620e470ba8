"""Machine instructions over those of the same statements, sent again by the bare driver.

The ratio compares the cost of an operation with that of the database and its driver. A ratio of
wall times would do so too, but does not repeat within 5% on a machine that others use
(docs/measurements.md).
"""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar

from ..runner import Runner
from ..statements.replay import check, replay
from .base import Counts, Metric
from .instructions import Instructions, instructions

SILENT = "the operation sends no statement"


@dataclasses.dataclass(frozen=True)
class _Ratio(Metric):
    def value(self, counts: Counts) -> float:
        # To four digits: the ratio repeats within 0.01%.
        return float(f"{counts['instructions'] / counts['driver_instructions']:.4g}")


class DriverBaseline(Instructions):
    """Replays the operation's statements, and counts the replay like the operation itself."""

    name = "driver_baseline"
    requires = ("instructions",)
    metrics: ClassVar[tuple[Metric, ...]] = (
        _Ratio(
            "instructions_driver",
            "times the driver's instructions",
            "Machine instructions over those of the same statements sent by the bare driver.",
        ),
    )

    def count(self, runner: Runner) -> Counts:
        """Count a replay. Raises `AssertionError` unless it fetches the operation's rows."""
        tape = runner.record()
        if not tape.statements:
            raise NotImplementedError(SILENT)
        check(tape, replay(runner.driver(), tape))
        return {
            "driver_instructions": instructions(functools.partial(replay, runner.driver(), tape))
        }
