"""The runner of one case: sets it up, performs it, resets the database in between."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sqlalchemy.orm import Session

from .databases.base import Database
from .statements.recording import Tape, recording


class Subject(Protocol):
    """The interface that a runner needs of its scenario."""

    def prepare(self, session: Session, *arguments: Any) -> None: ...
    def load(self, session: Session, *arguments: Any) -> None: ...
    def operation(self, session: Session, *arguments: Any) -> object: ...
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

    def warm_up(self, times: int) -> None:
        """Perform the operation `times` times, and learn what a reset has to restore.

        Once is not enough: with caches that the first performance filled, the second may differ.
        """
        while times:
            try:
                self.reset()
                self.perform()
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
        return functools.partial(self._perform, self._session, *self._arguments)

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
            self._subject.prepare(session, *self._arguments)
        self._session = Session(self.database.engine)
        self._subject.load(self._session, *self._arguments)
