"""Profiles: of statements, memory and time, as context managers."""

import datetime as dt
import functools
import importlib.metadata
import statistics
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, defer
from sqlalchemy_asv import label, memory_profile, query_profile
from sqlalchemy_asv.instruments.calls import calls
from sqlalchemy_asv.places import application_line, is_application, short
from sqlalchemy_asv.profiler import causes as profiling_causes
from sqlalchemy_asv.profiler import cpu
from sqlalchemy_asv.profiler.causes import calls as places_of_calls
from sqlalchemy_asv.profiler.cpu import Times, cpu_profile
from sqlalchemy_asv.profiler.statements import Query
from sqlalchemy_asv.statements.recording import recording

from fixtures.social import operations
from fixtures.social.models import Post, User


def test_an_n_plus_one_has_a_relationship_a_line_and_a_count(social: Session) -> None:
    engine: Any = social.get_bind()
    with query_profile(engine) as profile:
        posts = operations.home_feed(social, 7, loading="lazy")
    assert len(posts) == 20
    worst = profile.n_plus_ones()[0]
    assert (worst.loading, worst.times) == ("Post.comments", 20)
    assert worst.where.startswith("fixtures/social/operations.py:")
    assert worst.where.endswith(" in home_feed")
    assert {group.loading for group in profile.n_plus_ones()} == {
        "Post.comments",
        "Post.author",
        "Comment.author",
    }


def test_an_n_plus_one_by_get_and_one_by_refresh(social: Session) -> None:
    engine: Any = social.get_bind()
    with query_profile(engine) as profile:
        for number in range(1, 6):
            social.get(User, number)
    (by_get,) = profile.n_plus_ones()
    assert (by_get.loading, by_get.times) == ("User, by get", 5)
    assert profile.lazy_loads() == {"User, by get": 5}
    users = social.scalars(select(User).limit(4)).all()
    social.expire_all()
    with query_profile(engine) as profile:
        _ = [user.name for user in users]
    (expired,) = profile.n_plus_ones()
    assert (expired.loading, expired.times) == ("User, expired", 4)
    assert profile.lazy_loads() == {}


def test_deferred_columns_are_loaded_one_by_one_but_nothing_expired(social: Session) -> None:
    engine: Any = social.get_bind()
    with query_profile(engine) as profile:
        for user in social.scalars(select(User).options(defer(User.name)).limit(4)):
            assert user.name
    (deferred,) = profile.n_plus_ones()
    assert (deferred.loading, deferred.times) == ("User, further columns", 4)
    assert profile.lazy_loads() == {"User, further columns": 4}


def test_bound_limits_are_shown(social: Session) -> None:
    engine: Any = social.get_bind()
    with query_profile(engine) as profile:
        social.scalars(select(User).where(User.id > 3).limit(20).offset(7)).all()
        social.scalars(select(User)).all()
    assert [query.limits for query in profile.queries] == [["LIMIT 20", "OFFSET 7"], []]
    named = Query("SELECT 1 LIMIT %(n_1)s::INTEGER", {"n_1": 5}, "", None)
    numbered = Query("SELECT $1 LIMIT $2", (1, 6), "", None)
    positional = Query("SELECT %s LIMIT %s", (1, 7), "", None)
    literal = Query("SELECT '?' FROM t WHERE a=? LIMIT ? OFFSET ?", (1, 20, 3), "", None)
    percent = Query("SELECT '100%%s' LIMIT %s", (8,), "", None)
    nothing = Query("SELECT 1 LIMIT ?", [], "", None)
    found = [query.limits for query in (named, numbered, positional, percent, nothing)]
    assert found == [["LIMIT 5"], ["LIMIT 6"], ["LIMIT 7"], ["LIMIT 8"], []]
    assert literal.limits == ["LIMIT 20", "OFFSET 3"]


@pytest.mark.parametrize("loading", ["selectin", "joined", "subquery"])
def test_eager_loading_is_no_n_plus_one(social: Session, loading: Any) -> None:
    engine: Any = social.get_bind()
    with query_profile(engine) as profile:
        operations.home_feed(social, 7, loading=loading)
    assert profile.total_queries <= 5
    assert not profile.n_plus_ones()


@pytest.mark.parametrize("loading", ["lazy", "selectin", "joined", "subquery"])
def test_statements_and_rows_are_those_of_the_metrics(social: Session, loading: Any) -> None:
    engine: Any = social.get_bind()
    with recording(engine) as tape:
        operations.home_feed(social, 7, loading=loading)
    social.expunge_all()
    with query_profile(engine) as profile:
        operations.home_feed(social, 7, loading=loading)
    assert profile.total_queries == len(tape.statements)
    assert sum(query.rows for query in profile.queries) == tape.rows
    assert [query.sql for query in profile.queries] == [each.sql for each in tape.statements]


def test_statements_of_the_orm_that_select_nothing(social: Session) -> None:
    engine: Any = social.get_bind()
    with query_profile(engine) as profile:
        operations.like(social, user_id=7, post_id=3, created_at=dt.datetime(2026, 1, 1))
    assert [query.sql.split()[0] for query in profile.queries] == ["INSERT"]
    assert profile.queries[0].loading is None


def test_totals_averages_and_the_slowest(social: Session) -> None:
    engine: Any = social.get_bind()
    with query_profile(engine) as nothing:
        pass
    assert (nothing.total_queries, nothing.total_time, nothing.average_time) == (0, 0, 0)
    with query_profile(engine) as profile:
        for number in range(7):
            social.scalars(select(User).where(User.id == number)).all()
        for column in (Post.id, Post.title, Post.body, Post.author_id, Post.created_at):
            social.scalars(select(column)).all()
    assert profile.total_queries == 12
    assert profile.average_time == pytest.approx(profile.total_time / 12)
    slowest = profile.slowest(5)
    assert len(slowest) == 5
    assert [q.seconds for q in slowest] == sorted((q.seconds for q in slowest), reverse=True)
    # A statement that is repeated is one entry.
    assert len({q.sql for q in slowest}) == 5
    assert profile.repeated()[0].times == 7
    assert not profile.repeated()[0].is_n_plus_one
    assert profile.queries[0].where.startswith("tests/unit/test_profiling.py:")
    assert len(profile.queries[0].shortened) <= 80


def test_time_by_line_is_that_of_the_line_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr("sqlalchemy_asv.clock.processor", lambda: next(clock))

    def inner() -> None:
        for _ in range(50):
            pass

    def outer() -> None:
        inner()

    monkeypatch.setattr(profiling_causes, "is_application", lambda file: file == __file__)
    found = profiling_causes.by_line(outer)
    by_text = {place.split("`")[1]: taken for place, taken in found.items()}
    assert by_text["inner()"] < by_text["for _ in range(50):"]
    assert by_text["inner()"] < by_text["pass"]


def turns(number: int) -> None:
    for _ in range(number):
        pass


def test_bytecodes_count_a_function_from_its_first_call_on() -> None:
    place = "tests/unit/test_profiling.py turns"
    none, one, many = (
        profiling_causes.bytecodes(functools.partial(turns, number))[place]
        for number in (0, 1, 360)
    )
    assert one > none
    assert many - none == 360 * (one - none)


def test_a_comprehension_has_the_name_of_the_function_around_it() -> None:
    def function() -> list[list[str]]:
        return [[application_line(sys._getframe()) for _ in range(1)] for _ in range(1)]

    [[line]] = function()
    assert line.endswith(" in function")


def test_nothing_listens_afterwards(social: Session) -> None:
    engine: Any = social.get_bind()
    with query_profile(engine) as profile:
        social.scalars(select(User).limit(1)).all()
    social.scalars(select(User).limit(1)).all()
    assert profile.total_queries == 1


def test_what_was_allocated_and_where() -> None:
    with memory_profile() as profile:
        kept = [bytes(1000) for _ in range(1000)]
        profile.snapshot("kept")
        del kept
    assert [label for label, _ in profile.snapshots] == ["start", "kept", "end"]
    assert profile.difference(0, 1) == pytest.approx(1_040_000, rel=0.05)
    assert profile.difference() < 100_000
    assert profile.peak >= 1_000_000
    top = profile.top(10, 0, 1)
    assert "tests/unit/test_profiling.py:" in top[0].where
    assert top[0].blocks >= 1000
    assert len(top) <= 10


def test_a_place_is_a_path_below_its_package(tmp_path: Path) -> None:
    file = tmp_path / "team" / "shop" / "queries.py"
    file.parent.mkdir(parents=True)
    assert short(str(file)) == "queries.py"
    (file.parent / "__init__.py").touch()
    assert short(str(file.with_name("models.py"))) == "shop/models.py"
    assert short(dt.__file__) == "datetime.py"
    assert short(pytest.__file__) == "pytest/__init__.py"
    assert short("<string>") == "<string>"


def test_calls_by_place_are_those_that_the_metric_counts(social: Session) -> None:
    def operation() -> None:
        operations.home_feed(social, 7)

    for _ in range(2):  # what SQLAlchemy keeps from the first one, the second one finds
        operation()
        social.expunge_all()
    found = places_of_calls(operation)
    assert any("home_feed" in each for each in found["own calls"])
    assert not any("<built-in" in each.partition(", from ")[0] for each in found["calls"])
    assert found["built-in calls"]
    social.expunge_all()
    # The operation itself has no caller.
    counted = sum(found["own calls"].values()) + sum(found["calls"].values())
    assert counted == calls(operation) - 1


@given(st.lists(st.floats(1e-6, 10), min_size=1))
def test_statistics_of_times(samples: list[float]) -> None:
    times = Times.of(samples)
    assert times.min <= times.median <= times.max
    assert times.total == sum(samples)
    assert times.mean == pytest.approx(statistics.mean(samples))
    assert times.runs == len(samples)
    with pytest.raises(ValueError, match="no samples"):
        Times.of([])


def test_layers_of_the_cpu_time(social: Session) -> None:
    found = cpu_profile(lambda: operations.home_feed(social, 7, loading="lazy"))
    assert found.calls > 1000
    assert found.layers["SQLAlchemy"] > found.layers["application"] > 0
    assert found.layers["driver"] > 0
    assert any("home_feed" in each.function for each in found.functions)


def test_an_installed_application_is_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(importlib.metadata.distribution("tabulate").locate_file("tabulate/__init__.py"))
    assert cpu._layer(file, "tabulate") == "other"
    monkeypatch.setattr(label, "record", lambda: {"distribution": "tabulate"})
    cpu._measured.cache_clear()
    try:
        assert cpu._layer(file, "tabulate") == "application"
    finally:
        cpu._measured.cache_clear()


def test_a_package_that_begins_like_sqlalchemy_is_another() -> None:
    folder = Path(sqlalchemy.__file__).parent
    assert not is_application(str(folder / "orm" / "session.py"))
    assert is_application(str(folder.with_name("sqlalchemy_shop") / "models.py"))
