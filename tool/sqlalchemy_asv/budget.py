"""Limits that a scenario states in its definition."""

from __future__ import annotations

import dataclasses


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
