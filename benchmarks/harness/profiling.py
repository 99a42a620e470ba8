"""Why an operation takes what it takes: its statements, its memory, its time.

Usable in any test of one's own:

    with query_profile(engine) as profile:
        home_feed(session, user_id)
    assert profile.total_queries <= 3
    assert not profile.n_plus_ones()
"""

from __future__ import annotations

import contextlib
import cProfile
import dataclasses
import gc
import pstats
import re
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import ORMExecuteState, Session

from .recording import recording

LIBRARIES = (str(Path(sqlalchemy.__file__).parent), str(Path(__file__).parent))
"""Code that sends statements on behalf of an application."""
LAZILY = "sqlalchemy_asv_loading"
"""Execution option that tells what a statement loads lazily."""

# --- statements -----------------------------------------------------------------------------------


@dataclasses.dataclass
class Query:
    """One statement as it was sent. `seconds` is what the driver's `execute` took."""

    sql: str
    parameters: Any
    where: str
    """The application's line that caused it, as "package/module.py:12 in function"."""
    loading: str | None
    """What it loads lazily, such as "Post.comments"."""
    seconds: float = 0.0
    rows: int = 0

    @property
    def shortened(self) -> str:
        """The parameters, cut to what fits on a line."""
        text = repr(self.parameters)
        return text if len(text) <= 80 else f"{text[:77]}..."


@dataclasses.dataclass
class Repeated:
    """Statements with the same SQL, sent by the same line for the same reason."""

    sql: str
    where: str
    loading: str | None
    times: int
    seconds: float
    rows: int

    @property
    def is_n_plus_one(self) -> bool:
        """Whether each was sent for one more object of those that another statement found."""
        return self.loading is not None and self.times > 1


class QueryProfile:
    """The statements of a block of code. Times in seconds."""

    def __init__(self) -> None:
        self.queries: list[Query] = []

    @property
    def total_queries(self) -> int:
        return len(self.queries)

    @property
    def total_time(self) -> float:
        return sum(query.seconds for query in self.queries)

    @property
    def average_time(self) -> float:
        """Zero where there is no statement."""
        return self.total_time / len(self.queries) if self.queries else 0.0

    def slowest(self, number: int = 5) -> list[Query]:
        return sorted(self.queries, key=lambda query: query.seconds, reverse=True)[:number]

    def repeated(self) -> list[Repeated]:
        """Statements grouped, those sent most often first."""
        groups: dict[tuple[str, str, str | None], Repeated] = {}
        for query in self.queries:
            key = (query.sql, query.where, query.loading)
            group = groups.setdefault(key, Repeated(*key, times=0, seconds=0.0, rows=0))
            group.times += 1
            group.seconds += query.seconds
            group.rows += query.rows
        return sorted(groups.values(), key=lambda group: group.times, reverse=True)

    def n_plus_ones(self) -> list[Repeated]:
        """Relationships that were loaded lazily for one object after the other."""
        return [group for group in self.repeated() if group.is_n_plus_one]


@contextlib.contextmanager
def query_profile(engine: Engine) -> Iterator[QueryProfile]:
    """Profile what goes through an engine while the block runs, on any database."""
    profile = QueryProfile()
    starts: list[float] = []

    def say_what_is_loaded(state: ORMExecuteState) -> None:
        # It has none, and says so by raising, where it is not a SELECT.
        if state.is_select and state.lazy_loaded_from is not None:
            path = state.loader_strategy_path
            relationship = next((p for p in reversed(path or ()) if hasattr(p, "parent")), None)
            name = str(relationship) if relationship is not None else "a relationship"
            state.update_execution_options(**{LAZILY: name})

    def before(
        connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool
    ) -> None:
        options = context.execution_options if context is not None else {}
        where = application_line(sys._getframe(1))
        profile.queries.append(Query(sql, parameters, where, options.get(LAZILY)))
        starts.append(time.perf_counter())

    def after(
        connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool
    ) -> None:
        profile.queries[-1].seconds = time.perf_counter() - starts[-1]

    with recording(engine) as tape:
        event.listen(Session, "do_orm_execute", say_what_is_loaded)
        event.listen(engine, "before_cursor_execute", before)
        event.listen(engine, "after_cursor_execute", after)
        try:
            yield profile
        finally:
            event.remove(Session, "do_orm_execute", say_what_is_loaded)
            event.remove(engine, "before_cursor_execute", before)
            event.remove(engine, "after_cursor_execute", after)
            for query, statement in zip(profile.queries, tape.statements, strict=True):
                query.rows = len(statement.fetched)


def application_line(frame: FrameType | None) -> str:
    """Where the innermost code that is no library is, without the path to it."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((*LIBRARIES, "<")):
            module = frame.f_globals.get("__name__", "").replace(".", "/")
            name = f"{module}.py" if module and module != "__main__" else Path(file).name
            return f"{name}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back
    return "unknown"


# --- plans ----------------------------------------------------------------------------------------

EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN", "mysql": "EXPLAIN"}
"""By the name of SQLAlchemy's dialect; MariaDB's is called mysql or mariadb."""
EXPLAIN["mariadb"] = EXPLAIN["mysql"]
EXPLAINED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")


@dataclasses.dataclass
class Plan:
    """How the database finds the rows of a statement."""

    lines: list[str]
    full_scans: list[str]
    """Tables (or their aliases) of which it reads every row."""


def plan_of(connection: Connection, query: Query) -> Plan | None:
    """The database's plan for a statement, which is not executed; None if it has none for it."""
    word = EXPLAIN.get(connection.dialect.name)
    if word is None or not query.sql.lstrip("( \n").upper().startswith(EXPLAINED):
        return None
    if isinstance(query.parameters, list):  # of an `executemany`: the first will do
        parameters: Any = query.parameters[0] if query.parameters else ()
    else:
        parameters = query.parameters
    try:
        result = connection.exec_driver_sql(f"{word} {query.sql}", parameters or ())
        rows = result.mappings().all()
    except SQLAlchemyError:
        return None
    finally:
        connection.rollback()
    if connection.dialect.name == "sqlite":
        lines = [row["detail"] for row in rows]
        # One that walks an index in order and stops early is none.
        scans = [m[1] for line in lines if (m := re.match(r"SCAN (\w+)(?!.* USING)", line))]
        names = set(sqlalchemy.inspect(connection).get_table_names())
        aliases = set(re.findall(r"(?:AS|FROM|JOIN|,) +(\w+)", query.sql))
        temporary = set(
            re.findall(r"(?:WITH|RECURSIVE|,)\s+(\w+)\s*(?:\([^)]*\))? AS\s*\(", query.sql)
        )
        scans = [name for name in scans if name in names | aliases and name not in temporary]
    elif connection.dialect.name == "postgresql":
        lines = [row["QUERY PLAN"] for row in rows]
        scans = [m[1] for line in lines if (m := re.search(r"Seq Scan on (\w+)", line))]
    else:
        lines = [", ".join(f"{k}={v}" for k, v in row.items() if v is not None) for row in rows]
        scans = [
            row["table"]
            for row in rows
            if row["type"] == "ALL" and not str(row["table"]).startswith("<")
        ]
    return Plan(lines, scans)


# --- memory ---------------------------------------------------------------------------------------


@dataclasses.dataclass
class Allocation:
    """What a line of code allocated between two snapshots and has not freed."""

    where: str
    bytes: int
    blocks: int


@dataclasses.dataclass
class MemoryProfile:
    """Labelled snapshots of Python's memory."""

    snapshots: list[tuple[str, tracemalloc.Snapshot]] = dataclasses.field(default_factory=list)
    peak: int = 0
    """Bytes above what there was at the start."""

    def snapshot(self, label: str) -> None:
        gc.collect()
        own = (tracemalloc.Filter(False, __file__), tracemalloc.Filter(False, tracemalloc.__file__))
        self.snapshots.append((label, tracemalloc.take_snapshot().filter_traces(own)))

    def difference(self, first: int = 0, second: int = -1) -> int:
        """Bytes that one snapshot has more than another; the last and the first, unless told."""
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


def short(file: str) -> str:
    """A file without the path to it: below its package's parent, or the standard library's."""
    parts = Path(file).parts
    for folder in ("site-packages", f"python{sys.version_info[0]}.{sys.version_info[1]}"):
        if folder in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(folder) :])
    return "/".join(parts[-3:])


# --- time -----------------------------------------------------------------------------------------


@dataclasses.dataclass
class Times:
    """Statistics of wall times in seconds."""

    runs: int
    min: float
    max: float
    mean: float
    stdev: float
    median: float
    total: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Times:
        """Raises `ValueError` if there are none."""
        if not samples:
            raise ValueError("no samples")
        return cls(
            runs=len(samples),
            min=min(samples),
            max=max(samples),
            mean=statistics.mean(samples),
            stdev=statistics.stdev(samples) if len(samples) > 1 else 0.0,
            median=statistics.median(samples),
            total=sum(samples),
        )


@dataclasses.dataclass
class Called:
    """A function: how often it was called, and CPU seconds within it alone."""

    function: str
    calls: int
    seconds: float


LAYERS = ("driver", "SQLAlchemy", "application", "other")
DRIVERS = ("sqlite3", "psycopg", "asyncpg", "pymysql", "aiomysql", "aiosqlite")


@dataclasses.dataclass
class CPUProfile:
    """Where CPU time goes while Python's profiler watches, which slows calls but not C."""

    layers: dict[str, float]
    """Seconds by layer: the driver with the database, SQLAlchemy, the application, other."""
    functions: list[Called]
    """By their own time, most first."""
    calls: int


def cpu_profile(operation: Callable[[], object]) -> CPUProfile:
    profile = cProfile.Profile(time.process_time)
    profile.runcall(operation)
    found = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    layers = dict.fromkeys(LAYERS, 0.0)
    functions = []
    for (file, line, name), (_, calls, own, _, _) in found.items():
        layers[_layer(file, name)] += own
        place = name if file == "~" else f"{short(file)}:{line} {name}"
        functions.append(Called(place, calls, own))
    functions.sort(key=lambda called: called.seconds, reverse=True)
    return CPUProfile(layers, functions, sum(called.calls for called in functions))


def _layer(file: str, name: str) -> str:
    where = short(file)
    if (file == "~" and any(d in name for d in DRIVERS)) or where.startswith(DRIVERS):
        return "driver"
    if where.startswith("sqlalchemy/") or "sqlalchemy" in name:
        return "SQLAlchemy"
    if file.startswith(str(Path(__file__).parents[1])):
        return "other"
    in_library = "site-packages" in file or f"python{sys.version_info[0]}." in file
    return "other" if file == "~" or in_library else "application"
