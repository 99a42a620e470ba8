"""Load tests as asv benchmarks."""

from __future__ import annotations

import abc
import inspect
from pathlib import Path
from typing import Any, ClassVar

from ..benchmark import Benchmark
from ..budget import Budget
from ..databases.base import Images, build_images
from ..label import verify
from ..options import quick
from ..version import of_benchmark
from . import running

VERSION = 1
"""Increased when the measurement changes: results of another version no longer count."""


class LoadTest(Benchmark):
    """All requests of a load test together: one test gives all figures.

    A subclass names its locustfile and its dataset, and defines `setup_cache` as
    `return self.build()`. Its parameters are fields of `running.Load`.
    """

    locustfile: ClassVar[str]
    """The file with the simulated users, relative to the benchmark module's folder."""
    dataset: ClassVar[str]
    """The module that defines the dataset, in the commit under test."""
    budget: ClassVar[Budget | None] = None
    timeout = 600

    params: ClassVar[Any] = ()
    param_names: ClassVar[Any] = ()

    @abc.abstractmethod
    def setup_cache(self) -> object: ...

    def build(self) -> Images:
        """The body of `setup_cache`."""
        verify()
        return build_images(self.dataset, (1,))

    def setup(self, images: Images, *params: Any) -> None:
        super().setup()
        if not images.fingerprints:
            raise NotImplementedError(f"this commit has no dataset {images.dataset}")
        how: dict[str, Any] = dict(zip(self.param_names, params, strict=True))
        if quick():
            how |= {"seconds": 1, "warm_up": 0.5}
        load = running.Load(str(self.file()), **how)
        self.figures = running.kept(load, images, 1)["operations"]["all"]

    @classmethod
    def file(cls) -> Path:
        """The locustfile."""
        owner = next(each for each in cls.__mro__ if "locustfile" in vars(each))
        return (Path(inspect.getfile(owner)).parent / cls.locustfile).resolve()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        users = cls.file().read_text(encoding="utf-8")
        cls.version = of_benchmark([f"load = {VERSION}", users], [cls.dataset])


_FIGURES: dict[str, tuple[str, str]] = {
    "p50": ("seconds", "The response time that half of the requests stay below."),
    "p95": ("seconds", "The response time that 95 of 100 requests stay below."),
    "p99": ("seconds", "The response time that 99 of 100 requests stay below."),
    "average": ("seconds", "The mean response time."),
    "error_rate": ("of requests", "The share of requests that failed."),
    # Not the throughput: in every benchmark, higher is worse.
    "seconds_per_request": ("seconds", "The inverse of the throughput."),
}


def _track(figure: str) -> Any:
    def track(self: LoadTest, images: Images, *params: Any) -> float:
        if figure == "seconds_per_request":
            return 1 / float(self.figures["throughput"])
        return float(self.figures[figure])

    track.__dict__["unit"], track.__doc__ = _FIGURES[figure]
    return track


for _figure in _FIGURES:
    setattr(LoadTest, f"track_{_figure}", _track(_figure))
