"""The content of a database: a digest of its schema, and one of each column of its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, MetaData, Table, inspect, select, text
from sqlalchemy.types import NullType

NOT_DATA = ("alembic_version", "sqlalchemy_asv_mark")
"""Tables about the schema, not of it."""
SCHEMAS = {"postgresql": ("information_schema",), "sqlite": ("main", "temp")}
"""The schemas of databases whose others are an application's; MariaDB's are databases."""
CHUNK = 1_000
"""Rows that are read at a time."""

_POSTGRESQL = (
    # Tables and views with their columns, in an order that no identity of a row decides.
    """SELECT table_schema, table_name, ordinal_position, column_name, data_type, udt_name,
     is_nullable, column_default, character_maximum_length, numeric_precision, numeric_scale
     FROM information_schema.columns
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, 3""",
    """SELECT schemaname, tablename, indexdef FROM pg_indexes
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, 3""",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
     WHERE connamespace <> 'pg_catalog'::regnamespace
     AND connamespace <> 'information_schema'::regnamespace ORDER BY 1, 2""",
    """SELECT t.typname, e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid
     ORDER BY 1, e.enumsortorder""",
    """SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger
     WHERE NOT tgisinternal ORDER BY 1, 2""",
    """SELECT schemaname, viewname, definition FROM pg_views
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2""",
)
_SQLITE = ("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name",)


def schema_of(connection: Connection) -> str:
    """A digest of the schema as the database has it, with indexes, constraints and types.

    So an index that only a migration makes counts as well.
    """
    dialect = connection.dialect.name
    if dialect in ("mysql", "mariadb"):
        found = list(_shown(connection))
    else:
        queries = _POSTGRESQL if dialect == "postgresql" else _SQLITE
        found = [list(map(list, connection.execute(text(query)))) for query in queries]
    return hashlib.blake2b(json.dumps(found, default=str).encode(), digest_size=12).hexdigest()


def _shown(connection: Connection) -> Iterator[list[Any]]:
    """The statements that would make the tables of MariaDB again."""
    preparer = connection.dialect.identifier_preparer
    for name in sorted(inspect(connection).get_table_names()):
        if name not in NOT_DATA:
            quoted = preparer.quote_identifier(name)
            yield list(connection.exec_driver_sql(f"SHOW CREATE TABLE {quoted}").one())


def columns_of(connection: Connection, tables: Iterable[Table]) -> dict[str, str]:
    """A digest of the values in each column, by "table.column", or "schema.table.column".

    Rows are read in the order of their primary key, or of all columns where there is none.
    """
    found: dict[str, str] = {}
    for table in tables:
        found |= _of_table(connection, table)
    return found


def tables(connection: Connection) -> list[Table]:
    """The tables of all schemas of an application."""
    inspector = inspect(connection)
    default = inspector.default_schema_name
    schemas: list[str | None] = [None]
    if connection.dialect.name in SCHEMAS:
        known = {default, *SCHEMAS[connection.dialect.name]}
        schemas += [name for name in inspector.get_schema_names() if name not in known]
    found: list[Table] = []
    for schema in schemas:
        metadata = MetaData()
        metadata.reflect(connection, schema=schema, resolve_fks=False)
        found += [each for each in metadata.tables.values() if each.name not in NOT_DATA]
    return sorted(found, key=lambda each: each.fullname)


def _of_table(connection: Connection, table: Table) -> dict[str, str]:
    columns = list(table.c)
    digests = [hashlib.blake2b(digest_size=8) for _ in columns]
    # A type that SQLAlchemy does not know is read as the driver gives it.
    order = list(table.primary_key) or [c for c in columns if not isinstance(c.type, NullType)]
    rows = connection.execute(
        select(*columns).order_by(*order), execution_options={"yield_per": CHUNK}
    )
    for row in rows:
        for digest, value in zip(digests, row, strict=True):
            digest.update(_written(value))
    return {
        f"{table.fullname}.{column.name}": digest.hexdigest()
        for column, digest in zip(columns, digests, strict=True)
    }


def _written(value: object) -> bytes:
    if isinstance(value, memoryview | bytearray):
        value = bytes(value)
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, default=str).encode() + b"\0"
    return f"{value!r}\0".encode()
