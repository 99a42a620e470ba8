"""What makes up a count: the plans, functions, bytecodes and lines behind it.

Each of these is equal on every run, in a process as `counting` starts it, so the difference between
two commits is what was changed. Keys hold no line numbers and no paths of this machine: both move
without a change of what is done.
"""

from __future__ import annotations

import cProfile
import linecache
import os
import pstats
import re
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from . import counts, profiling
from .instructions import LOGS, forked
from .undisturbed import undisturbed

if TYPE_CHECKING:
    from .counting import Counts
    from .scenario import Scenario

Amounts = dict[str, int]


def count(scenario: Scenario) -> Counts:
    """What `counts.count` counts of a scenario that has been set up, and its statements' plans."""
    found = counts.count(scenario)
    scenario.again()
    with profiling.query_profile(scenario.database.engine) as queries:
        scenario.perform()
    scenario.close()
    scans: list[str] = []
    different = {query.sql: query for query in queries.queries}
    with scenario.database.engine.connect() as connection:
        for query in different.values():
            plan = profiling.plan_of(connection, query)
            scans += plan.full_scans if plan else []
    n_plus_ones = {group.loading: group.times for group in queries.n_plus_ones()}
    return found | {"full scans": len(scans), "scans": sorted(scans), "lazily": n_plus_ones}


def explain(scenario: Scenario) -> Counts:
    """Calls, bytecodes and bytes at the peak of a scenario that has been set up, by place."""
    found: Counts = {}
    for kind, amounts in (("calls", calls), ("bytecodes", bytecodes)):
        scenario.again()
        found[kind] = amounts(scenario.perform)
    found["allocations"] = allocations(scenario.perform, scenario.again)
    return found


def calls(operation: Callable[[], object]) -> Amounts:
    """How often each function was called by which."""
    profile = cProfile.Profile()
    with undisturbed():
        profile.runcall(operation)
    found: Counter[str] = Counter()
    stats: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (file, _, name), (_, _, _, _, callers) in stats.items():
        for (calling_file, _, calling), (number, *_) in callers.items():
            found[f"{place(file, name)}, from {place(calling_file, calling)}"] += number
    return dict(found)


def place(file: str, name: str) -> str:
    """A function, with the file that defines it unless it is built in."""
    return re.sub(r" at 0x\w+", "", name) if file == "~" else f"{profiling.short(file)} {name}"


def bytecodes(operation: Callable[[], object]) -> Amounts:
    """How many instructions of Python's virtual machine each function executed."""
    executed: Counter[Any] = Counter()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "call":
            frame.f_trace_opcodes = True
        elif event == "opcode":
            executed[frame.f_code] += 1
        return trace

    with undisturbed():
        sys.settrace(trace)
        try:
            operation()
        finally:
            sys.settrace(None)
    found: Counter[str] = Counter()
    for code, number in executed.items():
        found[place(code.co_filename, code.co_name)] += number
    return dict(found)


def allocations(operation: Callable[[], object], again: Callable[[], object]) -> Amounts:
    """Bytes that each line holds when the operation holds most, apart from what was there before.

    Performs it twice: to learn at which call or return that is, and to look there.
    """
    most = at = number = 0
    snapshot: tracemalloc.Snapshot | None = None

    def learn(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal most, at, number
        number += 1
        now, _ = tracemalloc.get_traced_memory()
        if now > most:
            most, at = now, number

    def look(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal number, snapshot
        number += 1
        if number == at:
            sys.setprofile(None)
            snapshot = tracemalloc.take_snapshot()

    for watch in (learn, look):
        again()
        number = 0
        with undisturbed():
            tracemalloc.start()
            before = tracemalloc.take_snapshot()
            sys.setprofile(watch)
            try:
                operation()
            finally:
                sys.setprofile(None)
                tracemalloc.stop()
    found: Counter[str] = Counter()
    if snapshot is None:
        return {}
    for difference in snapshot.compare_to(before, "lineno"):
        frame = difference.traceback[0]
        if frame.filename not in (__file__, tracemalloc.__file__) and difference.size_diff > 0:
            line = linecache.getline(frame.filename, frame.lineno).strip()
            found[f"{profiling.short(frame.filename)} `{line}`"] += difference.size_diff
    return dict(found)


def symbols(scenario: Scenario) -> Counts:
    """Instructions by function of the interpreter, its libraries and the driver.

    In a process that `cachegrind` started.
    """
    with undisturbed():
        idle = forked(lambda: None)
        busy = forked(scenario.perform)
    for child in (idle, busy):
        if os.waitpid(child, 0)[1]:
            raise RuntimeError("the operation failed under valgrind")
    before, after = (by_symbol(LOGS / f"{child}.cachegrind") for child in (idle, busy))
    found = {name: number - before.get(name, 0) for name, number in after.items()}
    return {"symbols": {name: number for name, number in found.items() if number}}


def by_symbol(file: Path) -> Amounts:
    """What cachegrind wrote: a line with a function's name, then lines that begin with a number."""
    found: Counter[str] = Counter()
    name = ""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("fn="):
                name = line[3:].strip()
            elif line[0].isdigit():
                found[name] += int(line.split()[1])
    return dict(found)
