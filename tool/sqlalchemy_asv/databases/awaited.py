"""Synchronous drivers below SQLAlchemy's extension for asyncio.

The extension closes the cursors of results by a method of its own, which no synchronous driver has.
"""

from __future__ import annotations

import functools
from typing import Any


async def _close_nothing(cursor: Any) -> None:
    """Results are read by then, and the cursor is closed with its result."""


@functools.cache
def _softly_closed(kind: Any) -> Any:
    return type(kind.__name__, (kind,), {"_async_soft_close": _close_nothing})


@functools.cache
def context_for(plain: Any) -> Any:
    """A dialect's class of execution contexts, with cursors that the extension can close.

    For the drivers sqlite3, PyMySQL and psycopg.
    """

    class Context(plain):  # type: ignore[misc]
        def create_default_cursor(self) -> Any:
            connection = self._dbapi_connection.dbapi_connection
            if self.dialect.driver == "pysqlite":
                return connection.cursor(_softly_closed(self.dialect.dbapi.Cursor))
            if self.dialect.driver == "pymysql":
                return connection.cursor(_softly_closed(connection.cursorclass))
            return _softly_closed(connection.cursor_factory)(connection)

    return Context
