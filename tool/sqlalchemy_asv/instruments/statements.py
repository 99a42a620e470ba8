"""SQL statements, the rows fetched by them, and the waits for the server."""

from __future__ import annotations

from typing import ClassVar

from ..runner import Runner
from ..statements.keeping import summary
from ..statements.recording import recording
from .base import Counts, Instrument, Metric


class StatementsAndRows(Instrument):
    """Counts at the driver's cursor, through which every statement and every row passes.

    Round trips are those of the database's driver. SQLite makes none; there, they are those of a
    driver that sends each BEGIN, statement, COMMIT and ROLLBACK, and waits for each.
    """

    name = "statements"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("statements", "statements", "SQL statements sent to the database."),
        Metric("rows", "rows", "Rows fetched from the database.", version=2),
        Metric(
            "round_trips",
            "round trips",
            "Waits for the server: for statements, and for the begin and end of transactions.",
        ),
    )

    def count(self, runner: Runner) -> Counts:
        before = runner.database.round_trips
        with recording(runner.database.engine) as tape:
            runner.perform()
            runner.close()  # which ends the transaction of an operation that only reads
        after = runner.database.round_trips
        return {
            "statements": len(tape.statements),
            "rows": tape.rows,
            "round_trips": tape.round_trips if before is None else (after or 0) - before,
            "commits": tape.items.count("commit"),
            "sql": summary(statement.sql for statement in tape.statements),
        }
