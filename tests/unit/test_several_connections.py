"""Operations with several sessions or threads mean what they mean in production."""

import threading
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy_asv.databases.base import build_images
from sqlalchemy_asv.databases.deterministic import DeterministicAsyncSQLite
from sqlalchemy_asv.databases.sqlite import SQLite
from sqlalchemy_asv.runner import Runner

from fixtures.social.models import Base, Tag

from ..support.scenarios import named
from ..support.subjects import Doing, runner_of


def tags(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Tag)) or 0


def test_another_session_neither_sees_nor_undoes_what_is_not_committed() -> None:
    seen: list[int] = []

    def operation(session: Session) -> None:
        assert tags(session) == 0
        session.add(Tag(name="mine"))
        with Session(session.get_bind()) as other:
            seen.append(tags(other))
            other.rollback()
        session.flush()
        with Session(session.get_bind()) as other:
            seen.append(tags(other))
        session.commit()
        with Session(session.get_bind()) as other:
            seen.append(tags(other))

    runner = runner_of(Doing(operation))
    runner.warm_up(2)
    assert runner.database.connections == 2
    assert seen[-3:] == [0, 0, 1]
    # Before each further performance, the rows are as before the first.
    for _ in range(3):
        runner.reset()
        runner.perform()
    assert seen[-3:] == [0, 0, 1]
    runner.reset()
    tape = runner.record()
    assert [each.sql.split()[0] for each in tape.statements] == [
        *("SELECT", "SELECT", "INSERT", "SELECT", "SELECT")
    ]
    runner.finish()


def test_threads_have_connections_of_their_own() -> None:
    found: list[int] = []

    def count(session: Session, barrier: threading.Barrier) -> None:
        with Session(session.get_bind()) as own:
            found.append(tags(own))
            barrier.wait(10)

    def operation(session: Session) -> None:
        barrier = threading.Barrier(3)
        threads = [threading.Thread(target=count, args=(session, barrier)) for _ in range(2)]
        for thread in threads:
            thread.start()
        barrier.wait(10)
        for thread in threads:
            thread.join()

    runner = runner_of(Doing(operation))
    runner.warm_up(1)
    assert runner.database.connections == 2
    assert found[-2:] == [0, 0]
    assert len({id(runner.database.driver)}) == 1
    runner.finish()


def test_one_after_the_other_share_the_connection_of_a_database_in_memory() -> None:
    def operation(session: Session) -> None:
        for _ in range(3):
            with Session(session.get_bind()) as other:
                tags(other)

    runner = runner_of(Doing(operation))
    runner.warm_up(2)
    assert runner.database.connections == 1
    runner.finish()


@pytest.mark.parametrize("access", ["sync", "asyncio"])
def test_an_engine_that_the_application_has_made_gets_the_measured_database(access: str) -> None:
    if access == "sync":
        theirs: Any = create_engine("sqlite:////nowhere/else.sqlite")
    else:
        theirs = create_async_engine("sqlite+aiosqlite:////nowhere/else.sqlite")
    make = sessionmaker(getattr(theirs, "sync_engine", theirs))
    subject = Doing(lambda session: tags(session))
    subject.make_session = lambda engine: make()  # type: ignore[method-assign]
    empty = SQLite()
    Base.metadata.create_all(empty.engine)
    kind = SQLite if access == "sync" else DeterministicAsyncSQLite
    runner = Runner(subject, kind(empty.serialize()), ())
    with pytest.raises(SystemExit, match="returned a session of another engine"):
        runner.warm_up(1)
    runner.database.adopt(theirs)
    runner.warm_up(2)
    runner.reset()
    tape = runner.record()
    assert len(tape.statements) == 1
    runner.finish()


@pytest.mark.parametrize("name", ["HomeFeed", "CreateUser"])
def test_scenarios_of_this_repository_need_one(
    name: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    scenario = named(name)
    values = next(scenario.combinations())
    runner = scenario().runner(build_images(scenario.dataset, (1,)), values)
    assert isinstance(runner.database, SQLite)
    assert runner.database.connections == 1
    runner.finish()
