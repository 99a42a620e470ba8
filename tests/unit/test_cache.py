"""Statements that are compiled anew though their cache should have them, and the reason why."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ColumnElement, Integer, String, TypeDecorator, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy_asv import Scenario
from sqlalchemy_asv.instruments import REPETITIONS, Counts
from sqlalchemy_asv.instruments.compiled import Compiled, difference

from fixtures.social.models import Tag, User

from ..support.subjects import Operation, Subject, runner_of


def counted(operation: Operation, *, varies: bool = True) -> Counts:
    runner = runner_of(Subject(operation, varies=varies))
    runner.warm_up(2)
    found = Compiled().count(runner)
    runner.finish()
    return found


def texts_of(found: Counts) -> list[str]:
    return [reason for _, reason in found["uncached"]]


class Shouted(TypeDecorator[str]):
    impl = String
    # A mutable default, as a type has that was written for SQLAlchemy 1.3.
    cache_ok = None


class Doubled(ColumnElement[int]):
    inherit_cache = False
    type = Integer()


@compiles(Doubled)
def _doubled(element: Doubled, compiler: Any, **options: Any) -> str:
    return "2 * 1"


class Labelled(ColumnElement[int]):
    """Its label is in its cache key, and not in its SQL."""

    _traverse_internals = [("label_", InternalTraversal.dp_string)]
    type = Integer()

    def __init__(self, label: str) -> None:
        self.label_ = label


@compiles(Labelled)
def _labelled(element: Labelled, compiler: Any, **options: Any) -> str:
    return "1"


def test_bound_values_and_lists_of_any_length_hit_the_cache() -> None:
    def operation(session: Session, name: str, number: int) -> None:
        session.scalars(select(Tag).where(Tag.name == name)).all()
        session.scalars(select(Tag).where(Tag.id.in_(range(number)))).all()
        session.add_all([Tag(name=f"{name}.{each}") for each in range(3)])
        session.commit()

    found = counted(operation)
    assert found == {"varied": True, "compiled": 0, "cache_entries": 0, "uncached": []}


def test_a_literal_defeats_the_cache() -> None:
    def operation(session: Session, name: str, number: int) -> None:
        pattern: ColumnElement[str] = literal_column(f"'{name}%'")
        session.scalars(select(User).where(User.name.like(pattern), User.id > number)).all()

    found = counted(operation)
    assert (found["compiled"], found["cache_entries"]) == (1, REPETITIONS)
    ((sql, reason),) = found["uncached"]
    assert sql.startswith("SELECT users.id")
    assert reason == """another text in each repetition: "'tag4%'", then "'tag5%'\""""
    # With the same argument each time, it looks cached.
    assert counted(operation, varies=False)["compiled"] == 0


@pytest.mark.filterwarnings("ignore:TypeDecorator Shouted")
def test_the_type_that_keeps_a_statement_from_being_cached_is_named() -> None:
    def operation(session: Session, name: str, number: int) -> None:
        session.scalars(select(Tag).where(Tag.name == literal_column("'x'", Shouted))).all()

    found = counted(operation)
    # Every time, but not one entry.
    assert (found["compiled"], found["cache_entries"]) == (1, 0)
    assert texts_of(found) == ["not cacheable: the type Shouted, whose cache_ok is not True"]


def test_the_element_that_keeps_a_statement_from_being_cached_is_named() -> None:
    def operation(session: Session, name: str, number: int) -> None:
        session.scalars(select(Tag).where(Tag.id == Doubled())).all()

    assert texts_of(counted(operation)) == [
        "not cacheable: the element Doubled, whose inherit_cache is not True"
    ]


def test_the_same_text_with_another_key() -> None:
    def operation(session: Session, name: str, number: int) -> None:
        session.scalars(select(Tag).where(Tag.id == Labelled(name))).all()

    found = counted(operation)
    assert (found["compiled"], found["cache_entries"]) == (1, REPETITIONS)
    assert texts_of(found) == ["the same text, but another cache key in each repetition"]


def test_a_connection_without_a_cache() -> None:
    def operation(session: Session, name: str, number: int) -> None:
        connection = session.connection(execution_options={"compiled_cache": None})
        connection.execute(select(Tag.id))
        connection.execute(select(User.id))

    found = counted(operation)
    assert (found["compiled"], found["cache_entries"]) == (2, 0)
    assert set(texts_of(found)) == {"the cache is off for this engine or connection"}


def test_each_repetition_has_its_arguments_and_the_next_instrument_those_of_the_class() -> None:
    subject = Subject(lambda session, name, number: None)
    runner = runner_of(subject)
    Compiled().count(runner)
    runner.reset()
    assert subject.seen == [*range(1, REPETITIONS + 1), 0]
    assert subject.name == "tag0"
    assert "name" not in vars(subject)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("a b c", "a x c", ("b", "x")),
        ("a b", "a b c", ("", "c")),
        ("a a", "a", ("a", "")),
        ("same", "same", ("", "")),
    ],
)
def test_the_words_that_differ(one: str, other: str, said: tuple[str, str]) -> None:
    assert difference(one, other) == said


def test_a_scenario_without_arguments_repeats_its_own() -> None:
    assert Scenario.arguments(None, 3) == {}  # type: ignore[arg-type]
