"""The time of an operation, by function and by layer."""

from __future__ import annotations

import cProfile
import dataclasses
import functools
import pstats
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from ..label import distribution
from ..places import TOOL, short


@dataclasses.dataclass
class Times:
    """Statistics of wall times in seconds."""

    runs: int
    min: float
    max: float
    mean: float
    stdev: float
    median: float
    total: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Times:
        """The statistics of samples. Raises `ValueError` if there are none."""
        if not samples:
            raise ValueError("no samples")
        return cls(
            runs=len(samples),
            min=min(samples),
            max=max(samples),
            mean=statistics.mean(samples),
            stdev=statistics.stdev(samples) if len(samples) > 1 else 0.0,
            median=statistics.median(samples),
            total=sum(samples),
        )


@dataclasses.dataclass
class Called:
    """A function: how often it was called, and CPU seconds within it alone."""

    function: str
    calls: int
    seconds: float


LAYERS = ("driver", "SQLAlchemy", "application", "other")
DRIVERS = ("sqlite3", "psycopg", "asyncpg", "pymysql", "aiomysql", "aiosqlite")


@dataclasses.dataclass
class CPUProfile:
    """The CPU time of an operation under Python's profiler, which slows calls but not C."""

    layers: dict[str, float]
    """Seconds by layer: the driver with the database, SQLAlchemy, the application, other."""
    functions: list[Called]
    """By their own time, most first."""
    calls: int
    """Calls of Python functions, as the metric counts them."""


def cpu_profile(operation: Callable[[], object]) -> CPUProfile:
    profile = cProfile.Profile(time.process_time)
    profile.runcall(operation)
    found = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    layers = dict.fromkeys(LAYERS, 0.0)
    functions = []
    python_calls = 0
    for (file, line, name), (_, calls, own, _, _) in found.items():
        layers[_layer(file, name)] += own
        place = name if file == "~" else f"{short(file)}:{line} {name}"
        functions.append(Called(place, calls, own))
        python_calls += calls if file != "~" else 0
    functions.sort(key=lambda called: called.seconds, reverse=True)
    return CPUProfile(layers, functions, python_calls)


def _layer(file: str, name: str) -> str:
    where = short(file)
    if (file == "~" and any(d in name for d in DRIVERS)) or where.startswith(DRIVERS):
        return "driver"
    if where.startswith("sqlalchemy/") or "sqlalchemy" in name:
        return "SQLAlchemy"
    if file.startswith(TOOL):
        return "other"
    if file in _measured():
        return "application"
    in_library = "site-packages" in file or f"python{sys.version_info[0]}." in file
    return "other" if file == "~" or in_library else "application"


@functools.cache
def _measured() -> frozenset[str]:
    """The files of the measured distribution; none outside an environment of asv's."""
    if (found := distribution()) is None:
        return frozenset()
    return frozenset(str(found.locate_file(file)) for file in found.files or ())
