"""What can be counted of an operation without valgrind, and is equal on every run."""

from __future__ import annotations

import cProfile
import pstats
import tracemalloc
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import statements
from .environment import quick
from .undisturbed import undisturbed

if TYPE_CHECKING:
    from .counting import Counts
    from .scenario import Scenario

METRICS = ("track_statements", "track_rows", "track_calls", "track_allocated")


def count(scenario: Scenario) -> Counts:
    """All of these counts, of a scenario that has been set up."""
    number = calls(scenario.perform)
    peaks = []
    # The least of three: once in a while a table that outlives the operation grows in it.
    for _ in range(1 if quick() else 3):
        scenario.again()
        peaks.append(allocated(scenario.perform))
    # Last: on an engine that was listened to, SQLAlchemy does more ever after.
    scenario.again()
    tape = scenario.recorded()
    return {
        "statements": len(tape.statements),
        "rows": tape.rows,
        "calls": number,
        "allocated": min(peaks),
        "sql": statements.summary(statement.sql for statement in tape.statements),
    }


def calls(operation: Callable[[], object]) -> int:
    """Calls of functions, built-in ones included, as SQLAlchemy's own profiling tests count."""
    profile = cProfile.Profile()
    with undisturbed():
        profile.enable()
        try:
            operation()
        finally:
            profile.disable()
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


def allocated(operation: Callable[[], object]) -> int:
    """Peak bytes of Python memory above what was there before, while the operation runs."""
    with undisturbed():
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            operation()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return peak - before
