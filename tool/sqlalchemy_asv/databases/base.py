"""The database that a scenario runs on: filled once, restored for every sample."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import errno
import hashlib
import importlib
import importlib.util
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from sqlalchemy import URL, Engine, event
from sqlalchemy.pool import AsyncAdaptedQueuePool, QueuePool

from .. import options
from ..label import refuse

Result = TypeVar("Result")

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk that takes no more."""

KINDS = {
    "sqlite": (".sqlite", "SQLite"),
    "postgresql": (".postgresql", "PostgreSQL"),
    "mariadb": (".mariadb", "MariaDB"),
}
"""Module and class of each database, by the name that `DATABASE` takes."""
DRIVERS = {"sqlite": "sqlite3", "postgresql": "psycopg", "mariadb": "pymysql"}
"""The driver that fills, restores and counts on each database."""


@dataclasses.dataclass(frozen=True)
class Images:
    """A dataset's images, as `setup_cache` hands them to every benchmark.

    A place is a file in the folder where asv runs `setup_cache` and its benchmarks, or the name of
    a database on a server. Both are empty if the commit lacks the dataset.
    """

    dataset: str
    """The module that defines it, or its class as "module.Name"."""
    fingerprints: dict[float, str] = dataclasses.field(default_factory=dict)
    """By scale: digests of the rows, which `compare.model.in_common` compares."""
    places: dict[float, str] = dataclasses.field(default_factory=dict)
    lacking: str = ""
    """The reason why there are none, if the commit lacks something for them."""
    failed: str = ""
    """The error of the dataset."""


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


def dataset_name(dataset: str | type) -> str:
    """The name under which images of a dataset are known."""
    return dataset if isinstance(dataset, str) else f"{dataset.__module__}.{dataset.__qualname__}"


def build_images(dataset: str | type, scales: tuple[float, ...]) -> Images:
    """Fill the chosen database with a dataset at every scale, unless it is there.

    The dataset is a class, or a module of the commit under test that defines one.
    """
    images = Images(dataset_name(dataset))
    try:
        made = dataset_class(dataset) if isinstance(dataset, str) else dataset
        for scale in scales:
            images.places[scale], images.fingerprints[scale] = chosen().fill(made(scale))
    except NotImplementedError as error:
        return dataclasses.replace(images, lacking=str(error))
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        refuse(f"dataset {images.dataset} could not be kept: {error.strerror}")
    return images


def short(fingerprint: str) -> str:
    """A fingerprint as a mark of a database: letters and digits."""
    if fingerprint.isalnum() and len(fingerprint) <= 64:
        return fingerprint
    return hashlib.blake2b(fingerprint.encode(), digest_size=16).hexdigest()


def images_folder() -> Path:
    """The folder in which filled datasets are kept."""
    folder = Path(os.environ.get(options.IMAGES) or ".")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def number(version: str) -> float:
    """The first two parts of a version, as a number that grows with it: 15.20 is 15.020."""
    major, minor, *_ = [*map(int, re.findall(r"\d+", version)), 0]
    return major + minor / 1000


@contextlib.contextmanager
def at_once(engine: Engine) -> Iterator[list[int]]:
    """Note how many connections are in use at once, as long as the block runs; the last is most."""
    taken = 0
    most = [0]

    def check_out(*_: Any) -> None:
        nonlocal taken
        taken += 1
        most.append(max(most[-1], taken))

    def check_in(*_: Any) -> None:
        nonlocal taken
        taken -= 1

    listened = (("checkout", check_out), ("checkin", check_in))
    for name, listener in listened:
        event.listen(engine, name, listener)
    try:
        yield most
    finally:
        for name, listener in listened:
            event.remove(engine, name, listener)


class Database(abc.ABC):
    """A database for one process at a time, on one connection unless an operation needs more."""

    name: ClassVar[str]
    asynchronous: ClassVar[bool] = False
    """Whether its driver is for asyncio."""
    engine: Engine
    connections: int = 1
    """How many connections the operation may have at once."""
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
        """Replace the driver's connection by a new one, and empty all caches of the driver."""

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

    def adopt(self, engine: Any) -> None:
        """Let an engine that the application has made use this database, and count what it does."""
        own = getattr(engine, "sync_engine", engine)
        own.pool, own.dialect = self.engine.pool, self.engine.dialect
        self.engine = own

    def permit_many(self, connections: int) -> None:
        """Let the operation have several connections at once from now on, as in production.

        Until then, all that it opens share one, which spares every other scenario their cost.
        """
        self.connections = connections
        self.run(self.engine.dispose)
        shared = self.engine.pool
        kind = AsyncAdaptedQueuePool if self.engine.dialect.is_async else QueuePool
        self.engine.pool = kind(
            shared._creator,
            pool_size=connections,
            dialect=self.engine.dialect,
            _dispatch=shared.dispatch,
        )

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
        refuse(options.unknown(name))
    module, kind = KINDS[name]
    if importlib.util.find_spec(DRIVERS[name]) is None:
        refuse(
            f"{DRIVERS[name]}, which this measures {name} with, is not installed: name it in"
            " `measuring_requirements` of the settings, or an extra that brings it in `extras`"
        )
    if access == "asyncio":
        module, kind = ".asynchronous", f"Async{kind}"
    if deterministic and (access == "asyncio" or name in options.SERVERS):
        module, kind = ".deterministic", f"Deterministic{kind}"
    return getattr(importlib.import_module(module, __package__), kind)  # type: ignore[no-any-return]
