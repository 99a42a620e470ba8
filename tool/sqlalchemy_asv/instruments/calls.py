"""Calls of Python functions."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable
from typing import Any, ClassVar

from ..isolation import addresses
from ..isolation.collector import undisturbed
from ..runner import Runner
from .base import Counts, Instrument, Metric


class Calls(Instrument):
    """Counts by cProfile, as SQLAlchemy's own profiling tests do, without built-in functions.

    Whether Cython's output calls built-in functions depends on the Cython that built the wheel:
    from SQLAlchemy 2.0.19 to 2.0.20 such calls fell in 189 of 196 cases, though no source changed.
    """

    name = "calls"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("calls", "calls", "Calls of Python functions.", version=2),
    )

    def missing(self) -> str | None:
        return addresses.missing()

    def count(self, runner: Runner) -> Counts:
        return {"calls": calls(runner.performance())}


def calls(operation: Callable[[], object]) -> int:
    """Calls of Python functions while an operation runs, its own included."""
    stats = profiled(operation)
    return sum(number for (file, _, _), (_, number, *_) in stats.items() if file != "~")


def profiled(operation: Callable[[], object]) -> dict[Any, Any]:
    """The statistics of cProfile for every function. The file of built-in functions is "~"."""
    profile = cProfile.Profile()
    with undisturbed():
        profile.enable()
        try:
            operation()
        finally:
            profile.disable()
    found: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    return found
