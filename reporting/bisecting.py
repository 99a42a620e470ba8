"""Which commit changed a scenario, found in as few measurements as halving takes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from asv.repo import get_repo
from asv.util import UserError

from . import comparison, history, paired
from .comparison import Compared, say
from .sides import Side


@dataclasses.dataclass
class Found:
    """What halving came to."""

    title: str
    metric: str
    """What it went by: a count, or "time"."""
    suspects: list[str]
    """The commit that changed it; several where those between them could not be measured."""
    good: float
    bad: float
    """The metric at the last good and the first bad commit; a ratio to the first for times."""
    measurements: int
    """Of one commit each, but for the first, which compares both ends."""
    causes: list[str]
    """Why the two ends differ."""


def between(conf: Any, good: str, bad: str) -> tuple[list[str], int]:
    """Hashes from good to bad, both included, along the first parents.

    Where they are on two branches, by way of the commit in which these part, whose place is the
    second value; it is 0 where they are on one.

    Raises asv's `UserError` if the good one is not before the bad one, nor on another branch.
    """
    repo = get_repo(conf)
    common = history.git(repo, "merge-base", good, bad)
    if common in ("", bad):
        names = [history.named(conf, commit) for commit in (good, bad)]
        raise UserError(
            f"{names[0]} is not before {names[1]}: name a good commit, then a later one"
        )
    back, forth = (list(repo.get_hashes_from_range(f"{common}..{end}")) for end in (good, bad))
    return [*back, common, *reversed(forth)], len(back)


def find(
    base: Side,
    head: Side,
    scenario: str,
    commits: Sequence[str],
    *,
    metric: str | None = None,
    seconds: float = 60.0,
    turn: int = 0,
) -> Found:
    """Halve what lies between the first of the commits and the last.

    Up to the place `turn`, the earlier of two is the one that follows the other: see `between`.

    A commit that cannot be measured is passed over. Raises asv's `UserError` if both ends are the
    same, or cannot be measured.
    """
    ends = ends_of(base, head, scenario, (commits[0], commits[-1]), metric, seconds)
    if metric is None:
        metric = next(iter(differing(ends)), "time")
    if metric == "time":
        by: ByTime | ByCount = ByTime(base, head, ends, seconds)
    else:
        by = ByCount(head, ends, metric)
    good, bad, measurements = 0, len(commits) - 1, 1
    unknown: set[int] = set()
    values = {good: by.good, bad: by.bad}
    while candidates := [n for n in range(good + 1, bad) if n not in unknown]:
        middle = min(candidates, key=lambda n: abs(n - (good + bad) / 2))
        commit = commits[middle]
        say(f"measuring {head.named(commit)}, one of {len(candidates)} between")
        measurements += 1
        try:
            values[middle], is_bad = by.look(commit)
        except UserError as error:
            say(f"passed over: {error}")
            unknown.add(middle)
            continue
        if is_bad:
            bad = middle
        else:
            good = middle
    steps = range(good + 1, bad + 1)
    return Found(
        ends.title,
        metric,
        [commits[step - 1] if step <= turn else commits[step] for step in steps],
        values[good],
        values[bad],
        measurements,
        ends.causes,
    )


def ends_of(
    base: Side,
    head: Side,
    scenario: str,
    commits: tuple[str, str],
    metric: str | None,
    seconds: float,
) -> Compared:
    """The comparison of both ends: of several combinations of parameters, the worst."""
    found = comparison.compare(
        base,
        head,
        commits,
        [exactly(scenario)],
        instructions=metric in (None, "instructions"),
        time="none",
    ).compared
    comparable = [each for each in found if not each.outcome]
    if not comparable:
        reason = found[0].note if found else "neither end can perform it"
        raise UserError(f"{scenario} cannot be compared: {reason}")
    for each in comparable:
        if differing(each) if metric is None else metric in differing(each):
            return each
    if metric in (None, "time"):
        comparison.measure(base, head, comparable, seconds)
        for each in comparable:
            if each.verdict in ("slower", "faster"):
                return each
    raise UserError(f"{scenario} shows no difference in {metric or 'any count or its time'}")


def differing(compared: Compared) -> list[str]:
    """The counts that are not the same, those beyond noise first."""
    found = [change.metric for change in compared.changes if change.counts]
    exact = [c.metric for c in compared.changes if c.metric in ("statements", "rows", "calls")]
    return list(dict.fromkeys([*found, *exact]))


def exactly(title: str) -> str:
    """A regular expression for a scenario: with its parameters, or all of them."""
    return f"^{re.escape(title)}$" if "(" in title else rf"^{re.escape(title)}(\(|$)"


class ByCount:
    """Bad is what counts closer to the bad end than to the good one."""

    def __init__(self, head: Side, ends: Compared, metric: str) -> None:
        self.head, self.title, self.metric = head, ends.title, metric
        self.good, self.bad = (side[metric] for side in ends.counts)

    def look(self, commit: str) -> tuple[float, bool]:
        self.head.build(commit)
        found = self.head.result(
            "count", scenarios=[exactly(self.title)], instructions=self.metric == "instructions"
        )
        counts = found["counts"].get(self.title, "the operation failed")
        if isinstance(counts, str):
            raise UserError(counts)
        value = counts[self.metric]
        return value, abs(value - self.bad) < abs(value - self.good)


class ByTime:
    """Bad is what takes longer than the good end by at least half of what the bad end does."""

    def __init__(self, base: Side, head: Side, ends: Compared, seconds: float) -> None:
        assert ends.time is not None
        self.base, self.head, self.title = base, head, ends.title
        self.seconds = seconds
        self.good, self.bad = 1.0, ends.time.ratio

    def look(self, commit: str) -> tuple[float, bool]:
        self.head.build(commit)
        self.head.result("count", scenarios=[exactly(self.title)], instructions=False)
        middle = (self.good * self.bad) ** 0.5
        estimate = paired.compare(
            self.base,
            self.head,
            [self.title],
            scenarios=10,
            seconds=self.seconds,
            decided=lambda _, found: not found.low <= middle <= found.high,
        )[self.title]
        if estimate.low <= middle <= estimate.high:
            raise UserError("its time is not clearly that of either end; give it more --seconds")
        return estimate.ratio, (estimate.ratio > middle) == (self.bad > 1)


def lines(conf: Any, found: Found) -> list[str]:
    """What was found, for a terminal."""
    repo = get_repo(conf)
    said = [
        f"{found.title}: {found.metric} {found.good:.6g} → {found.bad:.6g},"
        f" in {found.measurements} measurements"
    ]
    if len(found.suspects) > 1:
        said.append("one of these, which could not all be measured:")
    said += [
        f"{history.named(conf, commit)} {history.subject(repo, commit)}"
        for commit in found.suspects
    ]
    return said + [f"  {cause}" for cause in found.causes]
