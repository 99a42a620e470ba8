"""Objects that an operation leaves behind, and cycles that only the garbage collector frees."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar
from weakref import ReferenceType

from ..runner import Runner
from .base import REPETITIONS, Counts, Instrument, Metric

MOST = 3
"""How many types the counts name."""


class Retained(Instrument):
    """Counts after repetitions with other arguments, garbage collected, the session closed.

    As many repetitions before fill what has a limit, such as caches. Entries that the counted ones
    add to SQLAlchemy's statement cache are removed again, and reported apart. Caches of the driver
    go with its connection, which is replaced before both counts. Objects are those that the
    collector knows; texts and numbers are not.
    """

    name = "retained"
    repeats = True
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("retained", "objects", f"Objects that {REPETITIONS} repetitions leave behind."),
        Metric("cycles", "objects", "Objects of a repetition that only the collector frees."),
    )

    def count(self, runner: Runner) -> Counts:
        known = fill_caches(runner)
        # Twice, so that a result of it exists whenever it is called.
        before = census()
        before = census()
        repeat(runner, range(REPETITIONS + 1, 2 * REPETITIONS))
        cycles = cycles_of(runner, 2 * REPETITIONS)
        runner.database.reconnect()
        with_cache = census().total()
        forget(cache_of(runner), known)
        after = census()
        return {
            "retained": after.total() - before.total(),
            "cycles": cycles,
            "in the cache": with_cache - after.total(),
            "types": most(after - before),
        }


def cache_of(runner: Runner) -> Any:
    """SQLAlchemy's statement cache, a mapping."""
    return getattr(runner.database.engine, "_compiled_cache", None) or {}


def fill_caches(runner: Runner) -> set[Any]:
    """The first repetitions, which are not counted; returns the keys in the statement cache.

    They end as the counted ones do, so that what this leaves is there before.
    """
    repeat(runner, range(1, REPETITIONS))
    known = set(cache_of(runner))
    repeat(runner, [REPETITIONS])
    forget(cache_of(runner), known)
    runner.database.reconnect()
    return known


def repeat(runner: Runner, numbers: Iterable[int]) -> None:
    for n in numbers:
        runner.reset(n)
        runner.perform()
        runner.close()


def cycles_of(runner: Runner, n: int) -> int:
    """Perform the n-th repetition; returns the objects that only the collector frees then."""
    runner.reset(n)
    gc.collect()
    gc.disable()
    try:
        runner.perform()
        runner.close()
        return gc.collect()
    finally:
        gc.enable()


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
    """The types of which there are most, with their number: built-in types last."""
    ranked = sorted(
        found.items(),
        key=lambda pair: (pair[0].__module__ == "builtins", -pair[1], pair[0].__qualname__),
    )
    return [[kind.__qualname__, number] for kind, number in ranked[:MOST]]
