"""The base of simulated users of a data layer."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import inspect
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, TypeVar, overload

import gevent
from locust import User
from locust.exception import RescheduleTask
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from ..databases.awaited import context_for
from . import events, pool

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits for all requests together: times in seconds, errors as a share."""

    error_rate: float
    average: float
    p95: float | None = None
    p99: float | None = None

    def __iter__(self) -> Any:
        """Name and value of each limit that is set."""
        found = dataclasses.asdict(self).items()
        return ((name, value) for name, value in found if value is not None)


class DataLayerUser(User):
    """A user who performs operations, one after the other, and thinks in between.

    A subclass names its limits and its think time; its tasks call `perform`. Where Locust is
    started by itself, it names a columnar dataset as well. The response time starts when the user
    wants an operation, at the end of his think time. It does not start later, when this process or
    a connection has time for him.
    """

    abstract = True
    dataset: ClassVar[str | None] = None
    limits: ClassVar[Limits]
    think_time: ClassVar[float]
    """Seconds."""
    engine: ClassVar[Engine]
    seeds: ClassVar[random.Random] = random.Random(2026)

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.random = random.Random(self.seeds.random())
        self.wanted = time.perf_counter()

    def make_session(self) -> Any:
        """The session of an operation, which gets the engine; or one of your own.

        That of an `async def` operation is an `AsyncSession`.
        """
        return Session()

    def wait_time(self) -> float:
        """The seconds that Locust waits after each task."""
        self.wanted = time.perf_counter() + self.think_time
        return self.think_time

    def think(self) -> None:
        """Wait within a task."""
        gevent.sleep(self.wait_time())

    @overload
    def perform(
        self,
        operation: Callable[..., Coroutine[Any, Any, Result]],
        *,
        answers: tuple[type[Exception], ...] = (),
        **arguments: Any,
    ) -> Result: ...

    @overload
    def perform(
        self,
        operation: Callable[..., Result],
        *,
        answers: tuple[type[Exception], ...] = (),
        **arguments: Any,
    ) -> Result: ...

    def perform(
        self,
        operation: Callable[..., Any],
        *,
        answers: tuple[type[Exception], ...] = (),
        **arguments: Any,
    ) -> Any:
        """Perform an operation in a session of its own; an `async def` operation is awaited.

        `answers` are errors that count as answers and not as failures. A failure is recorded with
        its reason. After any error, the user goes on with another task.
        """
        error: Exception | None = None
        with pool.request(operation.__name__) as waits:
            try:
                if inspect.iscoroutinefunction(operation):
                    result = awaited(self._perform_async(operation, arguments))
                else:
                    session = self.make_session()
                    session.bind = self.engine
                    with contextlib.closing(session):
                        result = operation(session, **arguments)
            except Exception as raised:
                error = raised
        now = time.perf_counter()
        failure = None if error is None or isinstance(error, answers) else error
        name = operation.__name__
        events.record(self.environment, name, now - self.wanted, failure, waits)
        self.wanted = now
        if error is not None:
            raise RescheduleTask
        return result

    async def _perform_async(self, operation: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        session = self.make_session()
        if isinstance(session, Session):
            session = AsyncSession()
        session.sync_session.bind = asynchronous(self.engine)
        try:
            return await operation(session, **arguments)
        finally:
            await session.close()


@functools.cache
def asynchronous(engine: Engine) -> Engine:
    """An engine for SQLAlchemy's extension for asyncio, on a driver that waits as gevent does.

    The extension's own check of the driver is for engines that are handed to it, not for binds.
    """
    found = engine.execution_options()
    dialect: Any = copy.copy(engine.dialect)
    dialect.execution_ctx_cls = context_for(dialect.execution_ctx_cls)
    found.dialect = dialect
    return found


def awaited(operation: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that waits for nothing but its session.

    Raises `RuntimeError` if it waits for something else: gevent runs users, and no event loop.
    """
    try:
        operation.send(None)
    except StopIteration as end:
        return end.value
    operation.close()
    raise RuntimeError("awaits something else than its session, and there is no event loop")
