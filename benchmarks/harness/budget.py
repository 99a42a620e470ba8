"""Limits that a scenario states where it is defined."""

from __future__ import annotations

import dataclasses
import importlib
import json
import pkgutil
from pathlib import Path

SUITE = __name__.partition(".")[0]


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
    """Write all budgets to a file as JSON: benchmark, figure, limit, and what it is for."""
    found = []
    suite = importlib.import_module(SUITE)
    for module in pkgutil.iter_modules(suite.__path__, f"{SUITE}."):
        for cls in vars(importlib.import_module(module.name)).values():
            # Not one that inherits it: what is limited is the one that says so.
            if not isinstance(cls, type) or cls.__module__ != module.name:
                continue
            budget = vars(cls).get("budget")
            for figure, limit in dataclasses.asdict(budget).items() if budget else ():
                if limit is None:
                    continue
                metric = f"track_{figure}" if hasattr(cls, f"track_{figure}") else "time_wall"
                name = f"{module.name.partition('.')[2]}.{cls.__name__}"
                found.append(
                    {
                        "scenario": name,
                        "benchmark": f"{name}.{metric}",
                        "figure": figure,
                        "limit": limit,
                        "says": (cls.__doc__ or "").strip().splitlines()[0],
                    }
                )
    Path(file).write_text(json.dumps(found), encoding="utf-8")
