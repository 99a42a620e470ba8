"""What an operation sends to the database, statement by statement, and what it fetches."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Engine, event


@dataclasses.dataclass
class Statement:
    """One execution of a cursor: the SQL and parameters as the driver got them."""

    sql: str
    parameters: Any
    many: bool
    """Whether it was an `executemany`."""
    fetched: list[Any] = dataclasses.field(default_factory=list)
    """The rows that the driver handed over, whether or not they became objects."""
    exhausted: bool = True
    """Whether nothing was left to fetch."""
    failed: bool = True
    """Whether the database refused it; until it has answered, nobody knows better."""


@dataclasses.dataclass
class Tape:
    """Statements, and between them "commit" and "rollback", in the order they were sent."""

    items: list[Statement | str] = dataclasses.field(default_factory=list)

    @property
    def statements(self) -> list[Statement]:
        return [item for item in self.items if isinstance(item, Statement)]

    @property
    def rows(self) -> int:
        return sum(len(statement.fetched) for statement in self.statements)


class _RecordingCursor:
    """A driver's cursor that notes what is fetched from it."""

    def __init__(self, cursor: Any, statement: Statement) -> None:
        self._cursor = cursor
        self._statement = statement

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def fetchone(self) -> Any:
        row = self._cursor.fetchone()
        self._note([] if row is None else [row], exhausted=row is None)
        return row

    def fetchmany(self, *size: int) -> Any:
        rows = self._cursor.fetchmany(*size)
        self._note(rows, exhausted=not rows)
        return rows

    def fetchall(self) -> Any:
        rows = self._cursor.fetchall()
        self._note(rows, exhausted=True)
        return rows

    def _note(self, rows: list[Any], *, exhausted: bool) -> None:
        self._statement.fetched += rows
        self._statement.exhausted = exhausted


@contextlib.contextmanager
def recording(engine: Engine) -> Iterator[Tape]:
    """Record what goes through an engine while the block runs, on any driver."""
    tape = Tape()

    def before(
        connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool
    ) -> None:
        # A batch of an `insertmanyvalues` is announced as many, and is one with all its values.
        statement = Statement(sql, parameters, many and isinstance(parameters, list))
        tape.items.append(statement)
        if many and not statement.many:
            # Its rows are fetched before there is a result.
            context.fetchall_for_returning = lambda cursor: _RecordingCursor(
                cursor, statement
            ).fetchall()

    def after(
        connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool
    ) -> None:
        # The result that SQLAlchemy is about to make reads from the context's cursor.
        statement = tape.items[-1]
        assert isinstance(statement, Statement)
        statement.failed = False
        context.cursor = _RecordingCursor(cursor, statement)

    listeners: dict[str, Callable[..., None]] = {
        "before_cursor_execute": before,
        "after_cursor_execute": after,
        "commit": lambda connection: tape.items.append("commit"),
        "rollback": lambda connection: tape.items.append("rollback"),
    }
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        yield tape
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)
