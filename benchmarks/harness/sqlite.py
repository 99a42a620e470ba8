"""SQLite in memory: needs nothing, and is restored by copying its pages."""

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

from .database import Database, number
from .undo import Undo, apply, find


class SQLite(Database):
    """A database in memory, on one connection: empty, or with the content of an image.

    Foreign keys are checked as every other database does and an application on SQLite should, but
    not while an empty one is filled: bulk loaders leave that out too.
    """

    name = "sqlite"

    def __init__(self, image: bytes | None = None) -> None:
        self.engine = self.make_engine()
        self._image = image
        self._changes = -1
        self._undo: Undo = []
        # Looked up once: this one stays.
        self._driver: Any = self.run(self.connect)
        if image is not None:
            self._driver.execute("PRAGMA foreign_keys = ON")

    @classmethod
    def open(cls, place: str, fingerprint: str) -> SQLite:
        return cls(Path(place).read_bytes())

    @classmethod
    @contextlib.contextmanager
    def served(cls, place: str, fingerprint: str) -> Iterator[URL]:
        with tempfile.TemporaryDirectory(prefix="sqlalchemy-asv-") as folder:
            file = Path(folder, "served.sqlite")
            shutil.copyfile(place, file)
            yield URL.create("sqlite", database=str(file))

    def make_engine(self) -> Engine:
        return create_engine("sqlite://", poolclass=StaticPool)

    def connect(self) -> Any:
        return super().driver

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
    def facts(cls) -> dict[str, float]:
        database = cls()
        names = ("page_size", "cache_size", "synchronous")
        found = {n: database.driver.execute(f"PRAGMA {n}").fetchone()[0] for n in names}
        database.close()
        return {"version": number(sqlite3.sqlite_version), **found}

    def serialize(self) -> bytes:
        return self.driver.serialize()  # type: ignore[no-any-return]

    def make_room(self) -> None:
        """Leave a megabyte of free pages, which new rows will take.

        A database in memory without any would be moved as a whole to where it can grow, in each
        sample that adds a page, and that would take longer than most of what is measured.
        """
        self.driver.execute("CREATE TABLE room (taken)")
        self.driver.execute("INSERT INTO room VALUES (zeroblob(1000000))")
        self.driver.execute("DROP TABLE room")
        self.driver.commit()

    def restore(self) -> None:
        if self.driver.total_changes == self._changes:
            return
        if self._undo:
            apply(self.driver, self._undo)
        else:
            self.driver.deserialize(self._image)
            # Reads the schema, which the first statement of a sample should not have to do.
            self.driver.execute("SELECT count(*) FROM sqlite_master").fetchall()
        self._changes = self.driver.total_changes

    def keep(self) -> bool:
        if self.driver.total_changes != self._changes:
            self._image = self.serialize()
            self._changes = self.driver.total_changes
        return True

    def undo(self) -> Undo:
        if self._image is None or self.driver.total_changes == self._changes:
            return []
        found = find(self.engine, self._image)
        try:
            apply(self.driver, found)
        except sqlite3.IntegrityError:
            self.driver.rollback()
        if find(self.engine, self._image):
            return []
        self._changes = self.driver.total_changes
        return found

    def use_undo(self, found: Undo) -> None:
        self._undo = found

    def mark_changed(self) -> None:
        """Make the next `restore` do its work whether or not a row changed."""
        self._changes = -1
