"""Response times of simulated users: recorded at 0.1% resolution, merged exactly."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

from hdrh.histogram import HdrHistogram

LONGEST = 3_600_000_000
"""The longest time that can be recorded, an hour, in microseconds. Longer times count as this."""


def histogram() -> HdrHistogram:
    return HdrHistogram(1, LONGEST, 3)


@dataclasses.dataclass
class Waits:
    """The seconds of one request, or of many together."""

    pool: float = 0.0
    """Waiting for a connection, while all were held."""
    database: float = 0.0
    """In the driver: statements, and ends of transactions."""
    held: float = 0.0
    """Holding a connection. Others could not have it then, whether or not it was used."""

    def add(self, other: Waits) -> None:
        self.pool += other.pool
        self.database += other.database
        self.held += other.held


@dataclasses.dataclass
class Figures:
    """The reported figures of an operation. Times are in seconds, and include failed requests."""

    requests: int
    failures: int
    error_rate: float
    throughput: float
    average: float
    p50: float
    p95: float
    p99: float
    max: float
    pool: float
    """The average wait for a connection of the pool."""
    database: float
    """The average time in the driver."""
    held: float
    """The average time for which a connection was held."""
    errors: dict[str, int]


class Operation:
    """The recorded requests of one operation."""

    def __init__(self) -> None:
        self.histogram = histogram()
        self.seconds = 0.0
        self.errors: Counter[str] = Counter()
        self.waits = Waits()

    def record(self, seconds: float, error: str | None, waits: Waits) -> None:
        self.histogram.record_value(min(max(round(seconds * 1e6), 1), LONGEST))
        self.seconds += seconds
        self.waits.add(waits)
        if error is not None:
            self.errors[error] += 1

    def add(self, other: Operation) -> None:
        self.histogram.add(other.histogram)
        self.seconds += other.seconds
        self.errors += other.errors
        self.waits.add(other.waits)

    def figures(self, duration: float) -> Figures:
        requests, failures = self.histogram.get_total_count(), self.errors.total()
        p50, p95, p99 = (self.histogram.get_value_at_percentile(p) / 1e6 for p in (50, 95, 99))
        return Figures(
            requests=requests,
            failures=failures,
            error_rate=failures / requests,
            throughput=requests / duration,
            average=self.seconds / requests,
            p50=p50,
            p95=p95,
            p99=p99,
            max=self.histogram.get_max_value() / 1e6,
            pool=self.waits.pool / requests,
            database=self.waits.database / requests,
            held=self.waits.held / requests,
            errors=dict(self.errors.most_common()),
        )


class ResponseTimes:
    """The recorded requests of all operations, by name."""

    def __init__(self) -> None:
        self.operations: dict[str, Operation] = {}

    def record(
        self, name: str, seconds: float, error: str | None = None, waits: Waits | None = None
    ) -> None:
        """Record a request: the seconds since its user wanted it, and the reason if it failed."""
        self.operations.setdefault(name, Operation()).record(seconds, error, waits or Waits())

    def all(self) -> Operation:
        """All operations as one."""
        together = Operation()
        for operation in self.operations.values():
            together.add(operation)
        return together

    def take(self) -> dict[str, Any]:
        """Hand over the records since the last call, for `add` in another process."""
        taken = {
            name: {
                "histogram": operation.histogram.encode().decode(),
                "seconds": operation.seconds,
                "errors": dict(operation.errors),
                "waits": dataclasses.asdict(operation.waits),
            }
            for name, operation in self.operations.items()
        }
        self.operations = {}
        return taken

    def add(self, taken: dict[str, Any]) -> None:
        """Merge the records that `take` returned in another process."""
        for name, values in taken.items():
            operation = self.operations.setdefault(name, Operation())
            operation.histogram.decode_and_add(values["histogram"])
            operation.seconds += values["seconds"]
            operation.errors.update(values["errors"])
            operation.waits.add(Waits(**values["waits"]))
