"""The floor under an operation: its statements, sent again by the bare driver.

Replaying a recording on the driver's connection costs what the database and the driver cost; what
the operation takes longer is SQLAlchemy's and the application's.
"""

from typing import Any

from .recording import Statement, Tape


def replay(driver: Any, tape: Tape) -> list[list[Any]]:
    """Send the statements again on the driver's connection; returns the rows of each."""
    results: list[list[Any]] = []
    for item in tape.items:
        if not isinstance(item, Statement):
            getattr(driver, item)()
            continue
        cursor = driver.cursor()
        try:
            (cursor.executemany if item.many else cursor.execute)(item.sql, item.parameters)
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
    """Raises `AssertionError` unless a replay fetched what the operation did."""
    for statement, rows in zip(tape.statements, results, strict=True):
        same = list(statement.fetched) == list(rows)
        assert same, f"the replay fetched other rows than the operation: {statement.sql}"
