"""Operations through asyncio: awaited, counted exactly, or refused with the reason."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy_asv.databases.deterministic import DeterministicAsyncSQLite
from sqlalchemy_asv.databases.sqlite import SQLite
from sqlalchemy_asv.instruments import INSTRUMENTS
from sqlalchemy_asv.profiler.statements import query_profile
from sqlalchemy_asv.runner import Runner

from fixtures.social.models import Base, Tag

from ..support import subjects
from ..support.counting import Job, found
from ..support.packages import no_instructions
from ..support.subjects import Doing


def runner_of(subject: Any) -> Runner:
    empty = SQLite()
    Base.metadata.create_all(empty.engine)
    return Runner(subject, DeterministicAsyncSQLite(empty.serialize()), ())


class Streamed:
    """An asynchronous scenario: everything gets an asynchronous session."""

    seen: Any = None

    def arguments(self, n: int) -> dict[str, Any]:
        return {}

    def make_session(self, engine: AsyncEngine) -> AsyncSession:
        return AsyncSession(engine)

    async def prepare(self, session: AsyncSession) -> None:
        await session.execute(insert(Tag), [{"name": f"tag{n}"} for n in range(25)])
        await session.commit()

    async def load(self, session: AsyncSession) -> None:
        self.tag = await session.get(Tag, 1)

    async def operation(self, session: AsyncSession) -> list[str]:
        assert self.tag in session  # the session that `load` used
        async with AsyncSession(session.bind) as other:  # its exit makes a task
            result = await other.stream_scalars(select(Tag).execution_options(yield_per=10))
            names = [tag.name async for tag in result]
        both = await asyncio.gather(
            session.scalar(text("SELECT count(*) FROM tags")), asyncio.sleep(0, "other")
        )
        return [*names, *map(str, both)]


def test_an_asynchronous_operation_is_awaited_and_counted_exactly() -> None:
    runner = runner_of(Streamed())
    runner.warm_up(2)
    runner.reset()
    names = runner.perform()
    assert isinstance(names, list)
    assert (len(names), names[-2:]) == (27, ["25", "other"])
    counts: list[dict[str, Any]] = []
    for _ in range(3):
        counts.append({})
        for instrument in INSTRUMENTS:
            if not instrument.program and instrument.name != "allocated":
                runner.reset()
                counts[-1] |= instrument.count(runner)
    assert counts[0] == counts[1] == counts[2]
    assert counts[0]["statements"] == 2
    assert counts[0]["rows"] == 26
    assert counts[0]["retained"] == 0
    runner.finish()


def test_the_line_that_sends_a_statement_is_found_beyond_the_greenlet() -> None:
    runner = runner_of(Streamed())
    runner.warm_up(1)
    runner.reset()
    with query_profile(runner.database.engine) as profile:
        runner.perform()
    assert all("test_asyncio.py" in query.where for query in profile.queries), profile.queries
    runner.finish()


@pytest.mark.parametrize("name", ["ReadFeed", "RegisterUser"])
def test_counts_through_asyncio_are_equal_in_every_process(name: str, here: Any) -> None:
    job = Job(name, "asyncio")
    plain = [each for each in INSTRUMENTS if not each.program]
    first = found(job(*plain))
    assert first == found(job(*plain))
    assert first["calls"]["calls"] > 100
    synchronous = found(Job(name, "sync")(*plain))
    assert synchronous["calls"]["calls"] < first["calls"]["calls"]
    assert synchronous["statements"]["sql"] == first["statements"]["sql"]


@pytest.mark.skipif(bool(no_instructions()), reason=str(no_instructions()))
def test_instructions_through_asyncio_repeat(here: Any) -> None:
    instrument = next(each for each in INSTRUMENTS if each.name == "instructions")
    job = Job("GetUser", "asyncio")
    one, other = (found(job(instrument))["instructions"]["instructions"] for _ in range(2))
    assert one == pytest.approx(other, rel=0.001)


async def sleeps(session: AsyncSession) -> None:
    await asyncio.sleep(0.01)


async def asks_a_thread(session: AsyncSession) -> None:
    await asyncio.to_thread(len, ())


async def waits_for_ever(session: AsyncSession) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("operation", [sleeps, asks_a_thread, waits_for_ever])
def test_an_operation_that_waits_for_something_else_has_no_counts(
    operation: Callable[..., object],
) -> None:
    with pytest.raises(NotImplementedError, match="waits for something other than the database"):
        runner_of(Doing(operation)).warm_up(1)


async def coroutine(session: Session) -> None: ...


def generator(session: Session) -> Iterator[int]:
    yield 1


NAMES = select(Tag.name)
UNFINISHED: dict[str, Callable[[Session], object]] = {
    "coroutine": lambda session: coroutine(session),
    "generator": generator,
    "map": lambda session: map(str, session.scalars(NAMES)),
    "CursorResult": lambda session: session.connection().execute(NAMES),
    "ChunkedIteratorResult": lambda session: session.execute(NAMES),
    "ScalarResult": lambda session: session.scalars(NAMES),
    "MappingResult": lambda session: session.execute(NAMES).mappings(),
}


@pytest.mark.parametrize("kind", UNFINISHED)
@pytest.mark.filterwarnings("ignore:coroutine")
def test_a_result_that_is_not_consumed_is_refused(kind: str) -> None:
    runner = subjects.runner_of(Doing(UNFINISHED[kind]))
    with pytest.raises(TypeError, match=f"returned a {kind} that is not consumed: make"):
        runner.warm_up(1)


FINISHED: list[Callable[[Session], object]] = [
    lambda session: session.scalars(NAMES).all(),
    lambda session: functools.reduce(lambda result, _: result, session.execute(NAMES), None),
    lambda session: session.execute(text("UPDATE tags SET name = 'other'")),
    lambda session: "text",
    lambda session: NAMES,
]


@pytest.mark.parametrize("operation", FINISHED)
def test_a_result_that_is_consumed_is_accepted(operation: Callable[[Session], object]) -> None:
    subjects.runner_of(Doing(operation)).warm_up(1)
