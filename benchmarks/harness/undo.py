"""Take back what an operation changed in a database of SQLite in memory, row by row.

A restore copies every page, so the operation after it finds empty caches of the processor and has
its statements prepared again. This touches only what the operation touched.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Engine,
    MetaData,
    bindparam,
    column,
    delete,
    insert,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.sql import FromClause

Undo = list[tuple[str, list[tuple[Any, ...]]]]
"""Statements, each with the parameters of every execution; empty if nothing is to be done."""


def find(engine: Engine, before: bytes) -> Undo:
    """What would make the content what it was `before` (as serialized), in an order that foreign
    keys permit unless the operation deleted a row and inserted another with the same unique key."""
    driver: Any = engine.raw_connection().driver_connection
    driver.execute("ATTACH ':memory:' AS before")
    try:
        driver.deserialize(before, name="before")
        metadata = MetaData()
        metadata.reflect(engine)
        inserts: Undo = []
        updates: Undo = []
        deletes: Undo = []
        for each in metadata.sorted_tables:
            names = [c.name for c in each.columns]
            now = table(each.name, column("rowid"), *map(column, names))
            then = table(each.name, column("rowid"), *map(column, names), schema="before")
            was, is_now = differing(driver, engine, then, now), differing(driver, engine, now, then)
            gone = [(row, *was[row]) for row in sorted(was.keys() - is_now.keys())]
            inserts.append((compiled(engine, insert(now)), gone))
            both = sorted(was.keys() & is_now.keys())
            moved = [
                i for i in range(len(names)) if any(was[row][i] != is_now[row][i] for row in both)
            ]
            if moved:
                setting = update(now).where(now.c.rowid == bindparam("row"))
                sql = compiled(engine, setting, [names[i] for i in moved])
                updates.append((sql, [(*(was[row][i] for i in moved), row) for row in both]))
            new = [(row,) for row in sorted(is_now.keys() - was.keys(), reverse=True)]
            deleting = delete(now).where(now.c.rowid == bindparam("row"))
            deletes.insert(0, (compiled(engine, deleting), new))
    finally:
        driver.execute("DETACH before")
    return [(sql, rows) for sql, rows in (*inserts, *updates, *deletes) if rows]


def differing(
    driver: Any, engine: Engine, one: FromClause, other: FromClause
) -> dict[int, tuple[Any, ...]]:
    """Rows of a table that are not, or not so, in another, by their rowid."""
    # By names of their own: in SQL, a table's means that of both databases.
    one, other = one.alias("one"), other.alias("other")
    unlike = [each.is_distinct_from(other.c[each.name]) for each in one.c]
    beside = one.outerjoin(other, one.c.rowid == other.c.rowid)
    rows = driver.execute(compiled(engine, select(one).select_from(beside).where(or_(*unlike))))
    return {row: tuple(values) for row, *values in rows}


def compiled(engine: Engine, statement: Any, names: list[str] | None = None) -> str:
    """As text with question marks; an update sets the columns with these names."""
    return str(statement.compile(engine, column_keys=names))


def apply(driver: Any, undo: Undo) -> None:
    for sql, rows in undo:
        driver.executemany(sql, rows)
    driver.commit()
