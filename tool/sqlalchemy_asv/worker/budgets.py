"""The budgets that benchmarks state."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..files import write_json
from ..suite import classes


def listing(file: str) -> None:
    """Write all budgets to a file as JSON: scenario, benchmark, figure, limit."""
    found = []
    for name, cls in classes().items():
        # Not one that inherits it: the limit is for the class that states it.
        budget = vars(cls).get("budget")
        for figure, limit in dataclasses.asdict(budget).items() if budget else ():
            if limit is None:
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
