"""Databases with a small dataset, one for each test, made from an image built once."""

from collections.abc import Iterator
from functools import cache

import pytest
from sqlalchemy.orm import Session

from benchmarks.harness.database import dataset_class
from benchmarks.harness.sqlite import SQLite

SMALL = 0.1


@cache
def image(dataset: str) -> bytes:
    database = SQLite()
    with database.engine.connect() as connection:
        dataset_class(dataset)(SMALL).build(connection)
    return database.serialize()


def _session(dataset: str) -> Iterator[Session]:
    database = SQLite(image(dataset))
    database.restore()
    with Session(database.engine) as session:
        yield session
    database.close()


@pytest.fixture
def social() -> Iterator[Session]:
    yield from _session("social")


@pytest.fixture
def shop() -> Iterator[Session]:
    yield from _session("ecommerce")
