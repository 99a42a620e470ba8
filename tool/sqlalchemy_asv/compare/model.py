"""A comparison of two commits: what changed, and the verdict on it."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ..asv_ext import history
from ..case import Case, choose
from ..growth import growth
from ..words import several
from . import paired, sql, verdict
from .checkout import NAMES
from .metrics import (
    CERTAIN,
    EXACT,
    LAID_OUT,
    LEAST,
    MATTERS,
    METRICS,
    TIME_MATTERS,
    unexplained,
)
from .verdict import DIMENSIONS

ACCEPTED = " (accepted)"
_DIMENSION = {metric: name for name, metrics in DIMENSIONS.items() for metric in metrics}


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
        if self.base > 0 <= self.head:
            return self.head / self.base
        # From nothing, or between what repetitions left behind and what they freed.
        return math.inf if self.head > self.base else 0.0

    @property
    def counts(self) -> bool:
        if abs(self.head - self.base) < LEAST.get(self.metric, 0):
            return False
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
    growth: str = ""
    """The outcome of growth, if this is a group of cases and not a case."""
    schema: str = ""
    """The outcome of the schema that tests make, if this is that and not a test."""
    fixed: str = ""
    """The word if the sides cannot be compared; the reason is in `note`."""
    note: str = ""
    causes: list[str] = dataclasses.field(default_factory=list)
    untried: str = ""
    """The reason why nothing is known of the statement cache, if a change asks for it."""
    accepted: str = ""
    """The commit that accepts the cost, and its reason."""

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome in each dimension that was measured; empty if there is nothing to compare."""
        if self.fixed:
            return {}
        if self.growth:
            return {"growth": self.growth}
        if self.schema:
            return {"database": self.schema}
        found = {name: self._outcome(metrics) for name, metrics in DIMENSIONS.items() if metrics}
        if self.untried and found["database"] in (verdict.SAME, verdict.BETTER):
            found["database"] = verdict.UNDECIDED
        if self.time:
            found["time"] = self.time.outcome(self.time_threshold)
        return found

    @property
    def deciding(self) -> list[Change]:
        """The changes that decide: those that count, without what others explain."""
        counting = [change for change in self.changes if change.counts]
        decide = unexplained([(change.metric, change.ratio > 1) for change in counting])
        return [change for change in counting if (change.metric, change.ratio > 1) in decide]

    def _outcome(self, metrics: tuple[str, ...]) -> str:
        """The outcome of the counts of one dimension."""
        rose = {change.metric for change in self.deciding if change.ratio > 1}
        fell = {change.metric for change in self.deciding if change.ratio < 1}
        return verdict.outcome(rose & {*metrics}, fell & {*metrics})

    @property
    def word(self) -> str:
        """The verdict in a word."""
        return self.fixed or verdict.word(self.outcomes)

    @property
    def verdict(self) -> str:
        """The word, and the dimensions behind it; and whether a commit accepts the cost."""
        said: dict[str, list[str]] = {}
        for dimension, outcome in self.outcomes.items():
            if outcome != verdict.SAME:
                said.setdefault(outcome, []).append(dimension)
        parts = [f"{', '.join(named)} {outcome}" for outcome, named in said.items()]
        accepted = ACCEPTED if self.is_accepted else ""
        return self.word + (f": {'; '.join(parts)}" if parts else "") + accepted

    @property
    def is_accepted(self) -> bool:
        return bool(self.accepted) and verdict.fails(self.outcomes, verdict.FAIL_ON)

    @property
    def reasons(self) -> list[str]:
        """The note and the acceptance, if there are any, and the causes."""
        accepted = f"accepted by {self.accepted}" if self.accepted else ""
        undecided = self.time.undecided(self.time_threshold) if self.time else ""
        return [
            *filter(None, (self.note, accepted)),
            *self.causes,
            *filter(None, (self.untried, undecided)),
        ]


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

    left_out: dict[str, int] = dataclasses.field(default_factory=dict)
    """The reasons for which cases were not compared, with the number of cases."""

    fail_on: tuple[str, ...] = ()
    """The dimensions that make exit code 1; all if none is named."""

    dependency: str = ""
    """The dependency whose releases are compared; empty for commits of the repository."""

    heading: str = "scenario"
    """The kind of what is compared."""

    packages: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    """Versions of packages that differ, at base and at head; empty for one that is missing."""

    @property
    def exit_code(self) -> int:
        found = [(each.word, each.outcomes, each.is_accepted) for each in self.compared]
        return verdict.exit_code(found, verdict.chosen(self.fail_on))


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


def in_common(base: str, head: str) -> list[str]:
    """The columns whose values differ between two fingerprints, among those that both have.

    A fingerprint is JSON of `databases.reading.columns_of`, or any other text, which differs as a
    whole.
    """
    if base == head:
        return []
    if not (base.startswith("{") and head.startswith("{")):
        return ["the rows"]
    columns = json.loads(base), json.loads(head)
    return sorted(
        name
        for name, digest in columns[0].items()
        if name in columns[1] and columns[1][name] != digest
    )


def both(conf: Any, base: dict[str, Any], head: dict[str, Any]) -> Iterator[Compared]:
    """The scenarios that one side or both can perform, with the outcomes of their counts."""
    for title in head["titles"]:
        counts = base["counts"].get(title), head["counts"].get(title)
        compared = Compared(title, time_threshold=threshold(conf, title, "time"))
        missing = [isinstance(found, str) for found in counts]
        if all(missing):
            continue
        failed = [side["failed"].get(title, "") for side in (base, head)]
        if None in counts:
            if isinstance(counts[0], dict):
                compared.fixed = verdict.FAILED_AT_HEAD
            elif isinstance(counts[1], dict):
                compared.fixed = verdict.FAILED_AT_BASE
            else:
                compared.fixed = verdict.FAILED
            said = [
                f"failed at {name}: {error}" if error else f"{name}: {lacking}"
                for name, error, lacking in zip(NAMES, failed, counts, strict=True)
                if error or isinstance(lacking, str)
            ]
            if failed[0] == failed[1]:
                said = [f"failed at both: {failed[0]}"]
            compared.note = "; ".join(said)
        elif any(missing):
            compared.fixed = verdict.ONLY_AT_HEAD if missing[0] else verdict.ONLY_AT_BASE
            compared.note = str(counts[0] if missing[0] else counts[1])
        elif differing := in_common(base["fingerprints"][title], head["fingerprints"][title]):
            compared.fixed = verdict.NOT_COMPARABLE
            more = f" and {several(len(differing) - 3, 'more column')}" if differing[3:] else ""
            compared.note = (
                f"`fill` wrote other rows, {', '.join(differing[:3])}{more} differ: write the same"
                " at both commits, or name the columns in the dataset's `varying`"
            )
        else:
            compared.counts = counts
            judge(conf, compared)
        yield compared


def left_out(base: dict[str, Any], head: dict[str, Any]) -> dict[str, int]:
    """The reasons for which cases are not compared, with the number of cases."""
    found: Counter[str] = Counter()
    for title in head["titles"]:
        both_lack = [side["counts"].get(title) for side in (base, head)]
        if all(isinstance(each, str) for each in both_lack):
            found[str(both_lack[1])] += 1
    for reason, number in head.get("left out", {}).items():
        found[reason] += number
    return dict(found)


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
            outcome = verdict.outcome(faster, slower)
            yield Compared(name, growth=outcome, causes=[*faster, *slower])


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
    exact = (*EXACT, "sql", "scans", "lazily", "plans")
    compared.differs = any(change.counts for change in compared.changes) or any(
        base.get(name) != head.get(name) for name in exact
    )
    compared.untried = sql.untried(base, head)


def doubtful(conf: Any, compared: Compared) -> list[str]:
    """The counts whose difference may come from the layout of memory alone.

    None in a direction that another count of the same dimension proves: its outcome would be the
    same without them.
    """
    unsure = [change for change in compared.deciding if small(change)]
    sure = {
        (_DIMENSION[change.metric], change.ratio > 1)
        for change in compared.deciding
        if change not in unsure
    }
    return [
        change.metric
        for change in unsure
        if (_DIMENSION[change.metric], change.ratio > 1) not in sure
        and stated_threshold(conf, compared.title, change.metric) is None
    ]


def small(change: Change) -> bool:
    """Whether a layout of memory can change a count as much."""
    if change.metric not in LAID_OUT:
        return False
    return abs(change.ratio - 1) < CERTAIN * MATTERS[change.metric]


def largest(compared: Compared) -> float:
    """The logarithm of the largest ratio of counts, or of times if time decided the verdict."""
    if compared.outcomes.get("time") in (verdict.WORSE, verdict.BETTER) and compared.time:
        return math.log(compared.time.ratio)
    return max((math.log(max(c.ratio, 1e-9)) for c in compared.changes if c.counts), default=0.0)
