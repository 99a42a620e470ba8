"""The interface of an instrument."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar

from ..runner import Runner

Counts = dict[str, Any]
"""The findings of an instrument, as JSON: a number for each of its metrics, and details."""
REPETITIONS = 5
"""The repetitions of an operation after its warm-up, each with arguments of its own."""


@dataclasses.dataclass(frozen=True)
class Metric:
    """One number of an instrument: the benchmark `track_<name>` of every scenario."""

    name: str
    unit: str
    about: str
    """A sentence, for asv's pages."""
    version: int = 1
    """Increased when the metric changes: results of another version no longer count."""

    def value(self, counts: Counts) -> float:
        """The number, from the counts of its instrument and of those that it requires."""
        found: float = counts[self.name]
        return found


class Instrument(abc.ABC):
    """One way of measuring an operation. It takes a runner, and knows nothing of scenarios."""

    name: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    requires: ClassVar[tuple[str, ...]] = ()
    """Other instruments whose counts its metrics need."""
    repeats: ClassVar[bool] = False
    """Whether it performs the operation with other arguments each time (`Scenario.arguments`)."""
    timeout: ClassVar[float] = 120
    """Seconds for one case, if its scenario's `timeout` is the usual one."""
    program: ClassVar[str] = ""
    """The program under which it counts, if any. Instruments of one program share a process."""

    def missing(self) -> str | None:
        """The reason why it cannot count on this machine."""
        return None

    def command(self) -> list[str]:
        """The command that starts the process that counts; empty for a plain one.

        Raises `NotImplementedError` with the reason that `missing` gives.
        """
        if reason := self.missing():
            raise NotImplementedError(reason)
        return []

    @abc.abstractmethod
    def count(self, runner: Runner) -> Counts:
        """Count one performance, in a fork of a process that `command` started.

        The runner has just been reset. Raises `NotImplementedError` if there is nothing to count.
        """
