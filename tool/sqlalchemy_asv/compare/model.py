"""A comparison of two commits: what changed, and the verdict on it."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..growth import growth
from . import paired
from .checkout import NAMES
from .metrics import EXACT, LATER, MEMORY, METRICS

WORST_FIRST = (
    *(
        "slower",
        "more work",
        "more memory",
        "grows faster",
        "failed",
        "not comparable",
        "inconclusive",
        "mixed",
    ),
    *("faster", "less work", "less memory", "grows slower"),
    *("only at base", "only at head", "unchanged"),
)
WORSE = ("slower", "more work", "more memory", "grows faster")
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
    time: paired.Estimate | None = None
    time_threshold: float = 0.0
    outcome: str = ""
    """The verdict if the sides cannot be compared; the reason is in `note`."""
    note: str = ""
    causes: list[str] = dataclasses.field(default_factory=list)

    @property
    def reasons(self) -> list[str]:
        """The note, if there is one, and the causes."""
        return [*([self.note] if self.note else []), *self.causes]

    @property
    def verdict(self) -> str:
        if self.outcome:
            return self.outcome
        # What hurts later is worse, whatever one performance costs.
        for metrics, kind in LATER:
            if any(c.metric in metrics and c.counts and c.ratio > 1 for c in self.changes):
                return f"more {kind}"
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
        verdicts = {each.verdict for each in self.compared}
        if verdicts & set(WORSE):
            return 1
        if not self.compared or verdicts & {"failed"} or verdicts <= set(NOT_MEASURED):
            return 2
        return 0


def threshold(conf: Any, title: str, metric: str) -> float:
    """A benchmark's threshold, by the rule of asv's regressions: the largest of those that fit."""
    name = f"{title.partition('(')[0]}.{metric}"
    fitting = [
        float(share)
        for pattern, share in conf.regressions_thresholds.items()
        if re.match(pattern, name)
    ]
    return max(fitting, default=0.05)


def both(conf: Any, base: dict[str, Any], head: dict[str, Any]) -> Iterator[Compared]:
    """The scenarios that one side or both can perform, with the verdict of their counts."""
    for title in head["titles"]:
        counts = base["counts"].get(title), head["counts"].get(title)
        compared = Compared(title, time_threshold=threshold(conf, title, "time_wall"))
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
            before, after = (
                growth(*base["growing"].get(name, {}).get(metric, ((), ()))),
                growth(sizes, counts),
            )
            if before and after and (after.exceeds(before) or before.exceeds(after)):
                said = f"{metric} were {before}, are {after}: {written(sizes, counts)}"
                (faster if after.exceeds(before) else slower).append(said)
        if faster or slower:
            outcome = "grows faster" if faster else "grows slower"
            yield Compared(name, outcome=outcome, causes=[*faster, *slower])


def written(sizes: Sequence[float], counts: Sequence[float]) -> str:
    """Counts by size, such as "3, 12, 102 at 1, 10, 100"."""
    return " at ".join(", ".join(f"{each:,g}" for each in row) for row in (counts, sizes))


def judge(conf: Any, compared: Compared) -> None:
    """Set `changes` and `differs` from the counts."""
    base, head = compared.counts
    compared.changes = [
        Change(
            metric, base[metric], head[metric], threshold(conf, compared.title, f"track_{metric}")
        )
        for metric in METRICS
        if metric in base and metric in head and base[metric] != head[metric]
    ]
    exact = (*EXACT, "calls", "sql", "scans", "lazily")
    compared.differs = any(change.counts for change in compared.changes) or any(
        base.get(name) != head.get(name) for name in exact
    )


def largest(compared: Compared) -> float:
    """The logarithm of the largest ratio of counts, or of times if time decided the verdict."""
    if compared.time and compared.verdict in ("slower", "faster"):
        return math.log(compared.time.ratio)
    return max((math.log(max(c.ratio, 1e-9)) for c in compared.changes if c.counts), default=0.0)
