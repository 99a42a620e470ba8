"""The base of benchmarks that are not scenarios, and a way to skip any benchmark."""

from __future__ import annotations

import abc
import sys
from typing import Any, NoReturn

from .label import verify
from .version import of_benchmark, source_of


class Benchmark(abc.ABC):
    """An asv benchmark that refuses to run in an environment that differs from its label.

    Its version depends on the whole class. asv's own version would depend on one method and `setup`
    only. asv passes over abstract classes, so bases declare the attributes that subclasses need as
    abstract properties.
    """

    version: str

    def setup(self, *params: Any) -> None:
        verify()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        bases = (base for base in cls.__mro__ if issubclass(base, Benchmark))
        cls.version = of_benchmark([source_of(base) for base in bases if base is not Benchmark])


def skip(reason: str) -> NoReturn:
    """Make a benchmark n/a, and say why. `setup` may raise `NotImplementedError` instead."""
    from asv_runner.benchmarks.mark import SkipNotImplemented

    print(f"asv: skipped: {reason}", file=sys.stderr)
    raise SkipNotImplemented(reason)
