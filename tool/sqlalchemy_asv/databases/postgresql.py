"""PostgreSQL: restored by making the database anew from a template."""

from __future__ import annotations

import functools
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import URL, Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from ..words import install
from .server import Server, ddl

MEETING = "postgres"
"""The database that every cluster has, and that everybody may connect to by default."""


@functools.cache
def may_connect(url: URL) -> bool:
    """Whether a user may connect to a database; true as well if no server answers."""
    try:
        with create_engine(url, poolclass=NullPool).connect():
            return True
    except DBAPIError as error:
        return not re.search(r"permission denied|does not exist|pg_hba", str(error.orig))


class PostgreSQL(Server):
    name = "postgresql"
    variable = "POSTGRESQL_URL"
    scheme = "postgresql+psycopg"
    read_only = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
    hint = f"give the URL of a server, or, to start one, {install('postgresql')}"

    settings = (
        "autovacuum",
        "data_checksums",
        "fsync",
        "full_page_writes",
        "jit",
        "max_parallel_workers_per_gather",
        "random_page_cost",
        "shared_buffers",
        "synchronous_commit",
        "wal_level",
        "work_mem",
    )

    all_settings = "SELECT name, setting FROM pg_settings WHERE name IN :names"

    @classmethod
    def meeting_place(cls) -> URL:
        # A lock is seen within one database only, and people's URLs name different ones.
        meeting = cls.where(MEETING)
        return meeting if may_connect(meeting) else cls.where()

    @classmethod
    def lock(cls, admin: Connection, name: str) -> bool:
        statement = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
        return bool(admin.scalar(statement, {"name": name}))

    @classmethod
    def share(cls, admin: Connection, name: str) -> bool:
        statement = text("SELECT pg_try_advisory_lock_shared(hashtextextended(:name, 0))")
        return bool(admin.scalar(statement, {"name": name}))

    @classmethod
    def lock_of(cls, name: str) -> str:
        return name.replace("_r_", "_t_")

    @classmethod
    def unlock(cls, admin: Connection, name: str) -> None:
        statement = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")
        admin.execute(statement, {"name": name})

    @classmethod
    def databases(cls, admin: Connection) -> list[str]:
        return list(admin.scalars(text("SELECT datname FROM pg_database ORDER BY datname")))

    @classmethod
    def create(cls, admin: Connection, name: str) -> None:
        statement = "CREATE DATABASE %(name)s TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
        admin.execute(ddl(admin, statement, name=name))

    @classmethod
    def copy(cls, admin: Connection, template: str, name: str) -> None:
        # Copying pages through the log spares the checkpoint that copying files begins with.
        version = admin.dialect.server_version_info or (0,)
        strategy = " STRATEGY wal_log" if version >= (15,) else ""
        statement = f"CREATE DATABASE %(name)s TEMPLATE %(template)s{strategy}"
        admin.execute(ddl(admin, statement, name=name, template=template))

    @classmethod
    def drop(cls, admin: Connection, name: str, *, force: bool = True) -> None:
        forced = " WITH (FORCE)" if force else ""
        admin.execute(ddl(admin, f"DROP DATABASE IF EXISTS %(name)s{forced}", name=name))

    @classmethod
    def finish(cls, connection: Connection, name: str) -> None:
        # Otherwise the first reader would set the hint bits of every row. Plans need statistics.
        driver: Any = connection.connection.dbapi_connection
        connection.commit()
        driver.autocommit = True
        driver.execute("VACUUM (FREEZE, ANALYZE)")
        driver.autocommit = False

    @classmethod
    def mark(cls, admin: Connection, name: str, fingerprint: str) -> None:
        # A template must not have connections, so readers have a copy.
        cls.drop(admin, cls.readers(name))
        cls.copy(admin, name, cls.readers(name))
        statement = "COMMENT ON DATABASE %(name)s IS '%(0)s'"
        admin.execute(ddl(admin, statement, fingerprint, name=name))

    @classmethod
    def marked(cls, admin: Connection, name: str) -> str | None:
        statement = text(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :name"
        )
        found: str | None = admin.scalar(statement, {"name": name})
        return found

    @staticmethod
    def readers(template: str) -> str:
        return template.replace("_t_", "_r_")

    def shared(self) -> str:
        return self.readers(self.template)

    def refused_to_write(self, error: Any) -> bool:
        return getattr(error, "sqlstate", None) == "25006"  # read_only_sql_transaction

    def take(self, admin: Connection) -> str:
        self.clean(admin)
        assert self._admin is not None
        self._dropping = self._admin.enter_context(self.admin())
        return self.new_copy(admin)

    def new_copy(self, admin: Connection) -> str:
        name = self.new_name()
        self.lock(admin, name)
        self.copy(admin, self.template, name)
        return name

    def reconnect(self) -> None:
        # psycopg keeps the texts of statements for the process, not for a connection: those of
        # IN lists of another length, and those that make databases.
        for name, module in [*sys.modules.items()]:
            if name.startswith("psycopg"):
                for each in vars(module).values():
                    if callable(clear := getattr(each, "cache_clear", None)):
                        clear()
        super().reconnect()

    def renew(self, admin: Connection, own: str) -> None:
        self.run(self.engine.dispose)
        # Both at once: dropping waits for a checkpoint, about as long as copying takes. Dropping
        # many later takes longer, since their pages have been written by then.
        with ThreadPoolExecutor(1) as thread:
            dropped = thread.submit(self.drop, self._dropping, own)
            self.own = self.new_copy(admin)
            dropped.result()
        self.unlock(admin, own)
        self.run(self.warm)
