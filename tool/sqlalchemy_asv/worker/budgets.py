"""The budgets that benchmarks state."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..budget import GROWTH
from ..files import write_json
from ..growth import CLASSES
from ..suite import classes

EXPONENTS = {name: exponent for exponent, name in CLASSES.items()}


def listing(file: str) -> None:
    """Write all budgets to a file as JSON: scenario, benchmark, figure, limit."""
    found = []
    for name, cls in classes().items():
        # Not one that inherits it: the limit is for the class that states it.
        budget = vars(cls).get("budget")
        if budget is None:
            continue
        for metric, promised in (budget.growth or {}).items():
            found.append(
                {
                    "scenario": name,
                    "benchmark": f"{name}.track_{metric}",
                    "figure": f"{GROWTH}{metric}",
                    "limit": EXPONENTS[promised],
                    "parameters": list(cls.parameters()),  # type: ignore[attr-defined]
                }
            )
        for figure, limit in dataclasses.asdict(budget).items():
            if limit is None or figure == "growth":
                continue
            metric = f"track_{figure}" if getattr(cls, f"track_{figure}", None) else "time_wall"
            found.append(
                {
                    "scenario": name,
                    "benchmark": f"{name}.{metric}",
                    "figure": figure,
                    "limit": limit,
                }
            )
    write_json(Path(file), found)
