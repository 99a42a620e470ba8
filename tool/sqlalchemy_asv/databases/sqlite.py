"""SQLite in memory: needs no server, and is restored by copying its pages."""

from __future__ import annotations

import contextlib
import functools
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy.dialects.sqlite  # noqa: F401 (before asv forks, not in every process)
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.pool import NullPool, StaticPool

from .. import application
from ..files import locked, write_bytes, write_json
from . import reading
from .base import Database, images_folder, number


def _like_memory(driver: Any, record: Any = None) -> None:
    """Let a connection to a file check keys, and wait for no disk."""
    cursor = driver.cursor()
    for pragma in ("PRAGMA foreign_keys = ON", "PRAGMA synchronous = OFF"):
        cursor.execute(pragma)
    cursor.close()


def _to_file(file: str, dialect: Any, record: Any, arguments: list[Any], options: Any) -> None:
    """Let a new connection open a file, from any thread."""
    arguments[:] = [file]
    options.pop("uri", None)
    options["check_same_thread"] = False


class SQLite(Database):
    """A database in memory, on one connection: empty, or with the content of an image.

    Foreign keys are checked, as on every other database and as an application on SQLite should, but
    not while an empty database is filled: bulk loaders do not check them either.
    """

    name = "sqlite"

    def __init__(self, image: bytes | None = None) -> None:
        self.engine = self.make_engine()
        self._image = image
        self._restored: tuple[int, ...] | None = None
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
        # Threads may share it, until it shows that they do: see `permit_many`.
        return create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
        )

    def connect(self) -> Any:
        return super().driver

    def permit_many(self, connections: int) -> None:
        # A database in memory belongs to one connection, so this one is in a file.
        self._folder = tempfile.TemporaryDirectory()
        file = str(Path(self._folder.name, "several.sqlite"))
        event.listen(self.engine, "do_connect", functools.partial(_to_file, file))
        event.listen(self.engine, "connect", _like_memory)
        super().permit_many(connections)
        self._driver = sqlite3.connect(file, check_same_thread=False)
        _like_memory(self._driver)
        self._restored = None
        self.restore()
        self.run(self._warm)

    def _warm(self) -> None:
        """Open all connections, as an application's pool has done before."""
        with contextlib.ExitStack() as stack:
            for _ in range(self.connections):
                opened = stack.enter_context(self.engine.connect())
                opened.exec_driver_sql("SELECT count(*) FROM sqlite_master").all()

    def reconnect(self) -> None:
        self.run(self.engine.dispose)
        if self.connections > 1:
            self.run(self._warm)
            return
        self._driver = self._connected()
        self._restored = None

    @property
    def driver(self) -> Any:
        return self._driver

    @classmethod
    def fill(cls, dataset: Any) -> tuple[str, str]:
        if hasattr(dataset, "fill"):
            return cls.kept(dataset)
        database = cls()
        with database.engine.connect() as connection:
            fingerprint = dataset.build(connection)
        database.make_room()
        place = f"{dataset.name}-{dataset.scale:g}.sqlite"
        Path(place).write_bytes(database.serialize())
        database.close()
        return place, fingerprint

    @classmethod
    def kept(cls, dataset: Any) -> tuple[str, str]:
        """The image of a dataset that code fills: one for each schema."""
        with tempfile.TemporaryDirectory() as folder:
            # A file, to which migrations and the application's own engine can connect as well.
            file = Path(folder, "filled.sqlite")
            url = URL.create("sqlite", database=str(file))
            application.announce(url)
            engine = create_engine(url, poolclass=NullPool)
            event.listen(engine, "connect", _like_memory)
            with engine.connect() as connection:
                dataset.schema(connection)
                connection.commit()
                name = f"{dataset.name}-{dataset.key()}-{reading.schema_of(connection)}"
                image = images_folder() / f"{name}.sqlite"
                with locked(image.with_suffix(".lock")):
                    columns = image.with_suffix(".json")
                    if not (image.exists() and columns.exists()):
                        found = dataset.build(connection)
                        connection.close()
                        database = cls(file.read_bytes())
                        database.restore()
                        database.make_room()
                        write_json(columns, found)
                        write_bytes(image, database.serialize())
                        database.close()
                    fingerprint = columns.read_text("utf-8").strip()
        return str(image.absolute()), fingerprint

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
        if self.connections > 1:
            self._restore_file()
            return
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

    def _restore_file(self) -> None:
        """Copy the image into the file, if a connection has changed it since."""
        ((version,),) = self._driver.execute("PRAGMA data_version").fetchall()
        if self._restored == (version,):
            return
        with contextlib.closing(sqlite3.connect(":memory:")) as image:
            image.deserialize(self._image or b"")
            image.backup(self._driver)
        ((version,),) = self._driver.execute("PRAGMA data_version").fetchall()
        self._restored = (version,)

    def _state(self) -> tuple[int, int]:
        """Numbers that change with the content and with the schema."""
        ((version,),) = self.driver.execute("PRAGMA schema_version").fetchall()
        return self.driver.total_changes, version
