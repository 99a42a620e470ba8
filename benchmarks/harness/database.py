"""The database a scenario runs on: filled once, restored for every sample."""

from __future__ import annotations

import abc
import dataclasses
import importlib
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, TypeVar

from sqlalchemy import URL, Engine

from .commit import measured
from .environment import refuse
from .undo import Undo

Result = TypeVar("Result")

CHOICE = "DATABASE"
"""Environment variable that names the database; in asv's matrix, and thus in results, as well."""
KINDS = {
    "sqlite": (".sqlite", "SQLite"),
    "postgresql": (".postgresql", "PostgreSQL"),
    "mariadb": (".mariadb", "MariaDB"),
}


@dataclasses.dataclass(frozen=True)
class Images:
    """What `setup_cache` hands to every benchmark of a dataset: where it is, at each scale.

    A place is a file in the folder where asv runs `setup_cache` and its benchmarks, or the name of
    a database on a server. Both are empty where the commit lacks the dataset.
    """

    dataset: str
    fingerprints: dict[float, str] = dataclasses.field(default_factory=dict)
    places: dict[float, str] = dataclasses.field(default_factory=dict)


def dataset_class(name: str) -> Any:
    """The dataset of `fixtures.<name>`. Raises `NotImplementedError` if the commit has none."""
    base = measured("fixtures.dataset").Dataset
    for candidate in vars(measured(f"fixtures.{name}.dataset")).values():
        if isinstance(candidate, type) and issubclass(candidate, base) and candidate is not base:
            return candidate
    raise NotImplementedError(f"this commit has no fixtures.{name}.dataset")


def build_images(name: str, scales: tuple[float, ...]) -> Images:
    """Fill the chosen database with a dataset at every scale, where it is not there yet."""
    try:
        dataset = dataset_class(name)
    except NotImplementedError:
        return Images(name)
    images = Images(name)
    for scale in scales:
        images.places[scale], images.fingerprints[scale] = chosen().fill(dataset(scale))
    return images


def number(version: str) -> float:
    """The first two parts of a version, so that later is more: 15.20 is 15.020."""
    major, minor, *_ = [*map(int, re.findall(r"\d+", version)), 0]
    return major + minor / 1000


class Database(abc.ABC):
    """A database for one process at a time, on one connection."""

    name: ClassVar[str]
    engine: Engine

    @classmethod
    @abc.abstractmethod
    def fill(cls, dataset: Any) -> tuple[str, str]:
        """Put a dataset somewhere; returns that place and the dataset's fingerprint."""

    @classmethod
    @abc.abstractmethod
    def open(cls, place: str, fingerprint: str) -> Database:
        """Open what `fill` left at a place."""

    @classmethod
    @abc.abstractmethod
    def served(cls, place: str, fingerprint: str) -> AbstractContextManager[URL]:
        """A copy of what `fill` left, for many connections and any process, until the end."""

    @abc.abstractmethod
    def restore(self) -> None:
        """Make the content what `fill`, or `keep`, left; nothing to do if nothing changed since."""

    def keep(self) -> bool:
        """Make the present content what `restore` brings back; whether it can."""
        return False

    def undo(self) -> Undo:
        """Take back what changed since the content was restored; returns what does so.

        Empty if nothing changed, or only `restore` can take it back.
        """
        return []

    def use_undo(self, found: Undo) -> None:  # noqa: B027 (most have none)
        """Restore by this from now on: the same changes, and no others, will be made."""

    @classmethod  # noqa: B027 (only a server may not answer)
    def check(cls) -> None:
        """Refuse unless it answers."""

    @classmethod
    @abc.abstractmethod
    def facts(cls) -> dict[str, float]:
        """The version and the settings that explain a time; 1 and 0 for on and off."""

    @property
    def driver(self) -> Any:
        """The connection, as the driver, or SQLAlchemy's adapter around it, has it."""
        with self.engine.connect() as connection:
            return connection.connection.dbapi_connection

    def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function that uses the engine."""
        return function(*arguments)

    def permit_writing(self, error: Exception) -> bool:
        """Whether an operation that failed with this error, or passed by it, may be tried again.

        Databases on servers are shared until somebody writes.
        """
        return False

    def learn(self) -> None:  # noqa: B027 (most have nothing to learn)
        """Note what the operation changed, which was performed since the content was restored."""

    def close(self) -> None:
        self.run(self.engine.dispose)


def check() -> None:
    """Refuse unless the chosen database answers."""
    chosen().check()


def chosen(access: str = "sync") -> type[Database]:
    """The kind of database that the environment variable DATABASE names, or SQLite.

    `access` is "sync" or "asyncio".
    """
    name = os.environ.get(CHOICE) or "sqlite"
    if name not in KINDS:
        refuse(f"there is no database {name!r}: {CHOICE} takes {', '.join(KINDS)}")
    module, kind = KINDS[name]
    if access == "asyncio":
        module, kind = ".asynchronous", f"Async{kind}"
    return getattr(importlib.import_module(module, __package__), kind)  # type: ignore[no-any-return]
