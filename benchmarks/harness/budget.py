"""Limits that a scenario states where it is defined."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from .suite import classes


@dataclasses.dataclass(frozen=True)
class Budget:
    """What each figure must stay below. Times in seconds, the error rate as a share.

    A figure is that of the benchmark `track_<figure>`, such as statements; of a scenario without
    one, such as the mean or p95, it is that of the samples of `time_wall`.
    """

    mean: float | None = None
    median: float | None = None
    stdev: float | None = None
    max: float | None = None
    average: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    error_rate: float | None = None
    statements: int | None = None
    rows: int | None = None
    calls: int | None = None
    instructions: int | None = None
    allocated: int | None = None
    """Bytes, at the peak of the operation."""


def listing(file: str) -> None:
    """Write all budgets to a file as JSON: scenario, benchmark, figure, limit."""
    found = []
    for name, cls in classes().items():
        # Not one that inherits it: what is limited is the one that says so.
        budget = vars(cls).get("budget")
        for figure, limit in dataclasses.asdict(budget).items() if budget else ():
            if limit is None:
                continue
            metric = f"track_{figure}" if hasattr(cls, f"track_{figure}") else "time_wall"
            found.append(
                {
                    "scenario": name,
                    "benchmark": f"{name}.{metric}",
                    "figure": figure,
                    "limit": limit,
                }
            )
    Path(file).write_text(json.dumps(found), encoding="utf-8")
