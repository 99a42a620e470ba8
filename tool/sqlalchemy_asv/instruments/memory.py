"""Memory that an operation allocates."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import ClassVar

from .. import options
from ..isolation import addresses
from ..isolation.collector import undisturbed
from ..runner import Runner
from .base import Counts, Instrument, Metric


class Allocated(Instrument):
    """The peak by tracemalloc, the least of three performances.

    Now and then, a table that outlives the operation grows in one of them.
    """

    name = "allocated"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("allocated", "bytes", "Peak bytes of Python memory that the operation allocates."),
    )

    def missing(self) -> str | None:
        return addresses.missing()

    def count(self, runner: Runner) -> Counts:
        peaks = []
        for _ in range(1 if options.quick() else 3):
            runner.reset()
            peaks.append(allocated(runner.performance()))
        return {"allocated": min(peaks)}


def allocated(operation: Callable[[], object]) -> int:
    """Peak bytes of Python memory above the bytes held before, while the operation runs."""
    with undisturbed():
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            operation()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return peak - before
