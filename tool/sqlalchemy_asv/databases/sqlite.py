"""SQLite in memory: needs no server, and is restored by copying its pages."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy.dialects.sqlite  # noqa: F401 (before asv forks, not in every process)
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import StaticPool

from .base import Database, number


class SQLite(Database):
    """A database in memory, on one connection: empty, or with the content of an image.

    Foreign keys are checked, as on every other database and as an application on SQLite should, but
    not while an empty database is filled: bulk loaders do not check them either.
    """

    name = "sqlite"

    def __init__(self, image: bytes | None = None) -> None:
        self.engine = self.make_engine()
        self._image = image
        self._restored: tuple[int, int] | None = None
        # Looked up once: the connection stays.
        self._driver: Any = self._connected()

    def _connected(self) -> Any:
        driver = self.run(self.connect)
        if self._image is not None:
            driver.execute("PRAGMA foreign_keys = ON")
        return driver

    @classmethod
    def open(cls, place: str, fingerprint: str) -> SQLite:
        return cls(Path(place).read_bytes())

    @classmethod
    @contextlib.contextmanager
    def served(cls, place: str, fingerprint: str) -> Iterator[URL]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "served.sqlite")
            shutil.copyfile(place, file)
            yield URL.create("sqlite", database=str(file))

    def make_engine(self) -> Engine:
        return create_engine("sqlite://", poolclass=StaticPool)

    def connect(self) -> Any:
        return super().driver

    def reconnect(self) -> None:
        self.run(self.engine.dispose)
        self._driver = self._connected()
        self._restored = None

    @property
    def driver(self) -> Any:
        return self._driver

    @classmethod
    def fill(cls, dataset: Any) -> tuple[str, str]:
        database = cls()
        with database.engine.connect() as connection:
            fingerprint = dataset.build(connection)
        database.make_room()
        place = f"{dataset.name}-{dataset.scale:g}.sqlite"
        Path(place).write_bytes(database.serialize())
        database.close()
        return place, fingerprint

    @classmethod
    def version(cls) -> str:
        return sqlite3.sqlite_version

    @classmethod
    def facts(cls) -> dict[str, float]:
        database = cls()
        names = ("page_size", "cache_size", "synchronous")
        found = {n: database.driver.execute(f"PRAGMA {n}").fetchone()[0] for n in names}
        database.close()
        return {"version": number(cls.version()), **found}

    def serialize(self) -> bytes:
        return self.driver.serialize()  # type: ignore[no-any-return]

    def make_room(self) -> None:
        """Leave a megabyte of free pages, which new rows will take.

        Without free pages, each sample that adds a page would move the whole database to other
        memory. That would take longer than most operations.
        """
        self.driver.execute("CREATE TABLE room (taken)")
        self.driver.execute("INSERT INTO room VALUES (zeroblob(1000000))")
        self.driver.execute("DROP TABLE room")
        self.driver.commit()

    def restore(self) -> None:
        if self._restored is not None:
            changes, schema = self._state()
            if (changes, schema) == self._restored:
                return
            if schema != self._restored[1]:
                # The connection keeps statements that were prepared for the other schema.
                self.reconnect()
        self.driver.deserialize(self._image)
        # Reads the schema, which the first statement of a sample should not have to do.
        self.driver.execute("SELECT count(*) FROM sqlite_master").fetchall()
        self._restored = self._state()

    def _state(self) -> tuple[int, int]:
        """Numbers that change with the content and with the schema."""
        ((version,),) = self.driver.execute("PRAGMA schema_version").fetchall()
        return self.driver.total_changes, version
