"""The database that a scenario runs on: filled once, restored for every sample."""

from __future__ import annotations

import abc
import dataclasses
import importlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, TypeVar

from sqlalchemy import URL, Engine

from .. import options
from ..label import refuse

Result = TypeVar("Result")

KINDS = {
    "sqlite": (".sqlite", "SQLite"),
    "postgresql": (".postgresql", "PostgreSQL"),
    "mariadb": (".mariadb", "MariaDB"),
}
"""Module and class of each database, by the name that `DATABASE` takes."""


@dataclasses.dataclass(frozen=True)
class Images:
    """A dataset's images, as `setup_cache` hands them to every benchmark.

    A place is a file in the folder where asv runs `setup_cache` and its benchmarks, or the name of
    a database on a server. Both are empty if the commit lacks the dataset.
    """

    dataset: str
    """The module that defines it."""
    fingerprints: dict[float, str] = dataclasses.field(default_factory=dict)
    """By scale."""
    places: dict[float, str] = dataclasses.field(default_factory=dict)


def dataset_class(module: str) -> Any:
    """The dataset that a module of the commit under test defines.

    Raises `NotImplementedError` if the commit has none.
    """
    try:
        found = list(vars(importlib.import_module(module)).values())
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        found = []
    for candidate in found:
        own = isinstance(candidate, type) and candidate.__module__ == module
        if own and hasattr(candidate, "metadata") and hasattr(candidate, "fingerprint"):
            return candidate
    raise NotImplementedError(f"this commit has no dataset {module}")


def build_images(module: str, scales: tuple[float, ...]) -> Images:
    """Fill the chosen database with a dataset at every scale, unless it is there."""
    images = Images(module)
    try:
        dataset = dataset_class(module)
    except NotImplementedError:
        return images
    for scale in scales:
        images.places[scale], images.fingerprints[scale] = chosen().fill(dataset(scale))
    return images


def number(version: str) -> float:
    """The first two parts of a version, as a number that grows with it: 15.20 is 15.020."""
    major, minor, *_ = [*map(int, re.findall(r"\d+", version)), 0]
    return major + minor / 1000


class Database(abc.ABC):
    """A database for one process at a time, on one connection."""

    name: ClassVar[str]
    asynchronous: ClassVar[bool] = False
    """Whether its driver is for asyncio."""
    engine: Engine
    round_trips: int | None = None
    """How often the driver has waited for a server so far; None if that is not known."""

    @classmethod
    @abc.abstractmethod
    def fill(cls, dataset: Any) -> tuple[str, str]:
        """Put a dataset somewhere; returns that place and the dataset's fingerprint."""

    @classmethod
    @abc.abstractmethod
    def open(cls, place: str, fingerprint: str) -> Database:
        """Open the dataset that `fill` left at a place."""

    @classmethod
    @abc.abstractmethod
    def served(cls, place: str, fingerprint: str) -> AbstractContextManager[URL]:
        """The URL of a copy for many connections and any process, until the block ends."""

    @abc.abstractmethod
    def restore(self) -> None:
        """Restore the content that `fill` left, unless nothing has changed since."""

    @abc.abstractmethod
    def reconnect(self) -> None:
        """Replace the driver's connection by a new one, which has none of the old one's caches."""

    @classmethod  # noqa: B027 (only a server may not answer)
    def check(cls) -> None:
        """Refuse unless the database answers."""

    @classmethod
    @abc.abstractmethod
    def version(cls) -> str:
        """The version of the database, in full."""

    @classmethod
    @abc.abstractmethod
    def facts(cls) -> dict[str, float]:
        """The version and the settings that explain a time; 1 and 0 for on and off."""

    @property
    def driver(self) -> Any:
        """The connection object of the driver, or of SQLAlchemy's adapter around it."""
        with self.engine.connect() as connection:
            return connection.connection.dbapi_connection

    def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function that uses the engine."""
        return function(*arguments)

    def permit_writing(self, error: Exception) -> bool:
        """Whether an operation that failed with this error may be tried again.

        Databases on servers are shared and read-only until an operation writes.
        """
        return False

    def learn(self) -> None:  # noqa: B027 (most have nothing to learn)
        """Note the changes that the operation has made since the content was restored."""

    def close(self) -> None:
        self.run(self.engine.dispose)


def chosen(access: str = "sync", *, deterministic: bool = False) -> type[Database]:
    """The kind of database that the environment variable DATABASE names, or SQLite.

    `access` is "sync" or "asyncio". A deterministic kind is for counting.
    """
    name = options.database()
    if name not in KINDS:
        refuse(f"there is no database {name!r}: {options.DATABASE} takes {', '.join(KINDS)}")
    module, kind = KINDS[name]
    if access == "asyncio":
        module, kind = ".asynchronous", f"Async{kind}"
    if deterministic and (access == "asyncio" or name in options.SERVERS):
        module, kind = ".deterministic", f"Deterministic{kind}"
    return getattr(importlib.import_module(module, __package__), kind)  # type: ignore[no-any-return]
