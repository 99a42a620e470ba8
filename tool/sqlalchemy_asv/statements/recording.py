"""The statements that an engine sends, and the rows that it fetches for each.

They are recorded at the driver's cursor, through which every call passes. Hooks of SQLAlchemy miss
rows in some releases (of `insertmanyvalues` before 2.0.10), and an engine that has had listeners
makes more calls ever after.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Engine

from .. import clock


@dataclasses.dataclass
class Statement:
    """One execution of a cursor: the SQL and parameters as the driver got them."""

    sql: str
    parameters: Any
    many: bool
    """Whether it was an `executemany`."""
    bare: bool = False
    """Whether the driver got no parameters: it does not look for places of them then."""
    fetched: list[Any] = dataclasses.field(default_factory=list)
    """The rows that the driver handed over, whether or not they became objects."""
    exhausted: bool = True
    """Whether nothing was left to fetch."""
    failed: bool = True
    """Whether the database refused it; true until it has answered."""
    seconds: float = 0.0
    """Wall time of the driver's call that executed it."""


@dataclasses.dataclass
class Tape:
    """Statements, and between them "commit", "rollback" and "ping", in the order they were sent."""

    items: list[Statement | str] = dataclasses.field(default_factory=list)

    @property
    def statements(self) -> list[Statement]:
        return [item for item in self.items if isinstance(item, Statement)]

    @property
    def rows(self) -> int:
        return sum(len(statement.fetched) for statement in self.statements)

    @property
    def round_trips(self) -> int:
        """The waits of a driver that sends each item, and a BEGIN before each transaction."""
        number, begun = 0, False
        for item in self.items:
            number += 1
            if isinstance(item, Statement):
                number += not begun
                begun = True
            elif item != "ping":
                begun = False
        return number


Notice = Callable[[Statement, Any], object]
"""Called with a statement that is about to be executed, and SQLAlchemy's execution context."""


class _RecordingCursor:
    """A driver's cursor that notes what is executed and fetched."""

    _own = frozenset({"_cursor", "_context", "_tape", "_notice", "_statement"})

    def __init__(self, cursor: Any, context: Any, tape: Tape, notice: Notice | None) -> None:
        self._cursor = cursor
        self._context = context
        self._tape = tape
        self._notice = notice
        self._statement: Statement | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._own:
            object.__setattr__(self, name, value)
        else:
            setattr(self._cursor, name, value)

    def execute(self, sql: str | bytes, *arguments: Any, **options: Any) -> Any:
        return self._send(self._cursor.execute, sql, *arguments, many=False, **options)

    def executemany(self, sql: str, *arguments: Any, **options: Any) -> Any:
        return self._send(self._cursor.executemany, sql, *arguments, many=True, **options)

    def _send(
        self,
        send: Callable[..., Any],
        sql: str | bytes,
        *arguments: Any,
        many: bool,
        **options: Any,
    ) -> Any:
        # psycopg2 sends several at once as bytes.
        text = sql if isinstance(sql, str) else sql.decode(errors="replace")
        bare = not arguments
        statement = self._statement = Statement(text, () if bare else arguments[0], many, bare=bare)
        self._tape.items.append(statement)
        if self._notice is not None:
            self._notice(statement, self._context)
        start = clock.seconds()
        result = send(sql, *arguments, **options)
        statement.seconds = clock.seconds() - start
        statement.failed = False
        return result

    def fetchone(self) -> Any:
        row = self._cursor.fetchone()
        self._note([] if row is None else [row], exhausted=row is None)
        return row

    def fetchmany(self, *size: Any, **options: Any) -> Any:
        rows = self._cursor.fetchmany(*size, **options)
        self._note(rows, exhausted=not rows)
        return rows

    def fetchall(self) -> Any:
        rows = self._cursor.fetchall()
        self._note(rows, exhausted=True)
        return rows

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def _note(self, rows: Any, *, exhausted: bool) -> None:
        if self._statement is not None:
            self._statement.fetched += rows
            self._statement.exhausted = exhausted


def _is_first_connect(connection: Any) -> bool:
    """Whether SQLAlchemy is asking a server about itself, as it does once for each engine."""
    return type(connection).__name__ == "_AdhocProxiedConnection"


def attach(engine: Engine, tape: Tape, notice: Notice | None = None) -> Callable[[], None]:
    """Record what an engine sends and fetches on a tape; returns a function that ends it."""
    dialect: Any = engine.dialect
    plain: Any = dialect.execution_ctx_cls

    class RecordingContext(plain):  # type: ignore[misc]
        def create_cursor(self) -> Any:
            cursor = super().create_cursor()
            if _is_first_connect(self._dbapi_connection):
                return cursor
            return _RecordingCursor(cursor, self, tape, notice)

    def noted(what: str, act: Callable[..., Any], connection: Any) -> Any:
        # After an end, the pool rolls back once more to reset the connection.
        if tape.items and isinstance(tape.items[-1], Statement):
            tape.items.append(what)
        return act(connection)

    def pinged(connection: Any) -> Any:
        tape.items.append("ping")
        return ping(connection)

    ping = dialect.do_ping
    replaced = {
        "execution_ctx_cls": RecordingContext,
        "do_commit": functools.partial(noted, "commit", dialect.do_commit),
        "do_rollback": functools.partial(noted, "rollback", dialect.do_rollback),
        "do_ping": pinged,
    }
    before = {name: vars(dialect)[name] for name in replaced if name in vars(dialect)}
    vars(dialect).update(replaced)

    def end() -> None:
        for name in replaced:
            del vars(dialect)[name]
        vars(dialect).update(before)

    return end


@contextlib.contextmanager
def recording(engine: Engine, notice: Notice | None = None) -> Iterator[Tape]:
    """Record the statements and rows of an engine while the block runs, on any driver."""
    tape = Tape()
    end = attach(engine, tape, notice)
    try:
        yield tape
    finally:
        end()
