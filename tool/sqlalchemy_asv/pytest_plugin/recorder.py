"""Recording all engines of a process, one test after the other."""

from __future__ import annotations

import contextlib
import gc
import re
import sqlite3
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import CacheStats, Dialect
from sqlalchemy.orm import Session
from sqlalchemy.orm.mapper import _all_registries
from sqlalchemy.pool import Pool
from sqlalchemy.util import await_only

from ..instruments.calls import calls
from ..places import application_line
from ..profiler.plans import EXPLAINED, SQLiteReading, keyword
from ..profiler.statements import query_of, say_what_is_loaded
from ..statements.recording import Statement, Tape, attach
from .counts import Counts

DEFINES = re.compile(r"\s*(CREATE|DROP|ALTER)\b", re.IGNORECASE)
"""A statement that changes a schema."""


END = "_sqlalchemy_asv_end"
"""The attribute of a dialect with the function that ends its recording."""


class _Nowhere(list[Any]):
    """The items of a tape while no test is called: nothing is kept."""

    def append(self, item: Any) -> None:
        pass


class Recorder:
    """Records the statements of a test, through every engine that there is or will be."""

    def __init__(self) -> None:
        self._tape = Tape()
        self.counts = Counts(self._tape)
        self.forget()
        self._active = False
        self._engines: weakref.WeakSet[Engine] = weakref.WeakSet()
        self._dialects: weakref.WeakSet[Any] = weakref.WeakSet()
        self.schema: list[tuple[str, str]] = []
        """Statements that change the schema, of set-ups too, since they were last taken, with the
        lines that send them."""

    # --- attaching ----------------------------------------------------------------------------

    def install(self) -> Callable[[], None]:
        """Record every engine from now on; returns a function that ends it."""
        before = vars(Dialect)["engine_created"]

        def created(kind: type[Dialect], engine: Engine) -> None:
            before.__func__(kind, engine)
            self._attach(engine)

        # SQLAlchemy calls it with each engine that it makes. It reads the signature of the
        # engine's own `__init__`, which must therefore stay.
        Dialect.engine_created = classmethod(created)  # type: ignore[assignment]
        # Some were made when a module or a plugin was imported.
        for each in gc.get_objects():
            with contextlib.suppress(Exception):  # whatever an object's own `__class__` raises
                if isinstance(each, Engine):
                    self._attach(each)
        event.listen(Session, "do_orm_execute", self._say_what_is_loaded)
        event.listen(Pool, "checkout", self._checked_out)

        def end() -> None:
            Dialect.engine_created = before  # type: ignore[method-assign]
            event.remove(Session, "do_orm_execute", self._say_what_is_loaded)
            event.remove(Pool, "checkout", self._checked_out)
            for dialect in list(self._dialects):
                vars(dialect).pop(END)()

        return end

    def _attach(self, engine: Engine) -> None:
        self._engines.add(engine)
        if engine.dialect not in self._dialects:
            self._dialects.add(engine.dialect)
            # It refers to the dialect, so it may live as long as that, and no longer.
            vars(engine.dialect)[END] = attach(engine, self._tape, self._notice)

    # --- a test -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def test(self) -> Iterator[Counts]:
        """Record while the block runs. Statement caches are empty when it begins."""
        for engine in list(self._engines):
            engine.clear_compiled_cache()
        for registry in _all_registries():
            # `registry.mappers` raises if a class of a test could not be mapped.
            for manager in list(registry._managers):
                if mapper := vars(manager).get("mapper"):
                    vars(mapper).pop("_compiled_cache", None)
        self.counts.clear()
        self._active = True
        try:
            yield self.counts
        finally:
            self._active = False

    def forget(self) -> None:
        """Keep nothing of the last test."""
        self.counts.clear()
        self._tape.items = _Nowhere()

    # --- what SQLAlchemy does -----------------------------------------------------------------

    def _say_what_is_loaded(self, state: Any) -> None:
        if self._active:
            say_what_is_loaded(state)

    def _checked_out(self, *_: Any) -> None:
        if self._active:
            self.counts.checkouts += 1

    def _notice(self, statement: Statement, context: Any) -> None:
        if DEFINES.match(statement.sql):
            self.schema.append((statement.sql, application_line(sys._getframe(1))))
        if not self._active:
            return
        self.counts.add(query_of(statement, context))
        is_ddl = getattr(context, "isddl", False)
        missed = context.cache_hit is not CacheStats.CACHE_HIT
        if context.compiled is not None and missed and not is_ddl:
            self.counts.contexts[id(context)] = context
        if context.dialect.name == "sqlite" and statement.sql not in self.counts.plans:
            self._explain(statement, context)

    def _explain(self, statement: Statement, context: Any) -> None:
        """Note SQLite's plan, which it tells without a change of anything."""
        if keyword(statement.sql) not in {*EXPLAINED} - {"INSERT"}:
            return
        parameters = statement.parameters
        if statement.many:
            parameters = parameters[0] if parameters else ()
        try:
            driver = context._dbapi_connection.driver_connection
            sql = f"EXPLAIN QUERY PLAN {statement.sql}"
            if isinstance(driver, sqlite3.Connection):
                rows = driver.cursor().execute(sql, parameters).fetchall()
            elif context.dialect.is_async:
                rows = await_only(driver.execute_fetchall(sql, parameters))
            else:
                return
            lines = [row[3] for row in rows]
        except Exception:  # the statement itself will tell
            return
        self.counts.plans[statement.sql] = lines
        reading = SQLiteReading(None, statement.sql, ())  # type: ignore[arg-type]
        if tables := reading.tables_scanned(lines):
            self.counts.scans[statement.sql] = tables


def counted_calls(function: Callable[[], object]) -> int | None:
    """The calls of Python functions while a function runs; None if another profiler is active."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:  # such as pytest's own outcomes
            failed.append(error)

    try:
        found: int | None = calls(run)
    except ValueError:  # "Another profiling tool is already active"
        found = None
        function()
    if failed:
        raise failed[0]
    return found


def objects() -> Counter[str]:
    """The objects that Python's garbage collector knows, by type."""
    gc.collect()
    return Counter(
        f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects()
    )
