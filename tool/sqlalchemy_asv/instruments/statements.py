"""SQL statements, and the rows fetched by them."""

from __future__ import annotations

from typing import ClassVar

from ..runner import Runner
from ..statements.keeping import summary
from .base import Counts, Instrument, Metric


class StatementsAndRows(Instrument):
    """Counts at the driver's cursor, through which every statement and every row passes."""

    name = "statements"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("statements", "statements", "SQL statements sent to the database."),
        Metric("rows", "rows", "Rows fetched from the database.", version=2),
    )

    def count(self, runner: Runner) -> Counts:
        tape = runner.record()
        return {
            "statements": len(tape.statements),
            "rows": tape.rows,
            "sql": summary(statement.sql for statement in tape.statements),
        }
