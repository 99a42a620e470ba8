"""MariaDB: restored row by row, if a sample changed something.

MariaDB cannot copy a database from a template. Making all tables anew would take nearly as long as
loading. It is faster to compare the tables that change with the template, and to put back the rows
that differ.
"""

from __future__ import annotations

import functools
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    String,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from .server import PREFIX, Server, ddl

READERS = 64
"""The most processes that read a template at once."""


def places(name: str) -> list[str]:
    """The names of the locks of readers."""
    return [f"{name}:{number}" for number in range(READERS)]


class MariaDB(Server):
    name = "mariadb"
    variable = "MARIADB_URL"
    scheme = "mariadb+pymysql"
    read_only = "SET SESSION TRANSACTION READ ONLY"
    hint = (
        "start a server, for example by `docker run -d -p 3306:3306 -e MARIADB_ROOT_PASSWORD=pw"
        " mariadb`, and give its URL, mariadb://root:pw@127.0.0.1"
    )

    settings = (
        "innodb_buffer_pool_size",
        "innodb_doublewrite",
        "innodb_flush_log_at_trx_commit",
        "innodb_flush_method",
        "log_bin",
        "query_cache_type",
        "sync_binlog",
    )

    all_settings = (
        "SELECT lower(variable_name), variable_value FROM information_schema.global_variables"
        " WHERE lower(variable_name) IN :names"
    )

    # A lock of MariaDB has one owner. So readers have locks of their own beside the exclusive one.

    @classmethod
    def lock(cls, admin: Connection, name: str) -> bool:
        if not admin.scalar(select(func.get_lock(name, 0))):
            return False
        readers = admin.execute(select(*(func.is_used_lock(each) for each in places(name)))).one()
        if any(reader is not None for reader in readers):
            cls.unlock(admin, name)
            return False
        return True

    @classmethod
    def share(cls, admin: Connection, name: str) -> bool:
        # Other readers keep it for a moment only.
        if not admin.scalar(select(func.get_lock(name, 1))):
            return False
        try:
            return any(admin.scalar(select(func.get_lock(each, 0))) for each in places(name))
        finally:
            cls.unlock(admin, name)

    @classmethod
    def unlock(cls, admin: Connection, name: str) -> None:
        admin.execute(select(func.release_lock(name)))

    @classmethod
    def databases(cls, admin: Connection) -> list[str]:
        return list(inspect(admin).get_schema_names())

    @classmethod
    def create(cls, admin: Connection, name: str) -> None:
        statement = "CREATE DATABASE %(name)s CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        admin.execute(ddl(admin, statement, name=name))

    @classmethod
    def drop(cls, admin: Connection, name: str, *, force: bool = True) -> None:
        admin.execute(ddl(admin, "DROP DATABASE IF EXISTS %(name)s", name=name))

    @classmethod
    def finish(cls, connection: Connection, name: str) -> None:
        for table in inspect(connection).get_table_names():
            connection.execute(ddl(connection, "ANALYZE TABLE %(table)s", table=table))

    @staticmethod
    def mark_of(name: str) -> Table:
        return Table(f"{PREFIX}_mark", MetaData(), Column("fingerprint", String(64)), schema=name)

    @classmethod
    def mark(cls, admin: Connection, name: str, fingerprint: str) -> None:
        mark = cls.mark_of(name)
        mark.create(admin)
        admin.execute(insert(mark).values(fingerprint=fingerprint))

    @classmethod
    def marked(cls, admin: Connection, name: str) -> str | None:
        try:
            return admin.scalar(select(cls.mark_of(name).c.fingerprint))
        except DBAPIError as error:
            if getattr(error.orig, "args", (0,))[0] in (1049, 1146):  # no database, no table
                return None
            raise

    def refused_to_write(self, error: Any) -> bool:
        return bool(error.args[:1] == (1792,))  # ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION

    def take(self, admin: Connection) -> str:
        key = self.template.removeprefix(f"{PREFIX}_t_")
        admin.execute(text("SET SESSION foreign_key_checks = 0"))
        self._tables = self.tables(admin)
        self._changing: list[Table] = []
        # The database of an earlier process of this run needs a comparison only, not a copy.
        for name in self.databases(admin):
            if name.startswith(f"{PREFIX}_w_{key}") and self.lock(admin, name):
                if self.marked(admin, name) == self.fingerprint:
                    self.put_back(admin, name, self._tables)
                    return name
                self.drop(admin, name)  # its process ended before it was complete
                self.unlock(admin, name)
        name = self.new_name(key)
        self.lock(admin, name)
        self.create(admin, name)
        for table in self._tables:
            copy = self.copy_of(table, name)
            statement = ddl(
                admin,
                "SHOW CREATE TABLE %(schema)s.%(table)s",
                schema=self.template,
                table=table.name,
            )
            create = admin.execute(statement).one()[1]
            admin.execute(ddl(admin, "USE %(name)s", name=name))
            admin.exec_driver_sql(create.replace("%", "%%"))
            admin.execute(insert(copy).from_select(list(copy.c.keys()), select(table)))
        self.mark(admin, name, self.fingerprint)
        return name

    def tables(self, admin: Connection) -> list[Table]:
        """The template's tables."""
        found = MetaData(schema=self.template)
        found.reflect(admin)
        return [table for table in found.sorted_tables if table.name != f"{PREFIX}_mark"]

    @staticmethod
    @functools.cache  # each further one would have statements of its own in the statement cache
    def copy_of(table: Table, name: str) -> Table:
        columns = [Column(c.name, c.type, primary_key=c.primary_key) for c in table.c]
        return Table(table.name, MetaData(), *columns, schema=name)

    def renew(self, admin: Connection, own: str) -> None:
        self.put_back(admin, own, self._changing or self._tables)

    def learn(self) -> None:
        # Every sample changes the same tables: from now on, only these are compared.
        if self.own is not None:
            with self.in_one_line():
                differed = self.put_back(self._administrator, self.own, self._tables)
            known = {table.name for table in self._changing}
            self._changing += [table for table in differed if table.name not in known]

    def put_back(self, admin: Connection, own: str, tables: list[Table]) -> list[Table]:
        """Make the rows of some tables those of the template; returns the tables that differed."""
        differed = []
        admin.execute(text("START TRANSACTION"))
        for table in tables:
            copy = self.copy_of(table, own)
            key = and_(*(copy.c[c.name] == c for c in table.primary_key))
            same = and_(*(copy.c[c.name].is_not_distinct_from(c) for c in table.c))
            gone = admin.execute(delete(copy).where(~exists().where(same).correlate(copy)))
            missing = select(table).where(~exists().where(key).correlate(table))
            back = admin.execute(insert(copy).from_select(list(copy.c.keys()), missing))
            if gone.rowcount or back.rowcount:
                differed.append(table)
        admin.execute(text("COMMIT"))
        self.reset_next_keys(admin, own)
        return differed

    def reset_next_keys(self, admin: Connection, own: str) -> None:
        """Reset the next keys of all tables, also of those whose new rows are gone again."""
        statement = text(
            "SELECT o.table_name, t.auto_increment FROM information_schema.tables o"
            " JOIN information_schema.tables t ON t.table_name = o.table_name"
            " WHERE o.table_schema = :own AND t.table_schema = :template"
            " AND o.auto_increment <> t.auto_increment"
        )
        for name, following in admin.execute(statement, {"own": own, "template": self.template}):
            admin.execute(
                ddl(
                    admin,
                    "ALTER TABLE %(own)s.%(name)s AUTO_INCREMENT = %(0)s",
                    following,
                    own=own,
                    name=name,
                )
            )
