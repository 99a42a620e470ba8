"""The feed and the shop under load: many users at once, each wait counted."""

import abc
from typing import Any, ClassVar

from .harness import load
from .harness.budget import Budget
from .harness.database import Images, build_images
from .harness.environment import quick, verify
from .harness.version import benchmark_version

SECONDS = [10]
"""After three seconds of warm-up. `sqlalchemy-asv load` runs 300."""


def build(dataset: str) -> Images:
    verify()
    return build_images(dataset, (1,))


class LoadTest(abc.ABC):
    """All requests of a load test together. One test gives all figures."""

    name: ClassVar[str]
    timeout = 600

    params: tuple[list[int], ...]
    param_names: tuple[str, ...]

    @abc.abstractmethod
    def setup_cache(self) -> Images: ...

    def setup(self, images: Images, *params: int) -> None:
        verify()
        if not images.fingerprints:
            raise NotImplementedError(f"this commit has no dataset fixtures.{images.dataset}")
        how: dict[str, Any] = dict(zip(self.param_names, params, strict=True))
        if quick():
            how |= {"seconds": 1, "warm_up": 0.5}
        found = load.kept(load.Load(self.name, **how), images, 1)
        self.figures = found["operations"]["all"]

    def track_p50(self, images: Images, *params: Any) -> float:
        """The response time that half of the requests stay below."""
        return float(self.figures["p50"])

    def track_p95(self, images: Images, *params: Any) -> float:
        """The response time that 95 of 100 requests stay below."""
        return float(self.figures["p95"])

    def track_p99(self, images: Images, *params: Any) -> float:
        """The response time that 99 of 100 requests stay below."""
        return float(self.figures["p99"])

    def track_average(self, images: Images, *params: Any) -> float:
        """The mean response time."""
        return float(self.figures["average"])

    def track_error_rate(self, images: Images, *params: Any) -> float:
        """The share of requests that failed."""
        return float(self.figures["error_rate"])

    def track_seconds_per_request(self, images: Images, *params: Any) -> float:
        """The inverse of the throughput, so that higher is worse as everywhere."""
        return 1 / float(self.figures["throughput"])

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.version = benchmark_version(load.sources(cls.name))  # type: ignore[attr-defined]


for _name, _unit in {
    "track_p50": "seconds",
    "track_p95": "seconds",
    "track_p99": "seconds",
    "track_average": "seconds",
    "track_error_rate": "of requests",
    "track_seconds_per_request": "seconds",
}.items():
    getattr(LoadTest, _name).unit = _unit


class Feed(LoadTest):
    """Fifty users read their feeds, 0.1 s each, and now and then comment, like and follow."""

    budget = Budget(error_rate=0.01, average=0.2, p95=0.5)

    name = "feed"
    params: tuple[list[int], ...] = ([50], SECONDS)
    param_names: tuple[str, ...] = ("users", "seconds")

    def setup_cache(self) -> Images:
        return build("social")


class Shop(LoadTest):
    """A hundred shoppers look at products, 0.2 s each, and now and then order."""

    budget = Budget(error_rate=0.005, average=0.3, p99=1.0)

    name = "shop"
    params: tuple[list[int], ...] = ([100], SECONDS)
    param_names: tuple[str, ...] = ("users", "seconds")

    def setup_cache(self) -> Images:
        return build("ecommerce")


class PoolSize(Shop):
    """The shop's hundred shoppers, by the number of connections that they share."""

    params: tuple[list[int], ...] = ([100], SECONDS, [1, 5, 20, 100])
    param_names: tuple[str, ...] = ("users", "seconds", "pool_size")

    def setup(self, images: Images, *params: int) -> None:
        if quick():
            raise NotImplementedError("`--quick` leaves the study of the pool out")
        super().setup(images, *params)
