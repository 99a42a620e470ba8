"""The plans by which a database finds the rows of statements, and the work that they take.

A plan alone does not tell whether a scan matters: it may stop after a few rows, or read a table of
a hundred. So statements other than INSERT are executed again, in a transaction that is rolled back,
and the database tells what it did:

- SQLite calls back after each `GRAIN` instructions of its virtual machine (its progress handler);
- PostgreSQL and MariaDB count the rows of each node (`EXPLAIN ANALYZE`, `ANALYZE FORMAT=JSON`).
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ..databases.base import Database
from .statements import Query

EXPLAINED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")
GRAIN = 10
"""The instructions of SQLite's virtual machine between two callbacks."""


@dataclasses.dataclass
class Plan:
    """The database's plan to find the rows of a statement."""

    lines: list[str]
    full_scans: dict[str, int]
    """Tables of which it reads every row, by name, with their numbers of rows."""
    steps: int | None = None
    """What it did: instructions of SQLite's virtual machine; on servers, rows that nodes of the
    plan handled. None if it was not executed again."""

    @property
    def shape(self) -> list[str]:
        """The lines without numbers that follow from the data."""
        return [_NUMBERS.sub("", line) for line in self.lines]


_NUMBERS = re.compile(r" ?\(rows=\d+\)|, rows=\d+|, key_len=\d+")
Missing = str
"""The reason why there is no plan."""


def plans_of(database: Database, queries: Iterable[Query]) -> dict[str, Plan | Missing]:
    """The plan of each different statement, by its SQL; the reason if there is none."""

    def explain() -> dict[str, Plan | Missing]:
        with database.engine.connect() as connection:
            return {sql: plan_of(connection, query) for sql, query in different.items()}

    different = {query.sql: query for query in queries}
    return database.run(explain)


def plan_of(connection: Connection, query: Query) -> Plan | Missing:
    """The database's plan for a statement; the reason if there is none."""
    reader = READERS.get(connection.dialect.name)
    if reader is None:
        return f"no plans are read of {connection.dialect.name}"
    word = keyword(query.sql)
    if word not in EXPLAINED:
        return f"the database explains no {word or 'empty statement'}"
    if word == "INSERT" and not re.search(r"\bSELECT\b", query.sql, re.IGNORECASE):
        return "it inserts values, and reads no table"
    parameters: Any = query.parameters
    if isinstance(parameters, list):  # of an `executemany`: the first will do
        parameters = parameters[0] if parameters else ()
    reading = reader(connection, query.sql, parameters or ())
    try:
        plan = reading.plan()
    except SQLAlchemyError as error:
        lines = str(getattr(error, "orig", None) or error).splitlines()
        return f"the database does not explain it: {lines[0] if lines else type(error).__name__}"
    finally:
        connection.rollback()
    if word != "INSERT":
        try:
            reading.work(plan)
        except SQLAlchemyError:
            pass  # such as a row that others refer to by now: the plan is known, its work is not
        finally:
            connection.rollback()
    return plan


def keyword(sql: str) -> str:
    """The word that a statement begins with, such as "SELECT"; empty if there is none."""
    return next(iter(re.findall(r"\w+", sql)), "").upper()


class Reading:
    """The plan of one statement on one kind of database."""

    def __init__(self, connection: Connection, sql: str, parameters: Any) -> None:
        self.connection = connection
        self.sql = sql
        self.parameters = parameters
        self._rows: dict[str, int] = {}

    def plan(self) -> Plan:
        """Explain the statement, without its execution."""
        raise NotImplementedError

    def work(self, plan: Plan) -> None:
        """Execute it, and set the plan's `steps` and `full_scans` by what the database did."""
        raise NotImplementedError

    def execute(self, before: str) -> Any:
        """The mappings of the result of the statement with a keyword before it."""
        result = self.connection.exec_driver_sql(f"{before}{self.sql}", self.parameters)
        return result.mappings().all() if result.returns_rows else []

    def table(self, name: str) -> str | None:
        """The table that a name in the statement stands for; None if that is a subquery."""
        quoted = rf"[\"`]?{re.escape(name)}[\"`]?"
        ends = rf"{quoted}(?![\w.])"
        begins = r"\b(?:FROM|JOIN|UPDATE)\s+(?:[^()]*?,\s*)?"
        aliased = re.search(
            rf"{begins}(?P<what>[\w\"`.]+)\s+(?:AS\s+)?{ends}", self.sql, re.IGNORECASE
        )
        if aliased and aliased["what"].upper() != "ONLY":
            return str(aliased["what"]).rpartition(".")[2].strip('"`')
        is_cte = re.search(
            rf"(?:WITH|RECURSIVE|,)\s+{quoted}\s*(?:\([^)]*\))?\s+AS\b", self.sql, re.IGNORECASE
        )
        if is_cte:
            return None
        if re.search(rf"{begins}(?:[\w\"`]+\.)?{ends}", self.sql, re.IGNORECASE):
            return name
        is_subquery = re.search(rf"\)\s+(?:AS\s+)?{ends}", self.sql, re.IGNORECASE)
        return None if is_subquery else name

    def rows_of(self, table: str) -> int:
        """The number of rows of a table; 0 if it is none, such as a name of the database's own."""
        if table not in self._rows:
            count = sqlalchemy.select(sqlalchemy.func.count()).select_from(
                sqlalchemy.table(table, schema=self._schema(table))
            )
            try:
                with self.connection.begin_nested():
                    self._rows[table] = self.connection.scalar(count) or 0
            except SQLAlchemyError:
                self._rows[table] = 0
        return self._rows[table]

    def _schema(self, table: str) -> str | None:
        """The schema that the statement names before the table."""
        found = re.search(
            rf"(?:FROM|JOIN|UPDATE|,)\s+[\"`]?(\w+)[\"`]?\.[\"`]?{re.escape(table)}(?!\w)", self.sql
        )
        return found[1] if found else None

    def whole(self, read: Mapping[str, float]) -> dict[str, int]:
        """The tables of which all rows are read, of so many rows read by name in the statement."""
        found = {}
        for name, number in read.items():
            table = self.table(name)
            if table is not None and (rows := self.rows_of(table)) and number >= rows:
                found[table] = rows
        return found


_SCAN = re.compile(
    r"SCAN (?:TABLE \S+ AS |TABLE )?(.+?)(?: USING .*| LEFT-JOIN.*| EXISTS| VIRTUAL TABLE .*)?$"
)

_INDEXED = re.compile(r"SEARCH (?:TABLE \S+ AS |TABLE )?(.+?) USING AUTOMATIC ")
"""An index that SQLite makes for the one statement, from every row."""


class SQLiteReading(Reading):
    def plan(self) -> Plan:
        lines = [row["detail"] for row in self.execute("EXPLAIN QUERY PLAN ")]
        return Plan(lines, self.whole(dict.fromkeys(self._scanned(lines), float("inf"))))

    def _scanned(self, lines: list[str]) -> Iterator[str]:
        for line in lines:
            # Before SQLite 3.36: "SCAN TABLE users AS u".
            if found := _SCAN.match(line) or _INDEXED.match(line):
                yield found[1]

    def tables_scanned(self, lines: list[str]) -> list[str]:
        """The tables that a plan scans, whether or not to their ends."""
        return sorted({table for name in self._scanned(lines) if (table := self.table(name))})

    def work(self, plan: Plan) -> None:
        calls = 0

        def called() -> int:
            nonlocal calls
            calls += 1
            return 0

        driver: Any = self.connection.connection.driver_connection
        driver.set_progress_handler(called, GRAIN)
        try:
            rows = self.execute("")
        finally:
            driver.set_progress_handler(None, 0)
        plan.steps = calls * GRAIN
        # A row that is returned takes an instruction for each column and two more; a row that is
        # not takes one at least.
        columns = len(rows[0]) if rows else 0
        read = plan.steps + GRAIN - columns * len(rows)
        plan.full_scans = self.whole(dict.fromkeys(self._scanned(plan.lines), read))


class PostgreSQLReading(Reading):
    def _nodes(self, before: str) -> list[tuple[dict[str, Any], int]]:
        (plan,) = self.execute(f"EXPLAIN ({before}FORMAT JSON) ")[0]["QUERY PLAN"]
        return list(_nodes(plan["Plan"]))

    def plan(self) -> Plan:
        nodes = self._nodes("")
        read = {
            node.get("Alias", node["Relation Name"]): float("inf")
            for node, _ in nodes
            if node["Node Type"] == "Seq Scan"
        }
        return Plan([_line(node, depth) for node, depth in nodes], self.whole(read))

    def work(self, plan: Plan) -> None:
        read: dict[str, float] = {}
        steps = 0.0
        for node, _ in self._nodes("ANALYZE, TIMING OFF, SUMMARY OFF, "):
            removed = sum(value for name, value in node.items() if name.startswith("Rows Removed"))
            handled = (node["Actual Rows"] + removed) * node["Actual Loops"]
            steps += handled
            if node["Node Type"] == "Seq Scan":
                alias = node.get("Alias", node["Relation Name"])
                read[alias] = read.get(alias, 0) + handled
        self.connection.rollback()
        plan.steps, plan.full_scans = round(steps), self.whole(read)


class MariaDBReading(Reading):
    def plan(self) -> Plan:
        rows = self.execute("EXPLAIN ")
        lines = [", ".join(f"{k}={v}" for k, v in row.items() if v is not None) for row in rows]
        scanned = [row["table"] for row in rows if row["type"] in ("ALL", "index")]
        return Plan(lines, self.whole(dict.fromkeys(filter(None, scanned), float("inf"))))

    def work(self, plan: Plan) -> None:
        (row,) = self.execute("ANALYZE FORMAT=JSON ")
        (text,) = row.values()
        read: dict[str, float] = {}
        steps = 0.0
        for table in _tables(json.loads(text)):
            handled = (table.get("r_rows") or 0) * table.get("r_loops", 1)
            steps += handled
            if table.get("access_type") in ("ALL", "index"):
                read[table["table_name"]] = read.get(table["table_name"], 0) + handled
        self.connection.rollback()
        plan.steps, plan.full_scans = round(steps), self.whole(read)


READERS: dict[str, type[Reading]] = {
    "sqlite": SQLiteReading,
    "postgresql": PostgreSQLReading,
    "mysql": MariaDBReading,
    "mariadb": MariaDBReading,
}
"""By the name of SQLAlchemy's dialect; MariaDB's is called mysql or mariadb."""


def _tables(found: Any) -> Iterator[dict[str, Any]]:
    """The tables, and what is read like one, in MariaDB's analysis."""
    if isinstance(found, dict):
        if "table_name" in found:
            yield found
        for value in found.values():
            yield from _tables(value)
    elif isinstance(found, list):
        for value in found:
            yield from _tables(value)


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
