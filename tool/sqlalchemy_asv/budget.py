"""Limits that a scenario states in its definition."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from .growth import CLASSES

GROWTH = "growth of "
"""The beginning of the figures that are classes of growth."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """Limits that figures must stay below. Times in seconds, the error rate as a share.

    A figure is the value of the benchmark `track_<figure>`, such as `track_statements`. If there is
    no such benchmark, as for `mean` and `p95`, it is computed from the samples of `time_wall`.
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
    round_trips: int | None = None
    refreshed: int | None = None
    compiled: int | None = None
    retained: int | None = None
    """Objects that repetitions leave behind."""
    growth: Mapping[str, str] | None = None
    """The class that a count promises over each numeric parameter, by metric, such as
    `{"statements": "constant"}`. The others are "linear" and "quadratic"."""

    def __post_init__(self) -> None:
        for metric, promised in (self.growth or {}).items():
            if promised not in CLASSES.values():
                raise ValueError(
                    f"the growth of {metric} is {promised!r}: name {', '.join(CLASSES.values())}"
                )
