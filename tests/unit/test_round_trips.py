"""Waits for the server, and objects that are loaded again."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.orm import Session
from sqlalchemy_asv.compare.causes import of_statements
from sqlalchemy_asv.instruments.refreshed import Refreshed
from sqlalchemy_asv.instruments.statements import StatementsAndRows
from sqlalchemy_asv.latency import waits
from sqlalchemy_asv.statements.recording import Tape, _RecordingCursor, recording

from fixtures.social.models import Tag

from ..support.subjects import Doing, runner_of

# --- round trips ----------------------------------------------------------------------------------


def reads(session: Session) -> None:
    session.scalars(select(Tag)).all()


def writes(session: Session) -> None:
    session.execute(insert(Tag), [{"name": "one"}, {"name": "two"}])
    session.commit()


def writes_each(session: Session) -> None:
    for name in ("one", "two", "three"):
        session.add(Tag(name=name))
        session.commit()


def nests(session: Session) -> None:
    with session.begin_nested():
        session.execute(text("SELECT 1"))
    session.commit()


def nothing(session: Session) -> None:
    session.commit()
    session.rollback()


@pytest.mark.parametrize(
    ("operation", "round_trips"),
    [
        (reads, 3),  # BEGIN, SELECT, and the ROLLBACK when the session is closed
        (writes, 3),
        (writes_each, 9),
        (nests, 5),  # BEGIN, SAVEPOINT, SELECT, RELEASE, COMMIT
        (nothing, 0),
    ],
)
def test_round_trips_are_those_of_statements_and_transactions(
    operation: Callable[[Session], None], round_trips: int
) -> None:
    runner = runner_of(Doing(operation))
    runner.warm_up(1)
    runner.reset()
    assert StatementsAndRows().count(runner)["round_trips"] == round_trips


def test_a_ping_is_a_round_trip(tmp_path: Any) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'file'}", pool_pre_ping=True)
    with recording(engine) as tape:
        for _ in range(3):
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
    assert tape.items.count("ping") == 2  # not of a new connection
    assert tape.round_trips == 2 + 3 * 3


def test_waits_are_arithmetic() -> None:
    assert waits(3) == (
        "1.5 ms at 0.5 ms of latency, 6 ms at 2 ms, 60 ms at 20 ms (arithmetic, not measured)"
    )
    assert waits(-1000, "+").startswith("-500 ms at 0.5 ms of latency, -2,000 ms at 2 ms, ")


# --- refreshed ------------------------------------------------------------------------------------


class Tagged(Doing):
    """An operation on ten loaded tags."""

    def prepare(self, session: Session) -> None:
        session.add_all([Tag(name=f"tag{number}") for number in range(10)])
        session.commit()

    def load(self, session: Session) -> None:
        self.tags = session.scalars(select(Tag)).all()


def refreshed(operation: Callable[[Session, list[Tag]], object]) -> list[list[Any]]:
    def on_tags(session: Session) -> object:
        return operation(session, subject.tags)  # type: ignore[arg-type]

    subject = Tagged(on_tags)
    runner = runner_of(subject)
    runner.warm_up(1)
    found = Refreshed().count(runner)
    assert found["refreshed"] == sum(times for *_, times in found["refreshes"])
    return found["refreshes"]  # type: ignore[no-any-return]


def commits_and_reads(session: Session, tags: list[Tag]) -> None:
    session.commit()
    for tag in tags:
        _ = tag.name


def expires_one(session: Session, tags: list[Tag]) -> None:
    session.expire(tags[0], ["name"])
    _ = tags[0].name
    _ = tags[1].name


def rolls_back(session: Session, tags: list[Tag]) -> None:
    session.rollback()
    _ = tags[3].name


def commits_and_queries(session: Session, tags: list[Tag]) -> None:
    session.commit()
    for tag in session.scalars(select(Tag)):
        _ = tag.name


@pytest.mark.parametrize(
    ("operation", "method", "times"),
    [(commits_and_reads, "commit", 10), (expires_one, "expire", 1), (rolls_back, "rollback", 1)],
)
def test_an_expired_object_is_loaded_again_at_a_line(
    operation: Callable[[Session, list[Tag]], object], method: str, times: int
) -> None:
    ((kind, read, found, expired, number),) = refreshed(operation)
    assert (kind, found, number) == ("Tag", method, times)
    assert read.endswith(f"in {operation.__name__}")
    assert expired.endswith(f"in {operation.__name__}")
    assert read != expired


def test_what_a_query_loads_again_is_not_counted() -> None:
    assert refreshed(commits_and_queries) == []


def side(**counts: Any) -> dict[str, Any]:
    return {"sql": [], "lazily": {}, "scans": [], **counts}


def test_the_causes_name_the_expiry_and_the_latency() -> None:
    base = side(round_trips=3, refreshes=[["Tag", "a.py:1 in f", "commit", "a.py:0 in f", 1]])
    head = side(round_trips=1003, refreshes=[["Tag", "a.py:3 in f", "commit", "a.py:2 in f", 1000]])
    assert list(of_statements(base, head)) == [
        "+1,000 round trips: +500 ms at 0.5 ms of latency, +2,000 ms at 2 ms, +20,000 ms at 20 ms"
        " (arithmetic, not measured)",
        "1,000 Tag refreshed at a.py:3 in f, expired by commit at a.py:2 in f",
    ]


def test_the_driver_gets_what_it_would_get_unrecorded() -> None:
    got: list[tuple[Any, ...]] = []
    driver: Any = SimpleNamespace(execute=lambda *arguments: got.append(arguments))
    tape = Tape()
    cursor = _RecordingCursor(driver, None, tape, None)
    cursor.execute("SELECT '%'")  # without places of parameters, for which a driver would look
    cursor.execute("SELECT ?", (1,))
    cursor.execute(b"SELECT 1;SELECT 2")  # as psycopg2 sends a batch
    assert got == [("SELECT '%'",), ("SELECT ?", (1,)), (b"SELECT 1;SELECT 2",)]
    assert [each.sql for each in tape.statements] == ["SELECT '%'", "SELECT ?", "SELECT 1;SELECT 2"]
    assert [each.bare for each in tape.statements] == [True, False, True]
