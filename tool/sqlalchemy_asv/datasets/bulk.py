"""Loading many finished rows in the fastest way of each database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, func, insert, select, text
from sqlalchemy.schema import AddConstraint, CreateSchema, CreateTable
from sqlalchemy.types import SchemaType

Rows = Sequence[tuple[Any, ...]]


class BulkLoader:
    """Loads tables, rows and indexes, in that order; rows by the driver's `executemany`.

    SQLAlchemy makes the statement. It is executed as text, which spares a dictionary for each row.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._statements: dict[Table, str] = {}

    def create(self, metadata: MetaData) -> None:
        for table in metadata.sorted_tables:
            self.connection.execute(CreateTable(table))

    paramstyle = "qmark"

    def load(self, table: Table, columns: list[str], rows: Rows) -> None:
        if table not in self._statements:
            dialect: Any = type(self.connection.dialect)
            positional = dialect(paramstyle=self.paramstyle)
            statement = insert(table).compile(dialect=positional, column_keys=columns)
            self._statements[table] = str(statement)
        self.connection.exec_driver_sql(self._statements[table], list(rows))

    def finish(self, metadata: MetaData) -> None:
        for table in metadata.sorted_tables:
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                index.create(self.connection)


class MariaDBLoader(BulkLoader):
    """Loads by INSERTs of many rows, which PyMySQL makes of `executemany`; keys are not checked."""

    paramstyle = "format"

    def create(self, metadata: MetaData) -> None:
        self.connection.execute(text("SET SESSION foreign_key_checks = 0, unique_checks = 0"))
        super().create(metadata)

    def finish(self, metadata: MetaData) -> None:
        super().finish(metadata)
        self.connection.execute(text("SET SESSION foreign_key_checks = 1, unique_checks = 1"))


class PostgreSQLLoader(BulkLoader):
    """Loads by COPY, and adds foreign keys after the rows."""

    def needed(self, metadata: MetaData) -> None:
        """Make the schemas and the types that tables name."""
        for schema in sorted({table.schema for table in metadata.sorted_tables if table.schema}):
            self.connection.execute(CreateSchema(schema, if_not_exists=True))
        for table in metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, SchemaType):
                    column.type.create(self.connection, checkfirst=True)

    def create(self, metadata: MetaData) -> None:
        self.needed(metadata)
        for table in metadata.sorted_tables:
            self.connection.execute(CreateTable(table, include_foreign_key_constraints=[]))

    def load(self, table: Table, columns: list[str], rows: Rows) -> None:
        preparer = self.connection.dialect.identifier_preparer
        into = f"{preparer.format_table(table)} ({', '.join(map(preparer.quote, columns))})"
        driver: Any = self.connection.connection.dbapi_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def finish(self, metadata: MetaData) -> None:
        super().finish(metadata)
        # On copies: `AddConstraint` excludes a constraint from its table's CREATE TABLE.
        copies = MetaData()
        for table in metadata.sorted_tables:
            table.to_metadata(copies)
        for table in copies.sorted_tables:
            for constraint in table.foreign_key_constraints:
                self.connection.execute(AddConstraint(constraint))
            key = numbered(table)
            if key is not None:
                # Rows came with keys, so the next key must follow the largest.
                named = self.connection.dialect.identifier_preparer.format_table(table)
                sequence = func.pg_get_serial_sequence(named, key.name)
                last = select(func.max(key)).scalar_subquery()
                self.connection.execute(select(func.setval(sequence, last)))


def numbered(table: Table) -> Column[Any] | None:
    """The column that the database numbers by itself. Since 2.0.4, its name is public."""
    public = hasattr(Table, "autoincrement_column")
    found: Column[Any] | None = getattr(
        table, "autoincrement_column" if public else "_autoincrement_column"
    )
    return found


LOADERS = {"sqlite": BulkLoader, "postgresql": PostgreSQLLoader, "mariadb": MariaDBLoader}
DATABASES = tuple(LOADERS)


def bulk_loader(connection: Connection) -> BulkLoader:
    """The loader for the database of a connection, by its dialect's name."""
    return LOADERS[connection.dialect.name](connection)
