"""Waits for the pool and for the database, and who holds connections meanwhile."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

from greenlet import GreenletExit
from sqlalchemy import Engine, event
from sqlalchemy.pool import QueuePool

from .response_times import Waits


class Request(NamedTuple):
    """A request of an operation."""

    name: str
    waits: Waits


NONE = Request("", Waits())
"""What happens outside of requests, such as a warm-up of the pool. Nobody reads its waits."""
# Each user's greenlet has a context of its own. Greenlets that SQLAlchemy starts for asyncio share
# that of the user; gevent's local variables would be others there.
current: ContextVar[Request] = ContextVar("current", default=NONE)
holders: dict[int, tuple[str, float]] = {}
"""The operation that holds each connection, and since when."""
when_empty: Counter[str] = Counter()
"""How many connections each operation held, at all times when a request began to wait for one."""


@contextlib.contextmanager
def request(name: str) -> Iterator[Waits]:
    """A request of an operation; yields its waits."""
    request = Request(name, Waits())
    current.set(request)
    yield request.waits


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
            current.get().waits.pool += time.perf_counter() - start


def is_fault(record: logging.LogRecord) -> bool:
    """Whether the pool's log tells of a fault. The end of a user is none: the test is over then."""
    return not (record.exc_info and isinstance(record.exc_info[1], GreenletExit))


# A user may be ended while its connection is reset. The pool would print a traceback.
logging.getLogger(f"{__name__}.{MeasuredPool.__name__}").addFilter(is_fault)


def measure(engine: Engine) -> None:
    """Note the waits of every request that uses an engine."""

    @event.listens_for(engine, "checkout")
    def on_checkout(driver: Any, record: Any, _: Any) -> None:
        holders[id(record)] = current.get().name, time.perf_counter()

    @event.listens_for(engine, "checkin")
    def on_checkin(driver: Any, record: Any) -> None:
        _, since = holders.pop(id(record), ("", time.perf_counter()))
        current.get().waits.held += time.perf_counter() - since

    def timed(act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return act(*arguments, **options)
            finally:
                current.get().waits.database += time.perf_counter() - start

        return acting

    dialect = engine.dialect
    for name in ("execute", "execute_no_params", "executemany", "commit", "rollback"):
        vars(dialect)[f"do_{name}"] = timed(getattr(dialect, f"do_{name}"))
