"""A comparison of two commits: what changed, and the verdict on it."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..asv_ext import history
from ..case import Case, choose
from ..growth import growth
from . import paired
from .checkout import NAMES
from .metrics import CERTAIN, EXACT, LAID_OUT, LATER, MATTERS, MEMORY, METRICS, TIME_MATTERS

WORSE = ("slower", "more work", "more memory", "grows faster")
WORST_FIRST = (
    *(*WORSE, "failed", "not comparable", "inconclusive", "mixed"),
    *("faster", "less work", "less memory", "grows slower"),
    *("only at base", "only at head", "unchanged"),
)
ACCEPTED = " (accepted)"
NOT_MEASURED = ("failed", "not comparable")


@dataclasses.dataclass
class Change:
    """A count that is not the same on both sides."""

    metric: str
    base: float
    head: float
    threshold: float
    """The share by which it may differ before it counts as more or less."""

    @property
    def ratio(self) -> float:
        return self.head / self.base if self.base else math.inf

    @property
    def counts(self) -> bool:
        return abs(self.ratio - 1) > self.threshold


@dataclasses.dataclass
class Compared:
    """A scenario with its parameters, on both sides."""

    title: str
    counts: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    changes: list[Change] = dataclasses.field(default_factory=list)
    differs: bool = False
    """Whether an exact count differs at all, or another one by more than its threshold."""
    noise: dict[str, float] = dataclasses.field(default_factory=dict)
    """The share that layouts of memory change a count by, on both sides together, if measured."""
    time: paired.Estimate | None = None
    time_threshold: float = 0.0
    outcome: str = ""
    """The verdict if the sides cannot be compared; the reason is in `note`."""
    note: str = ""
    causes: list[str] = dataclasses.field(default_factory=list)
    accepted: str = ""
    """The commit that accepts the cost, and its reason."""

    @property
    def reasons(self) -> list[str]:
        """The note and the acceptance, if there are any, and the causes."""
        accepted = f"accepted by {self.accepted}" if self.accepted else ""
        return [*filter(None, (self.note, accepted)), *self.causes]

    @property
    def word(self) -> str:
        """The verdict, and whether a commit accepts it."""
        accepted = self.accepted and self.verdict in WORSE
        return f"{self.verdict}{ACCEPTED}" if accepted else self.verdict

    @property
    def verdict(self) -> str:
        if self.outcome:
            return self.outcome
        # Costs that show later are worse, whatever one performance costs.
        for metrics, kind in LATER:
            if any(c.metric in metrics and c.counts and c.ratio > 1 for c in self.changes):
                return f"more {kind}"
        # More cycles from the same statements are a leak until the garbage collector runs.
        exact = {c.metric: c for c in self.changes if c.metric in EXACT}
        if exact.keys() == {"cycles"} and exact["cycles"].ratio > 1:
            return "more memory"
        by_time = self.time.verdict(self.time_threshold) if self.time else "unchanged"
        if by_time in ("slower", "faster"):
            return by_time
        # Work first: an operation that sends fewer statements may well hold more in memory.
        for kind in ("work", "memory"):
            more = {
                c.ratio > 1
                for c in self.changes
                if c.counts and (c.metric in MEMORY) == (kind == "memory")
            }
            if len(more) == 2:
                return by_time if by_time == "inconclusive" else "mixed"
            if more:
                return f"{'more' if more.pop() else 'less'} {kind}"
        return by_time


@dataclasses.dataclass
class Comparison:
    base: str
    head: str
    """Full hashes."""
    names: tuple[str, str]
    """The names that people know both commits by: tags if they have any."""
    database: str
    compared: list[Compared]
    remarks: list[str]
    """The measurements that were not made at all, with the reasons."""

    @property
    def exit_code(self) -> int:
        verdicts = {each.word for each in self.compared}
        if verdicts & set(WORSE):
            return 1
        if not self.compared or verdicts & {"failed"} or verdicts <= set(NOT_MEASURED):
            return 2
        return 0


def threshold(conf: Any, title: str, metric: str, noise: float = 0.0) -> float:
    """The share by which a metric may differ.

    That is the largest share that fits in asv's settings, if there is one. Otherwise, an exact
    count may not differ at all, and another one by the larger of its noise and what matters.
    """
    stated = stated_threshold(conf, title, metric)
    if stated is not None:
        return stated
    if metric in EXACT:
        return 0.0
    return max(MATTERS.get(metric, TIME_MATTERS), noise)


def stated_threshold(conf: Any, title: str, metric: str) -> float | None:
    """The threshold of a benchmark in asv's settings, by the rule of asv's regressions."""
    name = f"{title.partition('(')[0]}.{'time_wall' if metric == 'time' else f'track_{metric}'}"
    fitting = [
        float(share)
        for pattern, share in conf.regressions_thresholds.items()
        if re.match(pattern, name)
    ]
    return max(fitting, default=None)


def both(conf: Any, base: dict[str, Any], head: dict[str, Any]) -> Iterator[Compared]:
    """The scenarios that one side or both can perform, with the verdict of their counts."""
    for title in head["titles"]:
        counts = base["counts"].get(title), head["counts"].get(title)
        compared = Compared(title, time_threshold=threshold(conf, title, "time"))
        missing = [isinstance(found, str) for found in counts]
        if all(missing):
            continue
        if None in counts:
            where = [n for n, c in zip(NAMES, counts, strict=True) if c is None]
            error = next(s["failed"][title] for s in (head, base) if title in s["failed"])
            compared.outcome = "failed"
            compared.note = f"the operation failed at {' and '.join(where)}: {error}"
        elif any(missing):
            compared.outcome = "only at head" if missing[0] else "only at base"
            compared.note = str(counts[0] if missing[0] else counts[1])
        elif base["fingerprints"][title] != head["fingerprints"][title]:
            compared.outcome, compared.note = "not comparable", "the dataset is not the same"
        else:
            compared.counts = counts
            judge(conf, compared)
        yield compared


def of_growth(base: dict[str, Any], head: dict[str, Any]) -> Iterator[Compared]:
    """The groups of cases whose counts grow in another class with the size of their input."""
    for name, series in head["growing"].items():
        faster: list[str] = []
        slower: list[str] = []
        for metric, (sizes, counts) in series.items():
            before = growth(*base["growing"].get(name, {}).get(metric, ((), ())))
            after = growth(sizes, counts)
            if before and after and (after.exceeds(before) or before.exceeds(after)):
                said = f"{metric} were {before}, are {after}: {written(sizes, counts)}"
                (faster if after.exceeds(before) else slower).append(said)
        if faster or slower:
            outcome = "grows faster" if faster else "grows slower"
            yield Compared(name, outcome=outcome, causes=[*faster, *slower])


def written(sizes: Sequence[float], counts: Sequence[float]) -> str:
    """Counts by size, such as "3, 12, 102 at 1, 10, 100"."""
    return " at ".join(", ".join(f"{each:,g}" for each in row) for row in (counts, sizes))


def accept(compared: Sequence[Compared], costs: Sequence[history.Accepted]) -> None:
    """Mark what commits accept. A trailer that names no scenario here has no effect."""
    cases = {Case.parse(each.title): each for each in compared}
    for cost in costs:
        try:
            named = choose(cost.scenario, list(cases))
        except LookupError:
            continue
        for case in named:
            cases[case].accepted = f"{cost.commit[:8]}: {cost.reason or 'no reason given'}"


def judge(conf: Any, compared: Compared) -> None:
    """Set `changes` and `differs` from the counts."""
    base, head = compared.counts
    compared.changes = []
    for metric in METRICS:
        if metric in base and metric in head and base[metric] != head[metric]:
            allowed = threshold(conf, compared.title, metric, compared.noise.get(metric, 0.0))
            compared.changes.append(Change(metric, base[metric], head[metric], allowed))
    exact = (*EXACT, "calls", "sql", "scans", "lazily")
    compared.differs = any(change.counts for change in compared.changes) or any(
        base.get(name) != head.get(name) for name in exact
    )


def doubtful(conf: Any, compared: Compared) -> list[str]:
    """The counts whose difference may come from the layout of memory alone.

    None in a direction that another count proves: the verdict would be the same without them.
    """
    counting = [change for change in compared.changes if change.counts]
    unsure = [change for change in counting if small(change)]
    sure = {change.ratio > 1 for change in counting if change not in unsure}
    return [
        change.metric
        for change in unsure
        if (change.ratio > 1) not in sure
        and stated_threshold(conf, compared.title, change.metric) is None
    ]


def small(change: Change) -> bool:
    """Whether a layout of memory can change a count as much."""
    if change.metric not in LAID_OUT:
        return False
    return abs(change.ratio - 1) < CERTAIN * MATTERS[change.metric]


def largest(compared: Compared) -> float:
    """The logarithm of the largest ratio of counts, or of times if time decided the verdict."""
    if compared.time and compared.verdict in ("slower", "faster"):
        return math.log(compared.time.ratio)
    return max((math.log(max(c.ratio, 1e-9)) for c in compared.changes if c.counts), default=0.0)
