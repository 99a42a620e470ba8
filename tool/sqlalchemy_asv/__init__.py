"""Performance of SQLAlchemy applications, commit by commit: measured, compared, published by asv.

A benchmark module imports its names from here. Each name is loaded at first use: a command loads no
code that runs under test, and a process under test loads no code of the commands.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .about import Overhead as Overhead
    from .about import Restoring as Restoring
    from .benchmark import Benchmark as Benchmark
    from .benchmark import skip as skip
    from .budget import Budget as Budget
    from .commit import lazy_import as lazy_import
    from .databases.benchmarks import DatabaseSettings as DatabaseSettings
    from .datasets.benchmarks import BuildDataset as BuildDataset
    from .datasets.benchmarks import DatasetFingerprint as DatasetFingerprint
    from .datasets.benchmarks import LoadDataset as LoadDataset
    from .datasets.columnar import ColumnarDataset as ColumnarDataset
    from .datasets.filled import Dataset as Dataset
    from .frameworks import ASGIScenario as ASGIScenario
    from .frameworks import FlaskScenario as FlaskScenario
    from .load.benchmark import LoadTest as LoadTest
    from .profiler.memory import memory_profile as memory_profile
    from .profiler.statements import query_profile as query_profile
    from .scenario import Scenario as Scenario

__version__ = "1.0.0"

_MODULES = {
    "ASGIScenario": "frameworks",
    "Benchmark": "benchmark",
    "Budget": "budget",
    "BuildDataset": "datasets.benchmarks",
    "ColumnarDataset": "datasets.columnar",
    "Dataset": "datasets.filled",
    "DatabaseSettings": "databases.benchmarks",
    "DatasetFingerprint": "datasets.benchmarks",
    "FlaskScenario": "frameworks",
    "LoadDataset": "datasets.benchmarks",
    "LoadTest": "load.benchmark",
    "Overhead": "about",
    "Restoring": "about",
    "Scenario": "scenario",
    "lazy_import": "commit",
    "memory_profile": "profiler.memory",
    "query_profile": "profiler.statements",
    "skip": "benchmark",
}
"""The module of each public name."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
