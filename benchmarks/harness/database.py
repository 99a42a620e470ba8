"""The database a scenario runs on: filled once, restored for every sample."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import sqlalchemy.dialects.sqlite  # noqa: F401 (before asv forks, not in every process)
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from .commit import measured


@dataclasses.dataclass(frozen=True)
class Images:
    """What `setup_cache` hands to every benchmark of a dataset: where its images are.

    `fingerprints` has one for each scale; it is empty where the commit lacks the dataset.
    """

    dataset: str
    fingerprints: dict[float, str]

    def path(self, scale: float) -> Path:
        """The image's file; asv runs `setup_cache` and its benchmarks in the same folder."""
        return Path(f"{self.dataset}-{scale:g}.sqlite")


def dataset_class(name: str) -> Any:
    """The dataset of `fixtures.<name>`. Raises `NotImplementedError` if the commit has none."""
    base = measured("fixtures.dataset").Dataset
    for candidate in vars(measured(f"fixtures.{name}.dataset")).values():
        if isinstance(candidate, type) and issubclass(candidate, base) and candidate is not base:
            return candidate
    raise NotImplementedError(f"this commit has no fixtures.{name}.dataset")


def build_images(name: str, scales: tuple[float, ...]) -> Images:
    """Build a dataset at every scale and leave an image of each in the current folder."""
    try:
        dataset = dataset_class(name)
    except NotImplementedError:
        return Images(name, {})
    fingerprints = {}
    for scale in scales:
        database = SQLite()
        with database.engine.connect() as connection:
            fingerprints[scale] = dataset(scale).build(connection)
        database.make_room()
        Images(name, {}).path(scale).write_bytes(database.serialize())
        database.close()
    return Images(name, fingerprints)


class SQLite:
    """A database in memory, on one connection: empty, or with the content of an image.

    Foreign keys are checked as every other database does and an application on SQLite should, but
    not while an empty one is filled: bulk loaders leave that out too.
    """

    def __init__(self, image: bytes | None = None) -> None:
        self.engine: Engine = create_engine("sqlite://", poolclass=StaticPool)
        if image is not None:
            event.listen(
                self.engine, "connect", lambda driver, _: driver.execute("PRAGMA foreign_keys = ON")
            )
        self._image = image
        self._changes = -1
        with self.engine.connect() as connection:
            self.driver: Any = connection.connection.dbapi_connection

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
        """Make the content that of the image again; nothing to do if no row changed since."""
        if self.driver.total_changes == self._changes:
            return
        self.driver.deserialize(self._image)
        # Reads the schema, which the first statement of a sample should not have to do.
        self.driver.execute("SELECT count(*) FROM sqlite_master").fetchall()
        self._changes = self.driver.total_changes

    def mark_changed(self) -> None:
        """Make the next `restore` do its work whether or not a row changed."""
        self._changes = -1

    def close(self) -> None:
        self.engine.dispose()
