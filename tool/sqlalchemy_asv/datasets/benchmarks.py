"""Benchmarks of datasets: their content, and how long they take to build and to load."""

from __future__ import annotations

import abc
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from sqlalchemy import Connection, create_engine
from sqlalchemy.orm import Session

from ..benchmark import Benchmark, skip
from ..databases.base import chosen, dataset_class
from ..databases.server import Server
from ..databases.sqlite import SQLite
from ..options import quick
from ..ratio import ratio


class DatasetFingerprint(Benchmark):
    """The content of datasets as a number. If it differs, results cannot be compared.

    A subclass has the keys of `datasets` as `params`.
    """

    @property
    @abc.abstractmethod
    def datasets(self) -> dict[str, str]:
        """The modules that define them, by name."""

    def setup(self, dataset: str) -> None:
        super().setup()
        self.dataset = dataset_class(self.datasets[dataset])()

    def track_fingerprint(self, dataset: str) -> int:
        # Numbers of 48 bits survive JSON.
        return int(self.dataset.fingerprint()[:12], 16)


class BuildDataset(Benchmark):
    """Build a dataset on SQLite, against the bare driver, the naive way, and scale 10."""

    @property
    @abc.abstractmethod
    def module(self) -> str:
        """The module that defines the dataset."""

    share: ClassVar[float] = 0.05
    """The share of the rows that `naive` writes."""
    timeout = 300

    def setup(self) -> None:
        super().setup()
        self.dataset = dataset_class(self.module)

    @abc.abstractmethod
    def naive(self, session: Session, faker: Any, size: dict[str, int]) -> None:
        """Write `size` rows of each table, each as an object with a commit after it."""

    def build(self, scale: float = 1) -> SQLite:
        database = SQLite()
        with database.engine.connect() as connection:
            self.dataset(scale).build(connection)
        return database

    def track_times_driver(self) -> float:
        """Wall time over that of inserting the same finished rows by the driver's `executemany`."""
        finished = sqlite3.connect(":memory:")
        finished.deserialize(self.build().serialize())
        schema = [sql for (sql,) in finished.execute("SELECT sql FROM sqlite_master") if sql]
        rows = {
            table: list(finished.execute(f"SELECT * FROM {table} ORDER BY rowid"))  # noqa: S608
            for table in self.dataset.standard
        }

        def bare() -> None:
            driver = sqlite3.connect(":memory:")
            # In the dataset's order: tables, rows, indexes.
            for sql in schema:
                if sql.startswith("CREATE TABLE"):
                    driver.execute(sql)
            for table, values in rows.items():
                places = ", ".join("?" * len(values[0]))
                driver.executemany(f"INSERT INTO {table} VALUES ({places})", values)  # noqa: S608
            for sql in schema:
                if not sql.startswith("CREATE TABLE"):
                    driver.execute(sql)
            driver.commit()

        return rounded(ratio(self.build, bare, pairs=12))

    def track_share_of_naive(self) -> float:
        """Wall time over that of Faker for every field, and a commit after every ORM object.

        The naive way is measured on a share of the rows, and its time divided by that share.
        """
        from faker import Faker

        faker = Faker("en_US")
        part = self.dataset(self.share).size

        def naive() -> None:
            database = SQLite()
            with database.engine.connect() as connection:
                self.dataset.metadata.create_all(connection)
                connection.commit()
            with Session(database.engine) as session:
                self.naive(session, faker, part)

        return rounded(ratio(self.build, naive, pairs=4) * self.share)

    def track_scale_10(self) -> float:
        """Wall time at scale 10 over that at scale 1."""
        if quick():
            skip("`--quick` leaves the large dataset out")
        return rounded(ratio(lambda: self.build(10), self.build, pairs=3))

    track_times_driver.unit = "times the driver"  # type: ignore[attr-defined]
    track_share_of_naive.unit = "of the naive way"  # type: ignore[attr-defined]
    track_scale_10.unit = "times scale 1"  # type: ignore[attr-defined]


class LoadDataset(Benchmark):
    """Load a dataset into PostgreSQL, against bare COPY of the same finished rows, by scale."""

    @property
    @abc.abstractmethod
    def module(self) -> str:
        """The module that defines the dataset."""

    params: ClassVar[Any] = ([1, 10, 100],)
    param_names: ClassVar[Any] = ("scale",)
    timeout = 3600

    def setup(self, scale: int) -> None:
        super().setup()
        if chosen().name != "postgresql":
            raise NotImplementedError("COPY is PostgreSQL's")
        self.dataset = dataset_class(self.module)

    def track_times_copy(self, scale: int) -> float:
        """Wall time over that of loading the same rows, finished before."""
        from .bulk import bulk_loader
        from .columnar import Finisher

        with self.database() as connection:
            start = time.perf_counter()
            self.dataset(scale).build(connection)
            whole = time.perf_counter() - start
        with self.database() as connection:
            dataset, bare = self.dataset(scale), 0.0
            finish = Finisher(connection.dialect)
            loader = bulk_loader(connection)

            def timed(action: Callable[..., object], *arguments: Any) -> float:
                start = time.perf_counter()
                action(*arguments)
                return time.perf_counter() - start

            bare += timed(loader.create, dataset.metadata)
            for table, columns in dataset.chunks():
                bare += timed(loader.load, table, list(columns), finish(table, columns))
            bare += timed(loader.finish, dataset.metadata)
            bare += timed(connection.commit)
        return rounded(whole / bare)

    def peakmem_load(self, scale: int) -> None:
        with self.database() as connection:
            self.dataset(scale).build(connection)

    @contextlib.contextmanager
    def database(self) -> Iterator[Connection]:
        """A connection to a new database, which is dropped afterwards."""
        kind = chosen()
        assert issubclass(kind, Server)
        name = kind.new_name()
        with kind.admin() as admin:
            kind.lock(admin, name)
            kind.create(admin, name)
            engine = create_engine(kind.where(name))
            with engine.connect() as connection:
                yield connection
            engine.dispose()
            kind.drop(admin, name)

    track_times_copy.unit = "times bare COPY"  # type: ignore[attr-defined]


def rounded(ratio: float) -> float:
    """A ratio, rounded to four digits."""
    return float(f"{ratio:.4g}")
