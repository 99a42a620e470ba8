"""The runner of one case: sets it up, performs it, resets the database in between."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Protocol

from sqlalchemy.engine import Result
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

from .databases.base import Database
from .statements.recording import Tape, recording


class Subject(Protocol):
    """The interface that a runner needs of its scenario.

    The first three may be `async def`. They get an `AsyncSession` then, and are awaited.
    """

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
        self._session: Session | None = None
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
        while times:
            try:
                self.reset()
                refuse_unfinished(self.perform())
                self.close()
                self.database.learn()
                times -= 1
            except Exception as error:
                self.close()
                if not self.database.permit_writing(error):
                    raise
            finally:
                self.close()

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
            self.database.run(self._session.close)
            self._session = None

    def finish(self) -> None:
        """Close the session and the database."""
        self.close()
        self.database.close()

    def _open(self) -> None:
        with Session(self.database.engine) as session:
            self._call(self._subject.prepare, session)
        self._session = Session(self.database.engine)
        self._call(self._subject.load, self._session)

    def _call(self, method: Callable[..., Any], session: Session) -> None:
        result = method(given(session, method), *self._arguments)
        if inspect.iscoroutine(result):
            await_only(result)


def given(session: Any, method: Callable[..., object]) -> Any:
    """The session that a method gets: an `AsyncSession` around it if the method is `async def`."""
    if not inspect.iscoroutinefunction(method):
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
