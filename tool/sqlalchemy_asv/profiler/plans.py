"""The plans by which a database finds the rows of statements."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ..databases.base import Database
from .statements import Query

EXPLAIN = {
    "sqlite": "EXPLAIN QUERY PLAN",
    "postgresql": "EXPLAIN (FORMAT JSON)",
    "mysql": "EXPLAIN",
}
"""The keyword by the name of SQLAlchemy's dialect; MariaDB's is called mysql or mariadb."""
EXPLAIN["mariadb"] = EXPLAIN["mysql"]
EXPLAINED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")


@dataclasses.dataclass
class Plan:
    """The database's plan to find the rows of a statement."""

    lines: list[str]
    full_scans: list[str]
    """Tables (or their aliases) of which it reads every row."""


def plans_of(database: Database, queries: Iterable[Query]) -> dict[str, Plan | None]:
    """The plan of each different statement, by its SQL."""

    def explain() -> dict[str, Plan | None]:
        with database.engine.connect() as connection:
            return {sql: plan_of(connection, query) for sql, query in different.items()}

    different = {query.sql: query for query in queries}
    return database.run(explain)


def plan_of(connection: Connection, query: Query) -> Plan | None:
    """The database's plan for a statement, which is not executed; None if it has none for it."""
    word = EXPLAIN.get(connection.dialect.name)
    if word is None or not query.sql.lstrip("( \n").upper().startswith(EXPLAINED):
        return None
    if isinstance(query.parameters, list):  # of an `executemany`: the first will do
        parameters: Any = query.parameters[0] if query.parameters else ()
    else:
        parameters = query.parameters
    try:
        result = connection.exec_driver_sql(f"{word} {query.sql}", parameters or ())
        rows = result.mappings().all()
    except SQLAlchemyError:
        return None
    finally:
        connection.rollback()
    if connection.dialect.name == "sqlite":
        lines = [row["detail"] for row in rows]
        # A scan that walks an index in order and stops early is not a full scan.
        scans = [m[1] for line in lines if (m := re.match(r"SCAN (\w+)(?!.* USING)", line))]
        names = set(sqlalchemy.inspect(connection).get_table_names())
        aliases = set(re.findall(r"(?:AS|FROM|JOIN|,) +(\w+)", query.sql))
        temporary = set(
            re.findall(r"(?:WITH|RECURSIVE|,)\s+(\w+)\s*(?:\([^)]*\))? AS\s*\(", query.sql)
        )
        scans = [name for name in scans if name in names | aliases and name not in temporary]
    elif connection.dialect.name == "postgresql":
        (plan,) = rows[0]["QUERY PLAN"]
        nodes = list(_nodes(plan["Plan"]))
        lines = [_line(node, depth) for node, depth in nodes]
        scans = [n["Relation Name"] for n, _ in nodes if n["Node Type"] == "Seq Scan"]
    else:
        lines = [", ".join(f"{k}={v}" for k, v in row.items() if v is not None) for row in rows]
        scans = [
            row["table"]
            for row in rows
            if row["type"] == "ALL" and not str(row["table"]).startswith("<")
        ]
    return Plan(lines, scans)


def _nodes(plan: dict[str, Any], depth: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """The nodes of a PostgreSQL plan, each with its depth."""
    yield plan, depth
    for below in plan.get("Plans", ()):
        yield from _nodes(below, depth + 1)


def _line(node: dict[str, Any], depth: int) -> str:
    """A node as `EXPLAIN` prints it: its type, index, table, number of rows and condition."""
    index = f" using {node['Index Name']}" if "Index Name" in node else ""
    table = f" on {node['Relation Name']}" if "Relation Name" in node else ""
    condition = next((f", {c}: {node[c]}" for c in _CONDITIONS if c in node), "")
    return f"{'  ' * depth}{node['Node Type']}{index}{table} (rows={node['Plan Rows']}){condition}"


_CONDITIONS = ("Index Cond", "Recheck Cond", "Hash Cond", "Join Filter", "Filter", "Sort Key")
