"""Objects and cycles that repetitions leave behind."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import pytest
from sqlalchemy import ColumnElement, literal_column, select
from sqlalchemy.orm import Session
from sqlalchemy_asv.instruments import REPETITIONS, Counts
from sqlalchemy_asv.instruments.retained import Retained

from fixtures.social.models import Tag

from ..support.subjects import Operation, Subject, runner_of


def counted(operation: Operation) -> Counts:
    runner = runner_of(Subject(operation))
    runner.warm_up(2)
    found = Retained().count(runner)
    runner.finish()
    return found


def test_an_operation_that_keeps_nothing() -> None:
    def operation(session: Session, name: str, number: int) -> None:
        session.add_all([Tag(name=f"{name}.{each}") for each in range(10)])
        session.commit()
        session.scalars(select(Tag).where(Tag.name.startswith(name))).all()

    found = counted(operation)
    assert found.pop("types") == found.pop("cycle types") == []
    assert found == dict.fromkeys(("retained", "retained_bytes", "cycles", "in the cache"), 0)


def test_a_list_that_keeps_every_result() -> None:
    kept: list[Any] = []

    def operation(session: Session, name: str, number: int) -> None:
        session.add(Tag(name=name))
        session.flush()
        kept.extend(session.scalars(select(Tag)).all())

    found = counted(operation)
    assert found["retained"] >= 2 * REPETITIONS
    types = dict(found["types"])
    assert types["Tag"] == types["InstanceState"] == REPETITIONS
    assert found["retained_bytes"] > 500 * REPETITIONS


@pytest.mark.parametrize("repetition", range(1, 4 * REPETITIONS))
def test_what_is_kept_once_is_left_behind_by_no_repetition(repetition: int) -> None:
    performed = itertools.count()
    kept: list[object] = []

    def operation(session: Session, name: str, number: int) -> None:
        if next(performed) == repetition:
            kept.append([number])

    assert counted(operation)["retained"] == 0


def test_texts_that_are_kept_are_bytes() -> None:
    kept: list[str] = []

    def operation(session: Session, name: str, number: int) -> None:
        kept.extend(f"{name} {each}, which nobody needs" for each in range(100))

    found = counted(operation)
    assert found["retained"] == 0
    assert found["retained_bytes"] == pytest.approx(100 * REPETITIONS * 85, rel=0.2)


def test_a_cycle_is_freed_and_counted_apart() -> None:
    class Node:
        other: object

    def operation(session: Session, name: str, number: int) -> None:
        one, other = Node(), Node()
        one.other, other.other = other, one

    found = counted(operation)
    assert found["retained"] == 0
    assert found["cycles"] == 2
    assert found["cycle types"] == [[Node.__qualname__, 2]]


def test_statements_in_sqlalchemys_cache_are_reported_apart() -> None:
    def operation(session: Session, name: str, number: int) -> None:
        pattern: ColumnElement[str] = literal_column(f"'{name}%'")
        session.scalars(select(Tag).where(Tag.name.like(pattern))).all()

    found = counted(operation)
    assert found["retained"] == 0
    assert found["in the cache"] > 10 * REPETITIONS


def test_a_cache_with_a_limit_retains_nothing_once_it_is_full() -> None:
    numbers = itertools.count()

    @functools.lru_cache(maxsize=4)
    def cached(number: int) -> list[int]:
        return [number]

    def operation(session: Session, name: str, number: int) -> None:
        cached(next(numbers))

    assert counted(operation)["retained"] == 0
