"""The base of databases on a server: templates, locks, and errors in one line.

A dataset is loaded once, into a database `sqlalchemy_asv_t_…` that is named after the content and
the schema of the commit, and stays there. Scenarios that only read share it, on read-only
connections. A scenario that writes is refused there once, and then has a database
`sqlalchemy_asv_w_…` of its own. A process holds a lock named like the database that it works on,
and shares one named like the template that it reads. A database without a lock belongs to a dead
process, and the next process drops it.
"""

from __future__ import annotations

import abc
import contextlib
import hashlib
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from sqlalchemy import (
    DDL,
    Connection,
    Dialect,
    Engine,
    bindparam,
    create_engine,
    event,
    func,
    inspect,
    select,
    table,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool, StaticPool
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from .. import application
from ..files import write_json
from ..label import refuse
from . import reading
from .base import Database, images_folder, number, short

PREFIX = "sqlalchemy_asv"


MADE = re.compile(rf"{PREFIX}_[trw]_[0-9a-f]{{8,20}}")
"""The names of all databases that a run makes. No others are touched."""
WAIT = 1800
"""Seconds to wait for a lock: a large dataset takes minutes to load."""


def ddl(connection: Connection, statement: str, *made: str | int, **names: str) -> DDL:
    """A DDL statement with identifiers, which no parameter can hold; they are quoted.

    `made` are values that the tool has made, for `%(0)s` and so on.
    """
    assert all(str(value).isalnum() for value in made)
    quote = connection.dialect.identifier_preparer.quote_identifier
    # SQLAlchemy doubles each % of the whole statement, if the driver wants that.
    context = {name: quote(value).replace("%%", "%") for name, value in names.items()}
    context |= {str(place): str(value) for place, value in enumerate(made)}
    return DDL(statement, context=context)  # type: ignore[no-untyped-call]


def numeric(rows: Iterable[Any]) -> dict[str, float]:
    """Settings as numbers, by name: 1 for on, 0 for off. Other texts are left out."""
    found = {}
    for name, value in rows:
        with contextlib.suppress(ValueError):
            found[name] = float({"on": 1, "off": 0}.get(str(value).lower(), value))
    return found


class Server(Database):
    """A database on the server of an environment variable, whose URL is never recorded."""

    variable: ClassVar[str]
    """The environment variable."""
    scheme: ClassVar[str]
    """SQLAlchemy's name for dialect and driver."""
    hint: ClassVar[str]
    """The advice if the variable is not set."""
    settings: ClassVar[tuple[str, ...]]
    """The names of the settings that explain a time."""
    all_settings: ClassVar[str]
    """The query for the name and value of each of `:names`."""

    # --- defined by each kind of server -------------------------------------------------------

    @classmethod
    @abc.abstractmethod
    def lock(cls, admin: Connection, name: str) -> bool:
        """Take a lock until `unlock` or the end of the connection.

        Returns whether it was free: nobody else had it, or shared it.
        """

    @classmethod
    @abc.abstractmethod
    def share(cls, admin: Connection, name: str) -> bool:
        """Share a lock until the end of the connection; returns whether nobody had it alone."""

    @classmethod
    @abc.abstractmethod
    def unlock(cls, admin: Connection, name: str) -> None: ...

    @classmethod
    @abc.abstractmethod
    def databases(cls, admin: Connection) -> list[str]:
        """The names of all databases on the server."""

    @classmethod
    @abc.abstractmethod
    def create(cls, admin: Connection, name: str) -> None:
        """Make an empty database that compares strings by their bytes, as SQLite does."""

    @classmethod
    @abc.abstractmethod
    def drop(cls, admin: Connection, name: str, *, force: bool = True) -> None:
        """Drop a database if it exists; with `force`, even if something is connected to it."""

    @classmethod
    @abc.abstractmethod
    def mark(cls, admin: Connection, name: str, fingerprint: str) -> None:
        """Note that a template is complete."""

    @classmethod
    @abc.abstractmethod
    def marked(cls, admin: Connection, name: str) -> str | None:
        """The fingerprint of a complete template."""

    @classmethod
    def finish(cls, connection: Connection, name: str) -> None:
        """Bring a loaded database into the state of one that has been in use."""

    @classmethod
    def lock_of(cls, name: str) -> str:
        """The name of the lock of a database."""
        return name

    read_only: ClassVar[str]
    """The statement after which a connection reads only."""

    @abc.abstractmethod
    def refused_to_write(self, error: Any) -> bool:
        """Whether this is the driver's error for what `read_only` forbids."""

    @abc.abstractmethod
    def take(self, admin: Connection) -> str:
        """Make a locked copy of the template; returns its name."""

    @classmethod
    def version(cls) -> str:
        with cls.admin() as admin:
            return cls._version(admin)

    @staticmethod
    def _version(admin: Connection) -> str:
        return ".".join(map(str, admin.dialect.server_version_info or ()))

    @classmethod
    def facts(cls) -> dict[str, float]:
        with cls.admin() as admin:
            version = cls._version(admin)
            query = text(cls.all_settings).bindparams(bindparam("names", expanding=True))
            rows = admin.execute(query, {"names": cls.settings}).all()
        return {"version": number(version), **numeric(rows)}

    # --- connections --------------------------------------------------------------------------

    @classmethod
    def where(cls, database: str | None = None) -> URL:
        """The URL of the server. Refuses if the variable is not set, or holds no URL."""
        given = os.environ.get(cls.variable)
        if not given:
            refuse(f"{cls.variable} is not set: {cls.hint}")
        try:
            url = make_url(given).set(drivername=cls.scheme)
        except (ArgumentError, ValueError):
            refuse(f"{cls.variable} is no URL such as {cls.name}://user@host/database")
        return url.set(database=database) if database else url

    @classmethod
    def meeting_place(cls) -> URL:
        """The URL of the database at which all processes take their locks."""
        return cls.where()

    @classmethod
    @contextlib.contextmanager
    def admin(cls) -> Iterator[Connection]:
        """A connection in autocommit mode, to the database where locks are taken."""
        engine = create_engine(
            cls.meeting_place(), isolation_level="AUTOCOMMIT", poolclass=StaticPool
        )
        try:
            with cls.in_one_line(), engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    @classmethod
    @contextlib.contextmanager
    def in_one_line(cls) -> Iterator[None]:
        """Refuse to go on if the server fails, with the reason but without its address."""
        try:
            yield
        except DBAPIError as error:
            cls.fail(error.orig)

    @classmethod
    def fail(cls, error: BaseException | None) -> None:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        refuse(f"{cls.name} failed: {cls.redacted(lines[0])}; see {cls.variable}")

    @classmethod
    def redacted(cls, message: str) -> str:
        """A driver's message without the parts of the URL."""
        # The reason follows the address that the driver tried to connect to.
        message = re.sub(r"^.*(?:failed: |FATAL: +)", "", message)
        # The user who is denied access, and his machine.
        message = re.sub(r"'[^']*'@'[^']*'", "…", message)
        url = cls.where()
        parts = [url.password, url.username, url.host, url.database, *url.query.values()]
        for part in sorted((str(part) for part in parts if part), key=len, reverse=True):
            message = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "…", message)
        return message

    @classmethod
    def check(cls) -> None:
        with cls.admin():
            pass

    @classmethod
    def wait_for(
        cls, take: Callable[[Connection, str], bool], admin: Connection, name: str
    ) -> None:
        """Take a lock by `lock` or `share`, as soon as it is free. Refuses if it stays taken."""
        end = time.monotonic() + WAIT
        while not take(admin, cls.lock_of(name)):
            if time.monotonic() > end:
                refuse(f"another process has kept {name} on {cls.name} for {WAIT / 60:g} min")
            time.sleep(0.1)

    # --- filling ------------------------------------------------------------------------------

    @classmethod
    def fill(cls, dataset: Any) -> tuple[str, str]:
        if cls.name not in getattr(dataset, "databases", ()):
            raise NotImplementedError(f"this commit's datasets cannot be loaded into {cls.name}")
        if hasattr(dataset, "fill"):
            return cls.kept(dataset)
        fingerprint = dataset.fingerprint()
        with cls.admin() as admin:
            template = f"{PREFIX}_t_{cls.digest(dataset, fingerprint, admin)}"

        def is_complete(admin: Connection) -> bool:
            return bool(cls.marked(admin, template) == fingerprint)

        cls.provide(
            template, is_complete, lambda admin: cls.load(admin, dataset, template, fingerprint)
        )
        return template, fingerprint

    @classmethod
    def kept(cls, dataset: Any) -> tuple[str, str]:
        """The template of a dataset that code fills: one for each schema as the server has it."""
        with cls.admin() as admin:
            name = cls.new_name()
            cls.wait_for(cls.lock, admin, name)
            cls.create(admin, name)
            try:
                with cls.with_schema(name, dataset) as connection:
                    schema = reading.schema_of(connection)
            finally:
                with contextlib.suppress(Exception):
                    cls.drop(admin, name)
            user = admin.scalar(select(func.current_user()))
        digest = hashlib.blake2b(f"{dataset.key()} {schema} {user}".encode(), digest_size=6)
        template = f"{PREFIX}_t_{digest.hexdigest()}"
        columns = images_folder() / f"{template}.json"

        def is_complete(admin: Connection) -> bool:
            known = columns.read_text("utf-8").strip() if columns.exists() else ""
            return bool(known) and cls.marked(admin, template) == short(known)

        def load(admin: Connection) -> None:
            cls.drop(admin, template)
            cls.create(admin, template)
            with cls.with_schema(template, dataset) as connection:
                found = dataset.build(connection)
                cls.finish(connection, template)
            write_json(columns, found)
            cls.mark(admin, template, short(json.dumps(found)))

        cls.provide(template, is_complete, load)
        return template, columns.read_text("utf-8").strip()

    @classmethod
    def provide(
        cls,
        template: str,
        is_complete: Callable[[Connection], bool],
        load: Callable[[Connection], None],
    ) -> None:
        """Load a template unless it is complete; whoever loads it has its lock alone."""
        with cls.admin() as admin:
            # Beside its readers.
            cls.wait_for(cls.share, admin, template)
            if is_complete(admin):
                return
        with cls.admin() as admin:
            cls.wait_for(cls.lock, admin, template)
            if not is_complete(admin):
                try:
                    load(admin)
                except BaseException:
                    with contextlib.suppress(Exception):
                        cls.drop(admin, template)
                    raise
            cls.unlock(admin, template)

    @classmethod
    @contextlib.contextmanager
    def with_schema(cls, name: str, dataset: Any) -> Iterator[Connection]:
        """A connection to a database in which a dataset's schema is made. No pool stays."""
        engine = create_engine(cls.where(name), poolclass=NullPool)
        with cls.in_one_line(), engine.connect() as connection:
            application.announce(engine.url)
            dataset.schema(connection)
            connection.commit()
            yield connection

    @classmethod
    def load(cls, admin: Connection, dataset: Any, template: str, fingerprint: str) -> None:
        cls.drop(admin, template)
        cls.create(admin, template)
        engine = create_engine(cls.where(template), poolclass=StaticPool)
        try:
            with engine.connect() as connection:
                if dataset.build(connection) != fingerprint:
                    refuse(f"{dataset.name} was loaded with other rows than its fingerprint says")
                cls.finish(connection, template)
        except engine.dialect.loaded_dbapi.Error as error:
            cls.fail(error)  # an error of the driver itself, which SQLAlchemy does not wrap
        finally:
            engine.dispose()
        cls.mark(admin, template, fingerprint)

    @classmethod
    def digest(cls, dataset: Any, fingerprint: str, admin: Connection) -> str:
        """A digest of rows, schema and user.

        A commit that adds an index has a template of its own. A user may not read another's.
        """
        digest = hashlib.blake2b(fingerprint.encode(), digest_size=6)
        digest.update(str(admin.scalar(select(func.current_user()))).encode())
        for each in dataset.metadata.sorted_tables:
            indexes = sorted(each.indexes, key=lambda index: str(index.name))
            parts: list[ExecutableDDLElement] = [CreateTable(each), *map(CreateIndex, indexes)]
            for part in parts:
                digest.update(str(part.compile(dialect=admin.dialect)).encode())
        return digest.hexdigest()

    @classmethod
    def clean(cls, admin: Connection, prefix: str = f"{PREFIX}_w_") -> dict[str, str]:
        """Drop databases that are not in use; by default, those that dead processes left.

        Returns the reason why each was kept, by name; it is empty for a database that was dropped.
        """
        found = {}
        for name in cls.databases(admin):
            if not (name.startswith(prefix) and MADE.fullmatch(name)):
                continue
            if not cls.lock(admin, cls.lock_of(name)):
                found[name] = "somebody works on it"
                continue
            try:
                # Its lock proves that the owner of such a copy is dead, but not that his query is.
                cls.drop(admin, name, force=name.startswith(f"{PREFIX}_w_"))
                found[name] = ""
            except DBAPIError as error:  # another user's, or somebody is connected to it
                found[name] = cls.redacted(str(error.orig).strip().splitlines()[0])
            finally:
                cls.unlock(admin, cls.lock_of(name))
        return found

    # --- one database for a process -----------------------------------------------------------

    @classmethod
    def open(cls, place: str, fingerprint: str) -> Server:
        return cls(place, fingerprint)

    @classmethod
    @contextlib.contextmanager
    def served(cls, place: str, fingerprint: str) -> Iterator[URL]:
        database = cls.open(place, fingerprint)
        try:
            database.take_own()
            database.engine.dispose()
            yield cls.where(database.own)
        finally:
            database.close()

    def __init__(self, place: str, fingerprint: str) -> None:
        self.template = place
        self.fingerprint = short(fingerprint)
        self.own: str | None = None
        # Open as long as the process lives, so that others see its locks.
        self._admin = contextlib.ExitStack()
        self._administrator = self._admin.enter_context(self.admin())
        self._untouched = False
        self.wait_for(self.share, self._administrator, place)
        found = self.marked(self._administrator, place)
        if found != short(fingerprint):
            refuse(
                f"{self.name} holds a dataset with fingerprint {found}, not {fingerprint}:"
                " measure this commit again"
            )
        self.engine = self.make_engine()
        event.listen(self.engine, "do_connect", self._connect)
        event.listen(self.engine, "connect", self._connected)
        event.listen(self.engine, "handle_error", self._on_error)
        with self.in_one_line():
            self.run(self.warm)

    def make_engine(self) -> Engine:
        return create_engine(self.where(), poolclass=StaticPool)

    def shared(self) -> str:
        """The database that readers share."""
        return self.template

    def _connect(self, dialect: Dialect, record: Any, arguments: Any, options: Any) -> Any:
        # The engine's URL names no database, because the database changes.
        url = self.engine.url.set(database=self.own or self.shared())
        arguments, options = dialect.create_connect_args(url)
        return self.connect_driver(dialect, arguments, options)

    def connect_driver(self, dialect: Dialect, arguments: Any, options: Any) -> Any:
        """A new connection of the driver."""
        return dialect.connect(*arguments, **options)

    def _connected(self, driver: Any, record: Any) -> None:
        if self.own is None:
            cursor = driver.cursor()
            cursor.execute(self.read_only)
            cursor.close()
            driver.commit()

    def _on_error(self, context: Any) -> None:
        dbapi = self.engine.dialect.loaded_dbapi
        error = context.original_exception
        broken = (dbapi.OperationalError, dbapi.InterfaceError, dbapi.InternalError)
        if isinstance(error, broken) and not (self.own is None and self.refused_to_write(error)):
            self.fail(error)

    def permit_writing(self, error: Exception) -> bool:
        if self.own or not self.refused_to_write(getattr(error, "orig", error)):
            return False
        self.take_own()
        return True

    def take_own(self) -> None:
        """Work on a copy of the template from now on."""
        with self.in_one_line():
            self.own = self.take(self._administrator)
            self.reconnect()
        self._untouched = True

    def restore(self) -> None:
        if self.own is None:
            return
        if not self._untouched:
            with self.in_one_line():
                self.renew(self._administrator, self.own)
        self._untouched = False

    @abc.abstractmethod
    def renew(self, admin: Connection, own: str) -> None:
        """Make a copy that was worked on equal to the template again."""

    def reconnect(self) -> None:
        self.run(self.engine.dispose)
        self.run(self.warm)

    def permit_many(self, connections: int) -> None:
        with self.in_one_line():
            super().permit_many(connections)
            self.run(self.warm)

    def warm(self) -> None:
        """Read from every table, as connections from an application's pool have done before."""
        with contextlib.ExitStack() as stack:
            for _ in range(self.connections):
                self._warm(stack.enter_context(self.engine.connect()))

    @staticmethod
    def _warm(connection: Connection) -> None:
        for name in inspect(connection).get_table_names():
            if name.startswith(PREFIX):
                continue
            connection.execute(select(text("1")).select_from(table(name)).limit(1)).all()

    def close(self) -> None:
        super().close()
        with self._admin:
            if self.own is not None:
                with self.in_one_line():
                    self.drop(self._administrator, self.own)
                self.own = None

    @staticmethod
    def new_name(key: str = "") -> str:
        return f"{PREFIX}_w_{key}{uuid.uuid4().hex[:8]}"
