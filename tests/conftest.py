"""Databases with a small dataset, one for each test, made from an image built once."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from sqlalchemy_asv.databases.base import build_images, dataset_class
from sqlalchemy_asv.databases.sqlite import SQLite

from .support.scenarios import ECOMMERCE, SOCIAL, scenarios

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
    yield from _session(SOCIAL)


@pytest.fixture
def ecommerce() -> Iterator[Session]:
    yield from _session(ECOMMERCE)


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as asv gives one to `setup_cache`, with every dataset in it but the largest."""
    folder = tmp_path_factory.mktemp("images")
    previous = Path.cwd()
    os.chdir(folder)
    for domain in {scenario.dataset: scenario for scenario in scenarios()}.values():
        build_images(domain.dataset, tuple(scale for scale in domain.scales if scale <= 1))
    os.chdir(previous)
    return folder


@pytest.fixture
def here(image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with links to the images, as asv's is."""
    for file in image_folder.glob("*.sqlite"):
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


pytest_plugins = ["pytester"]
