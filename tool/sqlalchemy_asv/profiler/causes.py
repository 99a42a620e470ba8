"""The makeup of a count: the plans, functions, bytecodes and lines behind it.

In a process of `isolation.jobs`, each of these is equal in every run, so a difference between two
commits is a difference between their code. Keys hold no line numbers and no paths of this machine,
since both change without a change of the work.
"""

from __future__ import annotations

import linecache
import os
import re
import shutil
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, ClassVar

from .. import clock
from ..instruments.base import Counts, Instrument, Metric
from ..instruments.calls import profiled
from ..instruments.instructions import LOGS
from ..instruments.retained import fill_caches, repeat_and_forget
from ..isolation import addresses
from ..isolation.collector import undisturbed
from ..isolation.forks import forked
from ..places import function_name, is_application, short
from ..runner import Runner
from .plans import Plan, plans_of
from .statements import query_profile

DEPTH = 100
"""The frames of each allocation: as many as lead from the application to what it keeps."""
LARGE = 500
"""The rows of a table from which on it matters that a statement reads all of them."""
Amounts = dict[str, int]
"""A number for each place in the code."""


class Plans(Instrument):
    """The work of the database for the statements, their plans, and the lines that send them."""

    name = "plans"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(
            "full scans",
            "tables",
            f"Tables of {LARGE} rows or more of which a statement reads every row.",
        ),
        Metric("database steps", "steps", "The work of the database: see `Plan.steps`."),
    )

    def count(self, runner: Runner) -> Counts:
        with query_profile(runner.database.engine) as queries:
            runner.perform()
        runner.close()
        sent = queries.sent()  # the plan of an `executemany` was made for one of its sets
        plans = plans_of(runner.database, queries.queries)
        known = {sql: plan for sql, plan in plans.items() if isinstance(plan, Plan)}
        scans = [each for plan in known.values() for each in plan.full_scans.items()]
        return {
            "full scans": sum(rows >= LARGE for _, rows in scans),
            "database steps": sum(sent[sql] * (plan.steps or 0) for sql, plan in known.items()),
            "scans": sorted([table, rows] for table, rows in scans),
            "lazily": queries.lazy_loads(),
            "plans": {sql: plan.shape for sql, plan in known.items()},
            "where": queries.where(),
            "limits": queries.limits(),
        }


class Places(Instrument):
    """Calls, bytecodes and bytes at the peak, by place."""

    name = "places"
    metrics: ClassVar[tuple[Metric, ...]] = ()

    def count(self, runner: Runner) -> Counts:
        found: Counts = dict(calls(runner.performance()))
        runner.reset()
        found["bytecodes"] = bytecodes(runner.perform)
        found["allocations"] = allocations(runner)
        return found


class Lines(Instrument):
    """Nanoseconds of the processor by line of the application. They differ from run to run."""

    name = "lines"
    metrics: ClassVar[tuple[Metric, ...]] = ()

    def count(self, runner: Runner) -> Counts:
        found: Amounts = {}
        for _ in range(5):
            runner.reset()
            taken = by_line(runner.performance())
            found = {
                place: min(nanoseconds, found.get(place, nanoseconds))
                for place, nanoseconds in taken.items()
            }
        return {"lines": found}


class LeftBehind(Instrument):
    """Bytes that repetitions leave behind, by the application's line."""

    name = "left"
    metrics: ClassVar[tuple[Metric, ...]] = ()

    def count(self, runner: Runner) -> Counts:
        return {"left": left_behind(runner)}


class Symbols(Instrument):
    """Instructions by function of the interpreter, its libraries and the driver, by cachegrind."""

    name = "symbols"
    program = "cachegrind"
    metrics: ClassVar[tuple[Metric, ...]] = ()

    def missing(self) -> str | None:
        return addresses.missing() or (None if shutil.which("valgrind") else "valgrind is missing")

    def command(self) -> list[str]:
        super().command()
        LOGS.mkdir(exist_ok=True)
        command = [shutil.which("valgrind") or "", "--tool=cachegrind", "--cache-sim=no"]
        return [*command, "--log-file=/dev/null", f"--cachegrind-out-file={LOGS}/%p.cachegrind"]

    def count(self, runner: Runner) -> Counts:
        with undisturbed():
            idle = forked(lambda: None)
            busy = forked(runner.perform)
        for child in (idle, busy):
            if os.waitpid(child, 0)[1]:
                raise RuntimeError("the operation failed under valgrind")
        before, after = (by_symbol(LOGS / f"{child}.cachegrind") for child in (idle, busy))
        found = {name: number - before.get(name, 0) for name, number in after.items()}
        return {"symbols": {name: number for name, number in found.items() if number}}


def calls(operation: Callable[[], object]) -> dict[str, Amounts]:
    """Calls by function and caller.

    "own calls" are those by or of the application, "calls" the others, both of Python functions;
    "built-in calls" are those of built-in functions, which the count of calls leaves out.
    """
    found: dict[str, Counter[str]] = {
        kind: Counter() for kind in ("own calls", "calls", "built-in calls")
    }
    for (file, _, name), (_, _, _, _, callers) in profiled(operation).items():
        for (calling_file, _, calling), (number, *_) in callers.items():
            # A hook or a property of the application explains what SQLAlchemy calls.
            own = any(is_application(each) for each in (file, calling_file))
            by = "own calls" if own else "calls"
            amounts = found["built-in calls" if file == "~" else by]
            amounts[f"{place(file, name)}, from {place(calling_file, calling)}"] += number
    return {kind: dict(amounts) for kind, amounts in found.items()}


def place(file: str, name: str) -> str:
    """A function, with the file that defines it unless it is built in."""
    return re.sub(r" at 0x\w+", "", name) if file == "~" else f"{short(file)} {name}"


def bytecodes(operation: Callable[[], object]) -> Amounts:
    """The number of instructions of Python's virtual machine that each function executed."""
    executed: Counter[CodeType] = Counter()
    if sys.version_info >= (3, 12):
        # There, a trace function misses the first frames: a frame is asked for its instructions
        # when it is called, and those of its first call have begun by then.
        thread = threading.get_ident()

        def count(code: CodeType, offset: int) -> None:
            # A driver's threads wait in loops.
            if threading.get_ident() == thread and code.co_filename != __file__:
                executed[code] += 1

        monitored(operation, count)
    else:

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "call":
                frame.f_trace_opcodes = True
            elif event == "opcode":
                executed[frame.f_code] += 1
            return trace

        traced(operation, trace)
    found: Counter[str] = Counter()
    for code, number in executed.items():
        found[place(code.co_filename, function_name(code))] += number
    return dict(found)


if sys.version_info >= (3, 12):

    def monitored(
        operation: Callable[[], object], count: Callable[[CodeType, int], object]
    ) -> None:
        """Perform an operation with a call for each instruction of Python's virtual machine."""
        monitoring = sys.monitoring
        tool, event = monitoring.PROFILER_ID, monitoring.events.INSTRUCTION
        with undisturbed():
            monitoring.use_tool_id(tool, __name__)
            monitoring.register_callback(tool, event, count)
            monitoring.set_events(tool, event)
            try:
                operation()
            finally:
                monitoring.set_events(tool, monitoring.events.NO_EVENTS)
                monitoring.register_callback(tool, event, None)
                monitoring.free_tool_id(tool)


def traced(operation: Callable[[], object], trace: Callable[..., Any]) -> None:
    """Perform an operation with a trace function, while the garbage collector rests."""
    with undisturbed():
        sys.settrace(trace)
        try:
            operation()
        finally:
            sys.settrace(None)


def by_line(operation: Callable[[], object]) -> Amounts:
    """Nanoseconds of the processor by line of the application, with the other code it calls."""
    taken: Counter[tuple[str, int]] = Counter()
    running: list[tuple[str, int]] = []
    since = clock.processor()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal since
        if event == "call" and not is_application(frame.f_code.co_filename):
            return None
        if running:
            taken[running[-1]] += clock.processor() - since
        line = frame.f_code.co_filename, frame.f_lineno
        if event == "call":
            running.append(line)
        elif event == "line":
            running[-1] = line
        elif event == "return":
            running.pop()
        since = clock.processor()
        return trace

    traced(operation, trace)
    found: Counter[str] = Counter()
    for (file, number), nanoseconds in taken.items():
        found[f"{short(file)} `{linecache.getline(file, number).strip()}`"] += nanoseconds
    return dict(found)


def line_of(frame: tracemalloc.Frame) -> str:
    """A line of code, with its file."""
    return f"{short(frame.filename)} `{linecache.getline(frame.filename, frame.lineno).strip()}`"


def allocations(runner: Runner) -> Amounts:
    """Bytes that each line holds at the operation's peak, without those held before.

    Performs it twice: to find the call or return at which the peak is, and to look there.
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
        runner.reset()
        number = 0
        with undisturbed():
            tracemalloc.start()
            before = tracemalloc.take_snapshot()
            sys.setprofile(watch)
            try:
                runner.perform()
            finally:
                sys.setprofile(None)
                tracemalloc.stop()
    found: Counter[str] = Counter()
    if snapshot is None:
        return {}
    for difference in snapshot.compare_to(before, "lineno"):
        frame = difference.traceback[0]
        if frame.filename not in (__file__, tracemalloc.__file__) and difference.size_diff > 0:
            found[line_of(frame)] += difference.size_diff
    return dict(found)


def left_behind(runner: Runner) -> Amounts:
    """Bytes that repetitions leave behind, by the line of the application that allocated them.

    Without the statements in SQLAlchemy's cache.
    """
    known, _ = fill_caches(runner)
    tracemalloc.start(DEPTH)
    try:
        repeat_and_forget(runner, 1, known)
        snapshot = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    found: Counter[str] = Counter()
    for trace in snapshot.traces:
        frames = [frame for frame in trace.traceback if is_application(frame.filename)]
        if frames:
            found[line_of(frames[-1])] += trace.size
    return dict(found)


def by_symbol(file: Path) -> Amounts:
    """Instructions by function, from cachegrind's file: a line with a name, then its numbers."""
    found: Counter[str] = Counter()
    name = ""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("fn="):
                name = line[3:].strip()
            elif line[0].isdigit():
                found[name] += int(line.split()[1])
    return dict(found)
