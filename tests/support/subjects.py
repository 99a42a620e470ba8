"""Operations of tests, as a runner performs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from sqlalchemy_asv.databases.sqlite import SQLite
from sqlalchemy_asv.runner import Runner

from fixtures.social.models import Base

Operation = Callable[[Session, str, int], object]


class Subject:
    """An operation that gets a name and a number, others in each repetition."""

    name, number = "tag0", 0

    def __init__(self, operation: Operation, *, varies: bool = True) -> None:
        self.called, self.varies = operation, varies
        self.seen: list[int] = []

    def arguments(self, n: int) -> dict[str, Any]:
        return {"name": f"tag{n}", "number": n} if self.varies else {}

    def prepare(self, session: Session) -> None:
        self.seen.append(self.number)

    def load(self, session: Session) -> None: ...

    def make_session(self, engine: Engine) -> Session:
        return Session(engine)

    def operation(self, session: Session) -> object:
        return self.called(session, self.name, self.number)


class Doing:
    """A scenario with an operation of a test's."""

    def __init__(self, operation: Callable[..., object]) -> None:
        self.operation = operation

    def arguments(self, n: int) -> dict[str, Any]:
        return {}

    def prepare(self, session: Session) -> None: ...
    def load(self, session: Session) -> None: ...

    def make_session(self, engine: Engine) -> Session:
        return Session(engine)


def runner_of(subject: Any) -> Runner:
    """A runner on an empty social network."""
    empty = SQLite()
    Base.metadata.create_all(empty.engine)
    return Runner(subject, SQLite(empty.serialize()), ())


TEN = """
from sqlalchemy import create_engine, text
engine = create_engine("sqlite://")

def send():
    with engine.connect() as connection:
        for n in range(10):
            connection.execute(text("SELECT :n"), {"n": n})
"""


def ten_statements(tests: int) -> str:
    """A module with some tests, each of which sends ten statements."""
    return "\n".join([TEN, *(f"def test_{n}(): send()" for n in range(tests))])
