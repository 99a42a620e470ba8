"""Databases with a small dataset, one for each test, made from an image built once; and what skips
a test where a system package is missing."""

import os
import shutil
from collections.abc import Iterator
from functools import cache

import pytest
from sqlalchemy.orm import Session

from benchmarks.harness import instructions
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


def no_instructions() -> str | None:
    """Why this machine cannot count instructions, with the package that is missing."""
    if shutil.which("valgrind") is None:
        return instructions.MISSING
    if not instructions.has_symbol(instructions.SEARCH):
        return instructions.STRIPPED
    return None


def skip(reason: str) -> None:
    """Skip a test that needs a system package, but not in CI, which must have it."""
    assert not os.environ.get("CI"), reason
    pytest.skip(reason)


@pytest.fixture
def valgrind() -> None:
    if reason := no_instructions():
        skip(reason)
