"""The base of simulated users of a data layer."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import gevent
from locust import User
from locust.exception import RescheduleTask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

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

    A subclass names its dataset, its limits and its think time; its tasks call `perform`. The
    response time starts when the user wants an operation, at the end of his think time. It does not
    start later, when this process or a connection has time for him.
    """

    abstract = True
    dataset: ClassVar[str]
    limits: ClassVar[Limits]
    think_time: ClassVar[float]
    """Seconds."""
    engine: ClassVar[Engine]
    seeds: ClassVar[random.Random] = random.Random(2026)

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.random = random.Random(self.seeds.random())
        self.wanted = time.perf_counter()

    def wait_time(self) -> float:
        """The seconds that Locust waits after each task."""
        self.wanted = time.perf_counter() + self.think_time
        return self.think_time

    def think(self) -> None:
        """Wait within a task."""
        gevent.sleep(self.wait_time())

    def perform(
        self,
        operation: Callable[..., Result],
        *,
        answers: tuple[type[Exception], ...] = (),
        **arguments: Any,
    ) -> Result:
        """Perform an operation in a session of its own.

        `answers` are errors that count as answers and not as failures. A failure is recorded with
        its reason. After any error, the user goes on with another task.
        """
        error: Exception | None = None
        with pool.request(operation.__name__) as waits:
            try:
                with Session(self.engine) as session:
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
