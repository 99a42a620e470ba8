"""Waits for the pool and for the database, and who holds connections meanwhile."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from gevent.local import local
from sqlalchemy import Engine, event
from sqlalchemy.pool import QueuePool

from .response_times import Waits


class Request(local):  # type: ignore[misc]
    """The request that the current greenlet performs."""

    name = ""
    waits = Waits()


current = Request()
holders: dict[int, tuple[str, float]] = {}
"""The operation that holds each connection, and since when."""
when_empty: Counter[str] = Counter()
"""How many connections each operation held, at all times when a request began to wait for one."""


@contextlib.contextmanager
def request(name: str) -> Iterator[Waits]:
    """A request of an operation; yields its waits."""
    current.name, current.waits = name, Waits()
    yield current.waits


class MeasuredPool(QueuePool):
    """SQLAlchemy's own pool; it notes how long a request waits for a connection."""

    def _do_get(self) -> Any:
        most = self.size() + self._max_overflow
        if self._max_overflow < 0 or self.checkedout() < most:
            return super()._do_get()
        when_empty.update(name for name, _ in holders.values())
        start = time.perf_counter()
        try:
            return super()._do_get()
        finally:
            current.waits.pool += time.perf_counter() - start


def measure(engine: Engine) -> None:
    """Note the waits of every request that uses an engine."""

    @event.listens_for(engine, "checkout")
    def on_checkout(driver: Any, record: Any, _: Any) -> None:
        holders[id(record)] = current.name, time.perf_counter()

    @event.listens_for(engine, "checkin")
    def on_checkin(driver: Any, record: Any) -> None:
        _, since = holders.pop(id(record), ("", time.perf_counter()))
        current.waits.held += time.perf_counter() - since

    def timed(act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return act(*arguments, **options)
            finally:
                current.waits.database += time.perf_counter() - start

        return acting

    dialect = engine.dialect
    for name in ("execute", "execute_no_params", "executemany", "commit", "rollback"):
        vars(dialect)[f"do_{name}"] = timed(getattr(dialect, f"do_{name}"))
