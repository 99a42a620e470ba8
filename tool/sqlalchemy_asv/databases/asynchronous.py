"""The same databases through asyncio, to measure the cost of its drivers and its event loop."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import greenlet_spawn

from .mariadb import MariaDB
from .postgresql import PostgreSQL
from .sqlite import SQLite


class Asynchronous:
    """Runs functions as `AsyncSession.run_sync` does, on an event loop of its own."""

    asynchronous = True
    _loop: asyncio.AbstractEventLoop | None = None

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if self._loop is None:
            self._loop = self.new_loop()
        if inspect.iscoroutinefunction(function):
            return self._loop.run_until_complete(function(*arguments))
        return self._loop.run_until_complete(greenlet_spawn(function, *arguments))

    def new_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.new_event_loop()

    def close(self) -> None:
        super().close()  # type: ignore[misc]
        if self._loop is not None:
            self._loop.close()


class AsyncSQLite(Asynchronous, SQLite):
    """aiosqlite. Its thread is idle while this thread restores the database."""

    def make_engine(self) -> Engine:
        return create_async_engine(
            "sqlite+aiosqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
        ).sync_engine

    def connect(self) -> Any:
        return super().connect().driver_connection._conn


class AsyncServer(Asynchronous):
    async_scheme: ClassVar[str]

    def make_engine(self) -> Engine:
        url = self.where().set(drivername=self.async_scheme)  # type: ignore[attr-defined]
        return create_async_engine(url, poolclass=StaticPool).sync_engine


class AsyncPostgreSQL(AsyncServer, PostgreSQL):
    async_scheme = "postgresql+asyncpg"


class AsyncMariaDB(AsyncServer, MariaDB):
    async_scheme = "mariadb+aiomysql"
