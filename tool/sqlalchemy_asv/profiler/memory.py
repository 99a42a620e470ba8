"""Memory that a block of code allocates, and the lines that allocate it."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import tracemalloc
from collections.abc import Iterator

from ..places import short


@dataclasses.dataclass
class Allocation:
    """Memory that a line of code allocated between two snapshots and has not freed."""

    where: str
    bytes: int
    blocks: int


@dataclasses.dataclass
class MemoryProfile:
    """Labelled snapshots of Python's memory."""

    snapshots: list[tuple[str, tracemalloc.Snapshot]] = dataclasses.field(default_factory=list)
    peak: int = 0
    """Bytes above those held at the start."""

    def snapshot(self, label: str) -> None:
        gc.collect()
        own = (tracemalloc.Filter(False, __file__), tracemalloc.Filter(False, tracemalloc.__file__))
        self.snapshots.append((label, tracemalloc.take_snapshot().filter_traces(own)))

    def difference(self, first: int = 0, second: int = -1) -> int:
        """Bytes that the second snapshot has more than the first; by default the last and first."""
        before, after = (
            sum(trace.size for trace in self.snapshots[index][1].traces)
            for index in (first, second)
        )
        return after - before

    def top(self, number: int = 10, first: int = 0, second: int = -1) -> list[Allocation]:
        """The lines that account for most of the difference, by bytes."""
        later = self.snapshots[second][1]
        found = later.compare_to(self.snapshots[first][1], "lineno")
        return [
            Allocation(
                f"{short(s.traceback[0].filename)}:{s.traceback[0].lineno}",
                s.size_diff,
                s.count_diff,
            )
            for s in sorted(found, key=lambda s: s.size_diff, reverse=True)[:number]
            if s.size_diff > 0
        ]


@contextlib.contextmanager
def memory_profile() -> Iterator[MemoryProfile]:
    """Trace Python's allocations while the block runs, which makes it several times slower.

    Takes a snapshot labelled "start" before and one labelled "end" after the block; the block takes
    those in between.
    """
    profile = MemoryProfile()
    tracemalloc.start()
    try:
        profile.snapshot("start")
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        yield profile
        profile.peak = tracemalloc.get_traced_memory()[1] - before
        profile.snapshot("end")
    finally:
        tracemalloc.stop()
