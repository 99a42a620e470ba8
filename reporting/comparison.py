"""What changed between two commits: counts first, time for what changed, and why."""

from __future__ import annotations

import dataclasses
import math
import re
import statistics
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from . import paired
from .sides import NAMES, Side

METRICS = ("statements", "rows", "full scans", "calls", "instructions", "allocated")
"""As in the names of benchmarks, `track_statements` and so on; and of how many tables a plan reads
every row."""
LAYOUTS = (1, 2, 3)
"""Of memory, in which instructions are counted again where the first count leaves a doubt."""
WORST_FIRST = (
    *("slower", "more work", "more memory", "failed", "not comparable", "inconclusive", "mixed"),
    *("faster", "less work", "less memory", "only at base", "only at head", "unchanged"),
)
WORSE = ("slower", "more work", "more memory")
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
    """Whether anything that is exact differs, be it too little to count."""
    time: paired.Estimate | None = None
    time_threshold: float = 0.0
    outcome: str = ""
    """What there is to say where the sides cannot be compared, and in `note` why."""
    note: str = ""
    causes: list[str] = dataclasses.field(default_factory=list)

    @property
    def verdict(self) -> str:
        if self.outcome:
            return self.outcome
        by_time = self.time.verdict(self.time_threshold) if self.time else "unchanged"
        if by_time in ("slower", "faster"):
            return by_time
        # Work first: who sends fewer statements may well hold more in memory.
        for metrics, kind in ((METRICS[:-1], "work"), (METRICS[-1:], "memory")):
            more = {c.ratio > 1 for c in self.changes if c.counts and c.metric in metrics}
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
    """What people call them: tags where there are any."""
    database: str
    compared: list[Compared]
    remarks: list[str]
    """What was not measured at all, and why."""

    @property
    def exit_code(self) -> int:
        verdicts = {each.verdict for each in self.compared}
        if verdicts & set(WORSE):
            return 1
        if not self.compared or verdicts & {"failed"} or verdicts <= set(NOT_MEASURED):
            return 2
        return 0


def threshold(conf: Any, title: str, metric: str) -> float:
    """As asv's own detection of regressions finds it: the largest of those that fit."""
    name = f"{title.partition('(')[0]}.{metric}"
    fitting = [
        float(share)
        for pattern, share in conf.regressions_thresholds.items()
        if re.match(pattern, name)
    ]
    return max(fitting, default=0.05)


def say(text: str) -> None:
    print(f"sqlalchemy-asv: {text}", file=sys.stderr, flush=True)


def compare(
    base: Side,
    head: Side,
    commits: tuple[str, str],
    scenarios: list[str],
    *,
    instructions: bool = True,
    time: str = "changed",
    seconds: float = 60.0,
) -> Comparison:
    """Compare two commits. `time` is "changed", "all" or "none"; `seconds` are for each scenario.

    Raises asv's `UserError` if a commit cannot be installed or measured.
    """
    found = [
        counted(side, commit, scenarios, instructions=instructions)
        for side, commit in zip((base, head), commits, strict=True)
    ]
    compared = list(both(base.conf, *found))
    if instructions:
        recount(base, head, compared)
    judged = [each for each in compared if not each.outcome]
    changed = [each for each in judged if each.differs]
    explain(base, head, changed)
    if time != "none":
        measure(base, head, judged if time == "all" else changed, seconds)
    compared.sort(key=lambda each: (WORST_FIRST.index(each.verdict), -largest(each), each.title))
    remarks = sorted({text for side in found if (text := side["no_instructions"])})
    if remarks:
        remarks = [f"instructions were not counted: {text}" for text in remarks]
    names = base.named(commits[0]), head.named(commits[1])
    return Comparison(*commits, names, base.database, compared, remarks)


def counted(side: Side, commit: str, scenarios: list[str], *, instructions: bool) -> dict[str, Any]:
    """What the harness's `side.count` counts. Raises what `compare` does."""
    say(f"building {side.named(commit)}")
    side.build(commit)
    say(f"counting at {side.named(commit)}")
    counts: dict[str, Any] = side.result("count", scenarios=scenarios, instructions=instructions)
    return counts


def both(conf: Any, base: dict[str, Any], head: dict[str, Any]) -> Iterator[Compared]:
    """What the counts of both sides say; nothing of a scenario that neither side can perform."""
    for title in head["titles"]:
        counts = base["counts"].get(title), head["counts"].get(title)
        compared = Compared(title, time_threshold=threshold(conf, title, "time_wall"))
        missing = [isinstance(found, str) for found in counts]
        if all(missing):
            continue
        if None in counts:
            where = " and ".join(n for n, c in zip(NAMES, counts, strict=True) if c is None)
            compared.outcome, compared.note = "failed", f"the operation failed at {where}"
        elif any(missing):
            compared.outcome = "only at head" if missing[0] else "only at base"
            compared.note = str(counts[0] if missing[0] else counts[1])
        elif base["fingerprints"][title] != head["fingerprints"][title]:
            compared.outcome, compared.note = "not comparable", "the dataset is not the same"
        else:
            compared.counts = counts
            judge(conf, compared)
        yield compared


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
    exact = ("statements", "rows", "calls", "sql", "scans", "lazily")
    compared.differs = any(change.counts for change in compared.changes) or any(
        base[name] != head[name] for name in exact
    )


def recount(base: Side, head: Side, compared: list[Compared]) -> None:
    """Count instructions again, in other layouts of memory, where a difference may be real."""
    doubtful = [
        each
        for each in compared
        for change in each.changes
        if change.metric == "instructions"
        and change.threshold / 2 < abs(change.ratio - 1) < change.threshold * 2
    ]
    if not doubtful:
        return
    say(f"counting the instructions of {len(doubtful)} again, in other layouts of memory")
    titles = [each.title for each in doubtful]
    more = [side.result("recount", titles=titles, layouts=LAYOUTS) for side in (base, head)]
    for each in doubtful:
        for counts, again in zip(each.counts, more, strict=True):
            counts["instructions"] = round(
                statistics.fmean([counts["instructions"], *again.get(each.title, [])])
            )
        judge(base.conf, each)


def measure(base: Side, head: Side, compared: list[Compared], seconds: float) -> None:
    """Time both sides of each."""
    if not compared:
        return
    say(f"timing {len(compared)}, each for at most {seconds:.0f} s")
    thresholds = {each.title: each.time_threshold for each in compared}
    found = paired.compare(
        base,
        head,
        list(thresholds),
        decided=paired.clear(thresholds),
        scenarios=len(compared),
        seconds=seconds,
        progress=say,
    )
    for each in compared:
        each.time = found[each.title]


def largest(compared: Compared) -> float:
    """By how much the worst count rose, as a logarithm."""
    if compared.time and compared.verdict in ("slower", "faster"):
        return math.log(compared.time.ratio)
    return max((math.log(max(c.ratio, 1e-9)) for c in compared.changes if c.counts), default=0.0)


# --- why ------------------------------------------------------------------------------------------


def explain(base: Side, head: Side, changed: list[Compared]) -> None:
    """Set the `causes` of what changed. Raises asv's `UserError` if a side cannot be measured."""
    if not changed:
        return
    say(f"looking for the causes of {len(changed)} differences")
    titles = [each.title for each in changed]
    # Where functions are called as before, it is within one of them, or in C.
    symbols = [
        each.title
        for each in changed
        if any(c.metric == "instructions" and c.counts for c in each.changes)
        and not any(c.metric == "calls" for c in each.changes)
    ]
    found = [side.result("explain", titles=titles, symbols=symbols) for side in (base, head)]
    for each in changed:
        places = [side.get(each.title, {}) for side in found]
        each.causes = [*of_statements(*each.counts), *of_places(each, *places)]


def of_statements(base: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[str]:
    """Statements that one side sends more often, and what the database reads for them."""
    sent = [dict(side["sql"]) for side in (base, head)]
    for sql in {**sent[1], **sent[0]}:
        before, after = (side.get(sql, 0) for side in sent)
        if before != after:
            text = textwrap.shorten(sql, 160, placeholder=" …")
            if before and after:
                yield f"statement sent {after} times, not {before}: {text}"
            else:
                yield f"statement {'sent no longer' if before else 'new'}: {text}"
    for relationship, times in head["lazily"].items():
        if times != (before := base["lazily"].get(relationship, 0)):
            yield f"{relationship} loaded lazily, object by object: {times} times, not {before}"
    scans = Counter(head["scans"])
    scans.subtract(Counter(base["scans"]))
    for table, number in scans.items():
        if number:
            yield f"{table}: {'every row read now' if number > 0 else 'no full scan any more'}"


def of_places(
    compared: Compared, base: Mapping[str, dict[str, int]], head: Mapping[str, dict[str, int]]
) -> Iterator[str]:
    """Functions and lines that account for the difference, the largest first."""
    changed = {
        change.metric for change in compared.changes if change.counts or change.metric == "calls"
    }
    differences = {kind: largest_of(base[kind], head[kind]) for kind in base if kind in head}
    if "calls" in changed:
        # What the data layer itself calls says most; the rest follows from it.
        called = differences.get("calls", [])
        called.sort(key=lambda pair: ", from fixtures/" not in pair[0])
        own = sum(", from fixtures/" in place for place, _ in called)
        for place, number in [*called[: min(own, 3)], *called[own : own + 3]]:
            yield f"{number:+,} calls: {place}"
    elif "instructions" in changed:
        for place, number in differences.get("bytecodes", [])[:2]:
            yield f"{number:+,} bytecode instructions: {place}"
        for place, number in differences.get("symbols", [])[:2]:
            yield f"{number:+,} machine instructions: {place}"
    if "allocated" in changed:
        for place, number in differences.get("allocations", [])[:2]:
            yield f"{number:+,} bytes at the peak: {place}"


def largest_of(base: Mapping[str, int], head: Mapping[str, int]) -> list[tuple[str, int]]:
    differences = Counter(head)
    differences.subtract(base)
    found: Iterable[tuple[str, int]] = ((p, n) for p, n in differences.items() if n)
    return sorted(found, key=lambda pair: (-abs(pair[1]), pair[0]))
