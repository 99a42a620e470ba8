"""The database itself: its settings, restoring it for a sample, and loading it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, create_engine

from . import ecommerce, social
from .harness.commit import measured
from .harness.database import Images, chosen, dataset_class
from .harness.environment import verify
from .harness.scenario import FAMILY, metric, performed
from .harness.server import Server
from .harness.version import versioned

SETTINGS = [
    "version",
    # SQLite
    *("cache_size", "page_size", "synchronous"),
    # PostgreSQL
    *("autovacuum", "data_checksums", "fsync", "full_page_writes", "jit"),
    *("max_parallel_workers_per_gather", "random_page_cost", "shared_buffers"),
    *("synchronous_commit", "work_mem"),
    # MariaDB
    *("innodb_buffer_pool_size", "innodb_doublewrite", "innodb_flush_log_at_trx_commit"),
    *("log_bin", "sync_binlog"),
]


@versioned
class Settings:
    """The database's version and settings, which explain a step that no commit does."""

    params = (SETTINGS,)
    param_names = ("setting",)

    def setup(self, setting: str) -> None:
        verify()
        facts = chosen().facts()
        if setting not in facts:
            raise NotImplementedError(f"{chosen().name} has no setting {setting}")
        self.value = facts[setting]

    def track_setting(self, setting: str) -> float:
        return self.value


class RestoreSocial(social.CreateUser):
    """Restore the standard social dataset after a sample that wrote."""

    # Registering a user has its metrics elsewhere; this is about one of its own.
    not_measured = FAMILY

    @metric(setup=performed)
    def time_restore(self, images: Images, *params: Any) -> None:
        """Wall time in seconds."""
        self.database.restore()


class RestoreShop(ecommerce.CreateOrder):
    """Restore the shop's standard dataset after a sample that wrote."""

    # Taking an order has its metrics elsewhere; this is about one of its own.
    not_measured = FAMILY

    @metric(setup=performed)
    def time_restore(self, images: Images, *params: Any) -> None:
        """Wall time in seconds."""
        self.database.restore()


@versioned
class LoadSocial:
    """Load the social dataset into PostgreSQL, against bare COPY of the same finished rows."""

    params = ([1, 10, 100],)
    param_names = ("scale",)
    timeout = 3600

    def setup(self, scale: int) -> None:
        verify()
        if chosen().name != "postgresql":
            raise NotImplementedError("COPY is PostgreSQL's")
        self.dataset = dataset_class("social")

    def track_times_copy(self, scale: int) -> float:
        """Wall time over loading the same rows, finished before."""
        with self.database() as connection:
            start = time.perf_counter()
            self.dataset(scale).build(connection)
            whole = time.perf_counter() - start
        with self.database() as connection:
            dataset, bare = self.dataset(scale), 0.0
            finish = measured("fixtures.dataset").Finisher(connection.dialect)
            loader = measured("fixtures.bulk").bulk_loader(connection)

            def timed(action: Callable[..., object], *arguments: Any) -> float:
                start = time.perf_counter()
                action(*arguments)
                return time.perf_counter() - start

            bare += timed(loader.create, dataset.metadata)
            for table, columns in dataset.chunks():
                bare += timed(loader.load, table, list(columns), finish(table, columns))
            bare += timed(loader.finish, dataset.metadata)
            bare += timed(connection.commit)
        return whole / bare

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
            kind.lock(admin, name, wait=True)
            kind.create(admin, name)
            engine = create_engine(kind.where(name))
            with engine.connect() as connection:
                yield connection
            engine.dispose()
            kind.drop(admin, name)

    track_times_copy.unit = "times bare COPY"  # type: ignore[attr-defined]
