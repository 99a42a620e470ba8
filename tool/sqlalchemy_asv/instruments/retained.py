"""Objects that an operation leaves behind, and cycles that only the garbage collector frees."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar
from weakref import ReferenceType

from ..runner import Runner
from .base import REPETITIONS, Counts, Instrument, Metric

MOST = 3
"""How many types the counts name."""
FEW_BLOCKS = 200
"""Blocks of memory that repetitions may take without being looked at. Free lists and weak
references took up to 117 in 207 cases that leave nothing behind."""


class Retained(Instrument):
    """Counts after repetitions with other arguments, garbage collected, the session closed.

    As many repetitions before fill what has a limit, such as caches. Entries that the counted ones
    add to SQLAlchemy's statement cache are removed again, and reported apart. Before both counts,
    the driver's connection is replaced, and its caches are emptied. Objects are those that the
    collector knows; texts and numbers are not. If some are left, those of five more repetitions are
    counted as well, and the less of both is taken: a leak is in both. Bytes are traced, which takes
    long, only if objects or many blocks of memory are left.
    """

    name = "retained"
    repeats = True
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("retained", "objects", f"Objects that {REPETITIONS} repetitions leave behind."),
        Metric(
            "retained_bytes",
            "bytes",
            f"Bytes that {REPETITIONS} repetitions leave behind, in objects of every kind.",
        ),
        Metric("cycles", "objects", "Objects of a repetition that only the collector frees."),
    )

    def count(self, runner: Runner) -> Counts:
        known, cycles = fill_caches(runner)
        # Twice, so that a result of it exists whenever it is called.
        before = census()
        before = census()
        blocks = sys.getallocatedblocks()
        repeat(runner, range(REPETITIONS + 1, 2 * REPETITIONS + 1))
        runner.database.reconnect()
        with_cache = census().total()
        forget(cache_of(runner), known)
        after = census()
        in_cache = with_cache - after.total()
        blocks = sys.getallocatedblocks() - blocks
        retained, types = after.total() - before.total(), after - before
        if retained:
            again, others = growth(runner, known)
            if abs(again) < abs(retained):
                retained, types = again, others
        return {
            "retained": retained,
            "retained_bytes": left_bytes(runner, known) if retained or blocks > FEW_BLOCKS else 0,
            "cycles": cycles.total(),
            "cycle types": most(cycles),
            "in the cache": in_cache,
            "types": most(types),
        }


def growth(runner: Runner, known: set[Any]) -> tuple[int, Counter[type]]:
    """The objects that further repetitions leave behind: their number, and that of each type."""
    before = census()
    before = census()  # twice, as above
    repeat_and_forget(runner, 2, known)
    after = census()
    return after.total() - before.total(), after - before


def left_bytes(runner: Runner, known: set[Any]) -> int:
    """Bytes that repetitions leave behind, except for statements that are new in the cache.

    The less of two growths: now and then a table that outlives the operation grows in one.
    """
    tracemalloc.start()
    try:
        sizes = []
        for n in (3, 4, 5):
            repeat_and_forget(runner, n, known)
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    return max(0, min(sizes[1] - sizes[0], sizes[2] - sizes[1]))


def cache_of(runner: Runner) -> Any:
    """SQLAlchemy's statement cache, a mapping."""
    return getattr(runner.database.engine, "_compiled_cache", None) or {}


def fill_caches(runner: Runner) -> tuple[set[Any], Counter[type]]:
    """The first repetitions, of which nothing left behind is counted.

    Returns the keys in the statement cache, and the cycles of the last repetition. They end as the
    counted ones do, so that what this leaves is there before.
    """
    repeat(runner, range(1, REPETITIONS))
    known = set(cache_of(runner))
    cycles = cycles_of(runner, REPETITIONS)
    forget(cache_of(runner), known)
    runner.database.reconnect()
    return known, cycles


def repeat(runner: Runner, numbers: Iterable[int]) -> None:
    for n in numbers:
        runner.reset(n)
        runner.perform()
        runner.close()


def repeat_and_forget(runner: Runner, turn: int, known: set[Any]) -> None:
    """The repetitions of a turn (from 0), without what caches and cycles hold after them."""
    repeat(runner, range(turn * REPETITIONS + 1, (turn + 1) * REPETITIONS + 1))
    runner.database.reconnect()
    forget(cache_of(runner), known)
    gc.collect()


def cycles_of(runner: Runner, n: int) -> Counter[type]:
    """Perform the n-th repetition; returns the objects that only the collector frees, by type."""
    runner.reset(n)
    gc.collect()
    gc.disable()
    try:
        runner.perform()
        runner.close()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = Counter(type(each) for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    gc.collect()
    return found


def forget(cache: Any, known: set[Any]) -> None:
    """Remove the entries from a cache that were not known before."""
    for key in set(cache) - known:
        del cache[key]


def census() -> Counter[type]:
    """The objects that are alive, by type, without dead weak references.

    Drivers keep those of their cursors, and drop them now and then.
    """
    gc.collect()
    return Counter(type(each) for each in gc.get_objects() if not _is_dead(each))


def _is_dead(found: object) -> bool:
    return type(found) is ReferenceType and found() is None


def most(found: Counter[type]) -> list[list[Any]]:
    """The types of which there are most, with their number: the application's first."""

    def rank(pair: tuple[type, int]) -> tuple[int, int, str]:
        kind, number = pair
        package = kind.__module__.partition(".")[0]
        known = ("", "sqlalchemy", *sys.stdlib_module_names)
        return (package in known) + (package == "builtins"), -number, kind.__qualname__

    ranked = sorted(found.items(), key=rank)
    return [[kind.__qualname__, number] for kind, number in ranked[:MOST]]
