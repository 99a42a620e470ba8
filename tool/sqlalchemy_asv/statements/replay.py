"""The driver baseline: an operation's statements, sent again by the bare driver.

A replay has the cost of the database and the driver. The rest of an operation's cost is that of
SQLAlchemy and the application.
"""

from typing import Any

from .recording import Statement, Tape


def replay(driver: Any, tape: Tape) -> list[list[Any]]:
    """Send the statements again on the driver's connection; returns the rows of each."""
    results: list[list[Any]] = []
    for item in tape.items:
        if not isinstance(item, Statement):
            if item != "ping":
                getattr(driver, item)()
            continue
        cursor = driver.cursor()
        try:
            parameters = () if item.bare else (item.parameters,)
            (cursor.executemany if item.many else cursor.execute)(item.sql, *parameters)
        except Exception:
            if not item.failed:
                raise
        if not cursor.description:
            results.append([])
        elif item.exhausted:
            results.append(cursor.fetchall())
        else:
            results.append(cursor.fetchmany(len(item.fetched)))
        cursor.close()
    return results


def check(tape: Tape, results: list[list[Any]]) -> None:
    """Check a replay. Raises `AssertionError` unless it fetched the rows of the operation.

    From the first write on, as many rows are enough: a database's clock has gone on, which fills
    columns by their defaults.
    """
    written = False
    for statement, rows in zip(tape.statements, results, strict=True):
        written = written or not statement.sql.lstrip("( \n").upper().startswith("SELECT")
        fetched = list(statement.fetched)
        same = len(fetched) == len(rows) if written else fetched == list(rows)
        assert same, f"the replay fetched other rows than the operation: {statement.sql}"
