"""Counts that are the same on every run: statements sent and rows fetched."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, event


@dataclasses.dataclass
class Counts:
    statements: int = 0
    """Executions of a cursor; an `executemany` is one, BEGIN and COMMIT are none."""
    rows: int = 0
    """Rows the driver handed over, whether or not they became objects."""


class _CountingCursor:
    """A driver's cursor that adds the rows it hands over to `counts`."""

    def __init__(self, cursor: Any, counts: Counts) -> None:
        self._cursor = cursor
        self._counts = counts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def fetchone(self) -> Any:
        row = self._cursor.fetchone()
        self._counts.rows += row is not None
        return row

    def fetchmany(self, *size: int) -> Any:
        rows = self._cursor.fetchmany(*size)
        self._counts.rows += len(rows)
        return rows

    def fetchall(self) -> Any:
        rows = self._cursor.fetchall()
        self._counts.rows += len(rows)
        return rows


@contextlib.contextmanager
def counting(engine: Engine) -> Iterator[Counts]:
    """Count what goes through an engine while the block runs, on any driver."""
    counts = Counts()

    def executed(
        connection: Any, cursor: Any, statement: Any, parameters: Any, context: Any, many: Any
    ) -> None:
        counts.statements += 1
        # The result that SQLAlchemy is about to make reads from the context's cursor.
        context.cursor = _CountingCursor(cursor, counts)

    event.listen(engine, "after_cursor_execute", executed)
    try:
        yield counts
    finally:
        event.remove(engine, "after_cursor_execute", executed)
