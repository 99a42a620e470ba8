"""A dataset that code fills: the rows of an application, made by whatever makes its rows."""

from __future__ import annotations

import abc
import contextlib
import datetime as dt
import hashlib
import importlib
import importlib.metadata
import inspect
import json
import os
import random
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateSchema

from .. import application, clock, options, version
from ..databases import reading
from ..isolation.jobs import note
from ..label import in_a_line, refuse
from ..words import several

SEED = 20_250_101
EVERY = 0.5
"""Seconds between two notes of progress."""
MAKERS = ("faker", "factory-boy", "polyfactory", "mimesis", "numpy")
"""Packages whose versions decide the values that they make."""


class Dataset(abc.ABC):
    """Rows of an application, which `fill` writes, from the measuring side.

    So commits that have never heard of it can be measured. It is filled once for each schema, and
    kept. Random numbers are seeded: those of `random`, and of Faker, factory_boy, polyfactory and
    numpy if they are installed. The rows that are read back from the database decide whether two
    commits can be compared.
    """

    metadata: ClassVar[Any] = ()
    """The tables: a `MetaData`, or a name such as "shop.models:Base.metadata", or several.  By
    default those that `metadata` in the settings names."""
    alembic: ClassVar[str | None] = None
    """The `alembic.ini` of the commit, whose migrations make the schema, in place of `metadata`. By
    default the one that `alembic` in the settings names."""
    time: ClassVar[dt.datetime | None] = None
    """If set, the time that stands still while rows are made; needs freezegun or time-machine."""
    varying: ClassVar[tuple[str, ...]] = ()
    """Columns such as "users.created_at" whose values differ each time that rows are made."""
    seed: ClassVar[int] = SEED
    databases: ClassVar[tuple[str, ...]] = options.DATABASES

    def __init__(self, scale: float = 1) -> None:
        self.scale = scale
        self.random = random.Random(self.seed)

    @property
    def name(self) -> str:
        return type(self).__name__

    # --- written by the author of a dataset ---------------------------------------------------

    @abc.abstractmethod
    def fill(self, session: Any) -> None:
        """Write the rows; what is not committed is committed afterwards.

        `self.scale` is the size that a scenario asks for, by default 1. `self.random` is a
        generator of its own, seeded.
        """

    def schema(self, connection: Connection) -> None:
        """Make the tables: by the migrations of the commit if there are any, else by `metadata`."""
        if ini := self.migrations():
            upgrade(ini, connection)
        else:
            self.create_all(connection)

    def make_session(self, engine: Any) -> Any:
        """The session that `fill` gets."""
        return Session(engine)

    # --- called by databases ------------------------------------------------------------------

    def migrations(self) -> Path | None:
        """The commit's `alembic.ini`, if settings or the class name one and the commit has it."""
        name = self.alembic or application.stated().get("alembic")
        folder = application.checkout()
        if not name or folder is None:
            return None
        return folder / name if (folder / name).exists() else None

    def create_all(self, connection: Connection) -> None:
        """Make all schemas and tables of `metadata`.

        Raises `NotImplementedError` if the commit has none of them.
        """
        application.protect()
        names = self.metadata or application.stated().get("metadata") or ()
        if not names:
            refuse(
                f"{self.name} has no `metadata`, and settings name none: name it there, such as"
                ' "shop.models:Base.metadata"'
            )
        for each in application.metadata(names):
            for schema in sorted({table.schema for table in each.tables.values() if table.schema}):
                if connection.dialect.name == "postgresql":
                    connection.execute(CreateSchema(schema, if_not_exists=True))
            each.create_all(connection)

    def key(self) -> str:
        """A digest of everything that decides the rows, except for the schema.

        Of code, these are the modules of the class and of its bases in the suite, with the modules
        of the suite that they import. Of other files, those of the suite, such as a dump.
        """
        parts = [
            *_sources(type(self)),
            *_other_files(type(self)),
            self.name,
            self.scale,
            self.seed,
            {name: _version(name) for name in MAKERS},
        ]
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=12).hexdigest()

    def build(self, connection: Connection) -> dict[str, str]:
        """Write the rows into a schema that is there; returns the digests of their columns.

        Refuses if `fill` fails, or writes nothing.
        """
        with self._prepared(), rows_shown(connection.engine, self.name):
            session = self.make_session(connection.engine)
            try:
                self.fill(session)
                session.commit()
            except NotImplementedError:
                raise  # this commit lacks what it calls
            except Exception as error:
                place = last_place(error, inspect.getfile(type(self)))
                refuse(f"{self.name}.fill failed{place}: {in_a_line(error)}")
            finally:
                session.close()
        connection.rollback()
        tables = reading.tables(connection)
        if not any(
            connection.scalar(table.select().limit(1).exists().select()) for table in tables
        ):
            made = f"{several(len(tables), 'table')} without a row" if tables else "no tables"
            refuse(f"{self.name}.fill wrote nothing: {made}")
        found = reading.columns_of(connection, tables)
        connection.rollback()
        return {name: digest for name, digest in found.items() if name not in self.varying}

    @contextlib.contextmanager
    def _prepared(self) -> Iterator[None]:
        """Seeded generators, and time that stands still if it was asked for."""
        seed_all(self.seed)
        with contextlib.ExitStack() as stack:
            if self.time is not None:
                stack.enter_context(frozen(self.time))
            yield


@contextlib.contextmanager
def rows_shown(engine: Engine, name: str) -> Iterator[None]:
    """Show how many rows are written, until the block ends.

    To the command that waits for it, or by a bar on a terminal if tqdm is installed. Rows that SQL
    in a text inserts are not among them.
    """
    to = os.environ.get(options.PROGRESS, "")
    bar: Any = None
    if not to:
        with contextlib.suppress(ImportError):
            from tqdm import tqdm

            bar = tqdm(desc=name, unit="row", delay=2, disable=None)
    written, said = 0, clock.seconds()

    def listener(_: Any, statement: Any, many: Any, one: Any, options: Any) -> None:
        nonlocal written, said
        if not getattr(statement, "is_insert", False):
            return
        rows = len(many) or sum(map(len, statement._multi_values)) or 1
        written += rows
        if bar is not None:
            bar.update(rows)
        elif clock.seconds() - said > EVERY:
            said = clock.seconds()
            note(to, f".{name}: {written:,} rows written")

    event.listen(engine, "before_execute", listener)
    try:
        yield
    finally:
        event.remove(engine, "before_execute", listener)
        if bar is not None:
            bar.close()


def last_place(error: BaseException, file: str) -> str:
    """The innermost line of a file in a traceback, as " at folder/file.py:12"; or nothing."""
    lines = [
        number
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == file
    ]
    path = Path(file)
    return f" at {path.parent.name}/{path.name}:{lines[-1]}" if lines else ""


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def seed_all(seed: int) -> None:
    """Seed every generator of random values that is installed."""
    random.seed(seed)
    with contextlib.suppress(ImportError):
        from faker import Faker

        Faker.seed(seed)
    with contextlib.suppress(ImportError):
        importlib.import_module("factory.random").reseed_random(seed)
    with contextlib.suppress(ImportError):
        base = importlib.import_module("polyfactory.factories.base")
        base.BaseFactory.seed_random(seed)
    with contextlib.suppress(ImportError):
        import numpy

        numpy.random.seed(seed)


def frozen(time: dt.datetime) -> Any:
    """A context in which time stands still."""
    with contextlib.suppress(ImportError):
        return importlib.import_module("time_machine").travel(time, tick=False)
    with contextlib.suppress(ImportError):
        return importlib.import_module("freezegun").freeze_time(time)
    return refuse(
        "`time` of a dataset needs time-machine or freezegun: name one in"
        " `measuring_requirements` of the settings"
    )


def _sources(cls: type) -> list[str]:
    """The sources that decide what a class of a suite does."""
    package = cls.__module__.partition(".")[0]
    names = {c.__module__ for c in cls.__mro__ if c.__module__.partition(".")[0] == package}
    found = version.data_layer(tuple(sorted(names)))
    return found or [inspect.getsource(inspect.getmodule(cls) or cls)]


def _other_files(cls: type) -> Iterator[str]:
    """Name and digest of each file of a class's suite that is no Python."""
    package = sys.modules[cls.__module__.partition(".")[0]]
    for folder in map(Path, getattr(package, "__path__", ())):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix not in (".py", ".pyc"):
                digest = hashlib.blake2b(file.read_bytes(), digest_size=12).hexdigest()
                yield f"{file.relative_to(folder)} {digest}"


_UPGRADE = """
import os
import sys
from alembic import command
from alembic.config import Config
config = Config(sys.argv[1])
config.set_main_option("sqlalchemy.url", os.environ["SQLALCHEMY_ASV_MIGRATED"].replace("%", "%%"))
command.upgrade(config, "head")
"""


def upgrade(ini: Path, connection: Connection) -> None:
    """Run the migrations of the commit under test, as `alembic upgrade head` does.

    In a process of its own, in the commit's folder: migrations may change logging, or run an event
    loop. Refuses if they fail.
    """
    # Alembic connects by itself, and waits for locks of this connection.
    connection.commit()
    url = connection.engine.url
    url = url.set(drivername=application.scheme(url))
    text = url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-c", _UPGRADE, str(ini)],
        cwd=ini.parent,
        env={
            **os.environ,
            **application.addresses(url),
            "PYTHONPATH": str(ini.parent),
            "SQLALCHEMY_ASV_MIGRATED": text,  # other users see arguments, not variables
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = done.stdout.replace(text, "…").strip().splitlines() or ["no reason given"]
        known = [line for line in lines if "Error" in line.partition(":")[0]] or lines
        refuse(f"the migrations of {ini.name} failed: {known[-1].strip()}")
