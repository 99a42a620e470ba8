"""The same databases for counting: neither a thread nor a selector decides what a process does.

A driver for asyncio hands over an answer when its thread or the server has one, and psycopg reads
whatever has arrived. So calls, bytes and instructions would follow from time. Here, a synchronous
driver works below a dialect that is asynchronous to SQLAlchemy: each statement takes one turn of an
event loop that never waits. The work of the asynchronous driver is left out. Its time is measured.
"""

from __future__ import annotations

import abc
import asyncio
import functools
import select
import selectors
from collections.abc import Callable
from typing import Any

from sqlalchemy import URL, Dialect, Engine, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import await_only

from .asynchronous import Asynchronous
from .awaited import context_for
from .mariadb import MariaDB
from .postgresql import PostgreSQL
from .server import Server
from .sqlite import SQLite

BELOW = {"sqlite": "pysqlite", "postgresql": "psycopg", "mariadb": "pymysql"}
"""The synchronous driver that works for each kind of database."""
DRIVER = "sqlalchemy_asv"
"""The name of this module's dialects, in the place of a driver's."""
WAITED = (
    "through asyncio the operation waits for something other than the database, such as a timer, a"
    " thread or a connection of its own: its counts would follow from time"
)


def noted_nowhere() -> None:
    """A connection's waits count nowhere until its database counts them."""


class CountingRoundTrips(Server):
    """A server's database whose driver counts its waits."""

    round_trips: int = 0

    @abc.abstractmethod
    def new_connection(self, *arguments: Any, **options: Any) -> Any:
        """A connection of the driver that calls its attribute `waits` at each wait."""

    def connect_driver(self, dialect: Dialect, arguments: Any, options: Any) -> Any:
        connection = self.new_connection(*arguments, **options)
        connection.waits = self.note_wait
        return connection

    def note_wait(self) -> None:
        self.round_trips += 1


# --- asyncio --------------------------------------------------------------------------------------


class NeverReady(selectors.SelectSelector):
    """A selector for a loop that has no reason to wait."""

    def select(self, timeout: float | None = None) -> list[Any]:
        """Report nothing. Raises `NotImplementedError` if the loop would wait."""
        if timeout is None or timeout > 0:
            raise NotImplementedError(WAITED)
        return []


class Loop(asyncio.SelectorEventLoop):
    """An event loop that never waits."""

    def __init__(self) -> None:
        super().__init__(NeverReady())

    def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override]
        # A thread may have answered before the loop would wait for it.
        raise NotImplementedError(WAITED)


@functools.cache
def awaiting(plain: Any) -> Any:
    """A synchronous dialect's class, made asynchronous to SQLAlchemy."""

    def in_a_turn(act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*arguments: Any, **options: Any) -> Any:
            await_only(asyncio.sleep(0))
            return act(*arguments, **options)

        return acting

    own_streams = plain.supports_server_side_cursors

    class Context(context_for(plain.execution_ctx_cls)):  # type: ignore[misc]
        def create_server_side_cursor(self) -> Any:
            if own_streams:
                return super().create_server_side_cursor()
            return self._dbapi_connection.cursor()

    methods = ("execute", "execute_no_params", "executemany", "commit", "rollback")
    members: dict[str, Any] = {
        f"do_{name}": in_a_turn(getattr(plain, f"do_{name}")) for name in methods
    }
    members |= {"is_async": True, "execution_ctx_cls": Context}
    members |= {"supports_statement_cache": True}
    if not own_streams:
        members["supports_server_side_cursors"] = True
    return type(f"Awaiting{plain.__name__}", (plain,), members)


# SQLAlchemy finds a dialect under a name in a module.
for _name in BELOW:
    registry.register(f"{_name}.{DRIVER}", __name__, _name)


def __getattr__(name: str) -> Any:
    if name not in BELOW:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    kind: Any = URL.create(f"{name}+{BELOW[name]}").get_dialect()
    return awaiting(kind)


class DeterministicAsync(Asynchronous):
    """A synchronous driver as if it were asynchronous, on a loop that never waits."""

    def new_loop(self) -> asyncio.AbstractEventLoop:
        return Loop()


class DeterministicAsyncSQLite(DeterministicAsync, SQLite):
    def make_engine(self) -> Engine:
        return create_engine(f"sqlite+{DRIVER}://", poolclass=StaticPool)


class DeterministicAsyncServer(DeterministicAsync):
    def make_engine(self) -> Engine:
        url = self.where().set(drivername=f"{self.name}+{DRIVER}")  # type: ignore[attr-defined]
        return create_engine(url, poolclass=StaticPool)


# --- MariaDB --------------------------------------------------------------------------------------


@functools.cache
def counting_commands() -> Any:
    """PyMySQL's connection, which counts the commands that it sends: each waits for its answer."""
    import pymysql

    class CountingCommands(pymysql.connections.Connection):  # type: ignore[misc]
        waits: Callable[[], object] = staticmethod(noted_nowhere)

        def _execute_command(self, *command: Any) -> Any:
            self.waits()
            return super()._execute_command(*command)

    return CountingCommands


class DeterministicMariaDB(CountingRoundTrips, MariaDB):
    def new_connection(self, *arguments: Any, **options: Any) -> Any:
        return counting_commands()(*arguments, **options)


class DeterministicAsyncMariaDB(DeterministicAsyncServer, DeterministicMariaDB):
    pass


# --- PostgreSQL -----------------------------------------------------------------------------------


READ, WRITE = 1, 2
"""The two that psycopg waits for; 3 is either."""
PAUSE = 20
"""Milliseconds without another answer, after which the server has given all."""


@functools.cache
def sending_first() -> Any:
    """psycopg's connection, but it sends all it can before it reads, and reads whole answers.

    psycopg calls its generators once more for each piece of an answer. Its pipeline sends and reads
    in turns, as answers arrive.
    """
    import psycopg

    class SendingFirst(psycopg.Connection[Any]):
        waits: Callable[[], object] = staticmethod(noted_nowhere)

        def wait(self, generator: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]
            """Run one of psycopg's generators, to its end. They yield what they wait for."""
            poll = select.poll()
            try:
                wanted = int(next(generator))
                while True:
                    # Numbers and not psycopg's flags, whose operators are functions of Python.
                    reads = select.POLLIN if wanted & READ else 0
                    writes = select.POLLOUT if wanted & WRITE else 0
                    poll.register(self.pgconn.socket, reads | writes)
                    ((_socket, events),) = poll.poll()
                    sends = events & select.POLLOUT
                    if not sends:
                        self.waits()
                    while not sends:
                        # An answer that comes in pieces is read to its end, in one step. The
                        # pipeline's end cannot be known, so it is a pause.
                        self.pgconn.consume_input()
                        pause = PAUSE if self.pgconn.pipeline_status else 0
                        if not poll.poll(None if self.pgconn.is_busy() else pause):
                            break
                    wanted = int(generator.send(WRITE if sends else READ))
            except StopIteration as end:
                return end.value

    return SendingFirst


class DeterministicPostgreSQL(CountingRoundTrips, PostgreSQL):
    def new_connection(self, *arguments: Any, **options: Any) -> Any:
        return sending_first().connect(*arguments, **options)


class DeterministicAsyncPostgreSQL(DeterministicAsyncServer, DeterministicPostgreSQL):
    pass
