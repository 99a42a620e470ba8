"""The runner of one case: sets it up, performs it, resets the database in between."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Protocol

from sqlalchemy.engine import Result
from sqlalchemy.util import await_only

from .databases.base import Database, at_once
from .label import refuse
from .statements.recording import Tape, recording


class Subject(Protocol):
    """The interface that a runner needs of its scenario.

    The first three may be `async def`. They get an `AsyncSession` then, and are awaited.
    """

    def make_session(self, engine: Any) -> Any: ...
    def prepare(self, session: Any, *arguments: Any) -> object: ...
    def load(self, session: Any, *arguments: Any) -> object: ...
    def operation(self, session: Any, *arguments: Any) -> object: ...
    def arguments(self, n: int) -> Mapping[str, Any]: ...


class Runner:
    """A case on a database of its own: the same rows and a new session before every performance."""

    def __init__(self, subject: Subject, database: Database, arguments: tuple[Any, ...]) -> None:
        self.database = database
        self._subject = subject
        self._arguments = arguments
        self._varied: Mapping[str, Any] = {}
        self._session: Any = None
        self._perform: Callable[..., object] = subject.operation
        if database.asynchronous:
            self._perform = functools.partial(database.run, subject.operation)

    @property
    def varies(self) -> bool:
        """Whether repetitions have arguments of their own."""
        return bool(self._subject.arguments(1))

    def warm_up(self, times: int) -> None:
        """Perform the operation `times` times, and learn what a reset has to restore.

        Once is not enough: with caches that the first performance filled, the second may differ.
        Raises `TypeError` if the operation returns something that has still to be run.
        """
        remaining = times
        while remaining:
            with at_once(self.database.engine) as taken:
                try:
                    self.reset()
                    refuse_unfinished(self.perform())
                    self.close()
                    failed = None
                except Exception as error:
                    failed = error
                finally:
                    self.close()
            if taken[-1] > self.database.connections:
                self.database.permit_many(taken[-1])
                remaining = times
            elif failed is None:
                self.database.learn()
                remaining -= 1
            elif not self.database.permit_writing(failed):
                raise failed

    def reset(self, repetition: int = 0) -> None:
        """Restore the dataset and open a new session, as before every sample.

        A repetition has the arguments that the subject gives it, 0 the subject's own.
        """
        self.close()
        if repetition or self._varied:
            own = vars(self._subject)
            for name in self._varied:
                del own[name]
            self._varied = self._subject.arguments(repetition) if repetition else {}
            own.update(self._varied)
        self.database.restore()
        self.database.run(self._open)

    def performance(self) -> Callable[[], object]:
        """The operation as a function to call once, in the session that `reset` left."""
        session = given(self._session, self._subject.operation)
        return functools.partial(self._perform, session, *self._arguments)

    def perform(self) -> object:
        """Perform the operation, in the session that `reset` left."""
        return self.performance()()

    def record(self) -> Tape:
        """Perform the operation once; returns the statements that it sends, with their rows."""
        with recording(self.database.engine) as tape:
            self.perform()
        return tape

    def driver(self) -> Any:
        """Restore the dataset, as before every sample; returns the driver's connection to it.

        No transaction is open on it, as on the operation's connection.
        """
        self.reset()
        self.close()
        return self.database.driver

    def close(self) -> None:
        """Close the session, if one is open."""
        if self._session is not None:
            self.database.run(close, self._session)
            self._session = None

    def finish(self) -> None:
        """Close the session and the database."""
        self.close()
        self.database.close()

    def _open(self) -> None:
        session = self._new_session()
        try:
            self._call(self._subject.prepare, session)
        finally:
            close(session)
        self._session = self._new_session()
        self._call(self._subject.load, self._session)

    def _new_session(self) -> Any:
        """A session of the application, on this database. Refuses one on another database."""
        engine: Any = self.database.engine
        if inspect.iscoroutinefunction(self._subject.operation):
            from sqlalchemy.ext.asyncio import AsyncEngine

            engine = AsyncEngine(engine)
        session = self._subject.make_session(engine)
        bind = getattr(session, "bind", None)
        if bind is not None and getattr(bind, "sync_engine", bind) is not self.database.engine:
            refuse(
                f"make_session of {type(self._subject).__name__} returned a session of another"
                " engine: bind it to the engine that it is given"
            )
        return session

    def _call(self, method: Callable[..., Any], session: Any) -> None:
        result = method(given(session, method), *self._arguments)
        if inspect.iscoroutine(result):
            await_only(result)


def close(session: Any) -> None:
    """Close a session of any kind, or remove that of a registry, in a greenlet if need be."""
    if hasattr(session, "sync_session"):
        session.sync_session.close()
        return
    closing = getattr(session, "remove", session.close)()
    if inspect.iscoroutine(closing):
        await_only(closing)


def given(session: Any, method: Callable[..., object]) -> Any:
    """The session that a method gets: an `AsyncSession` if it is `async def`, else none of those.

    The `AsyncSession` is around the session, if it is not one itself.
    """
    own = getattr(session, "sync_session", None)
    if not inspect.iscoroutinefunction(method):
        return session if own is None else own
    if own is not None:
        return session
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

    known: Any = lambda **_: session  # noqa: E731 (in the place of a class)
    return AsyncSession(AsyncEngine(session.get_bind()), sync_session_class=known)


def refuse_unfinished(result: object) -> None:
    """Raise `TypeError` for a result that nobody has awaited or consumed.

    The operation would look cheap, since its work has not been done.
    """
    if isinstance(result, Result) or hasattr(result, "_real_result"):
        unfinished = not getattr(result, "_soft_closed", False)
    else:
        unfinished = isinstance(result, (Awaitable, Iterator, AsyncIterator))
    if unfinished:
        raise TypeError(
            f"the operation returned a {type(result).__name__} that is not consumed:"
            " make the operation `async def`, or consume its result"
        )
