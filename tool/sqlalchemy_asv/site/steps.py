"""The steps of exact counts, for asv's pages: where two neighbours differ.

asv looks for steps in noise. In an exact count each difference is a step, at the commit that made
it, and nothing else is.
"""

from __future__ import annotations

import functools
import itertools
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import asv.plugins.regressions
from asv.graph import Graph, GraphSet
from asv.plugins.regressions import Regressions

from ..case import split
from ..compare.metrics import METRICS
from .recorded import differs

Event = tuple[int, int, float, float]
"""The last revision before, the first after, and the values of both."""


class Step(tuple[int, int, float, float, float]):
    """A step as asv has it: first revision, the one after the last, value, least value, error.

    It knows the values at its ends as well, since those are what an event compares.
    """

    metric: str
    first: float
    last: float

    @classmethod
    def of(cls, metric: str, run: Sequence[tuple[int, float]]) -> Step:
        """The step of neighbouring revisions and their values."""
        values = [value for _, value in run]
        made = cls((run[0][0], run[-1][0] + 1, statistics.median(values), min(values), 0.0))
        made.metric, made.first, made.last = metric, values[0], values[-1]
        return made


def exact(metric: str, points: Sequence[tuple[int, float | None]]) -> list[Step]:
    """The steps of a count through its values by revision; None is no value."""
    found: list[Step] = []
    run: list[tuple[int, float]] = []
    for revision, value in points:
        if value is None:
            continue
        if run and differs(metric, run[-1][1], value):
            found.append(Step.of(metric, run))
            run = []
        run.append((revision, value))
    return [*found, Step.of(metric, run)] if run else found


def lasting(steps: Sequence[Step], threshold: float) -> Iterator[Event]:
    """The rises by more than a share after which no later value is back."""
    for before, after in itertools.pairwise(steps):
        old, new = before.last, after.first
        later = min(_ends(steps, after[0], steps[-1][0]))
        if _is_more(old, new, threshold) and old < later and differs(before.metric, old, later):
            yield before[1] - 1, after[0], old, new


def unseen(steps: Sequence[Step], threshold: float) -> Iterator[Event]:
    """The falls by more than a share to a value that is less than all before."""
    for before, after in itertools.pairwise(steps):
        old, new = before.last, after.first
        earlier = min(_ends(steps, steps[0][0], before[0]))
        if _is_more(new, old, threshold) and new < earlier and differs(before.metric, earlier, new):
            yield before[1] - 1, after[0], old, new


def _is_more(less: float, more: float, threshold: float) -> bool:
    return less < more and (less <= 0 or more / less - 1 > threshold)


def _ends(steps: Sequence[Step], first: int, last: int) -> list[float]:
    """The values at the ends of the steps from one to another, by their first revisions."""
    return [end for step in steps if first <= step[0] <= last for end in (step.first, step.last)]


def _detect_steps(plain: Callable[..., None]) -> Callable[..., None]:
    """Exact steps for the graphs of counts; asv's own for all others."""

    @functools.wraps(plain)
    def detect_steps(self: Any, pool: Any = None) -> None:
        _, name = split(self.benchmark_name)
        metric = name.removeprefix("track_")
        if self._steps is not None or metric == name or metric not in METRICS:
            plain(self, pool)
            return
        data = self.get_data()
        if self.scalar_series:
            self._steps = [exact(metric, [point[:2] for point in data])]
        else:
            self._steps = [
                exact(metric, [(point[0], point[1][number]) for point in data])
                for number in range(self.n_series)
            ]

    return detect_steps


def _detect_regressions(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Lasting rises of exact counts; by asv's own rule of all others."""

    @functools.wraps(plain)
    def detect_regressions(steps: Sequence[Any], threshold: float = 0, **given: Any) -> Any:
        if not all(isinstance(step, Step) for step in steps):
            return plain(steps, threshold, **given)
        found = list(lasting(steps, threshold))
        if not found:
            return None, None, None
        return steps[-1].last, min(step[3] for step in steps), found

    return detect_regressions


def _publish(plain: Callable[..., None]) -> Callable[..., None]:
    """Ask git once for the commits of a range, which many events share."""

    @functools.wraps(plain)
    def publish(cls: Any, conf: Any, repo: Any, *rest: Any) -> None:
        repo.get_hashes_from_range = functools.cache(repo.get_hashes_from_range)
        try:
            plain(conf, repo, *rest)
        finally:
            del repo.get_hashes_from_range

    return publish


def _get_params(self: Any) -> dict[str, set[Any]]:
    """All values of each parameter of graphs; asv forgets that some have none.

    So an event on another database than the usual one was not told from one on that.
    """
    found: dict[str, set[Any]] = {}
    for graph in self._graphs.values():
        for name, value in graph.params.items():
            found.setdefault(name, set()).add(value)
    return found


def _process_regression(plain: Callable[..., None]) -> Callable[..., None]:
    """In the words of addresses, no value of a parameter is `[none]`."""

    @functools.wraps(plain)
    def process_regression(cls: Any, regressions: list[Any], *rest: Any) -> None:
        known = len(regressions)
        plain(regressions, *rest)
        for _, _, params, *_ in regressions[known:]:
            params |= {name: "[none]" for name, value in params.items() if value is None}

    return process_regression


Graph.detect_steps = _detect_steps(Graph.detect_steps)
GraphSet.get_params = _get_params
asv.plugins.regressions.detect_regressions = _detect_regressions(
    asv.plugins.regressions.detect_regressions
)
Regressions.publish = classmethod(_publish(Regressions.publish))
Regressions._process_regression = classmethod(_process_regression(Regressions._process_regression))
