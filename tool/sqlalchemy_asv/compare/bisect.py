"""The search for the commit that changed a scenario, by bisection."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from asv.repo import get_repo
from asv.util import UserError

from ..asv_ext import git, history, settings
from ..words import several
from . import paired, running
from .checkout import Checkout
from .metrics import EXACT
from .model import Compared
from .progress import say
from .verdict import BETTER, UNDECIDED, WORSE


@dataclasses.dataclass
class Found:
    """The result of a bisection."""

    title: str
    metric: str
    """The metric that decided: a count, or "time"."""
    suspects: list[str]
    """The commit that changed it; several if commits between them could not be measured."""
    good: float
    bad: float
    """The metric at the last good and the first bad commit; for time, ratios to the good end."""
    measurements: int
    """Each is of one commit, except the first, which compares both ends."""
    causes: list[str]
    """The reasons why the two ends differ."""


def between(conf: Any, good: str, bad: str) -> tuple[list[str], int]:
    """Hashes from good to bad, both included, along the first parents.

    If they are on two branches, the path leads through the commit at which the branches part. Its
    place is the second value, which is 0 on a single branch.

    Raises asv's `UserError` if the good one is not before the bad one, nor on another branch.
    """
    repo = get_repo(conf)
    common = git.answer(repo._path, "merge-base", good, bad)
    if common in (None, bad):
        names = [history.named(conf, commit) for commit in (good, bad)]
        raise UserError(
            f"{names[0]} is not before {names[1]}: name a good commit, then a later one"
        )
    back, forth = (list(repo.get_hashes_from_range(f"{common}..{end}")) for end in (good, bad))
    return [*back, common, *reversed(forth)], len(back)


def find(
    base: Checkout,
    head: Checkout,
    scenario: str,
    commits: Sequence[str],
    *,
    metric: str | None = None,
    seconds: float = 60.0,
    turn: int = 0,
) -> Found:
    """Bisect a list of commits.

    Up to the place `turn`, the list goes back in time: see `between`.

    A commit that cannot be measured is passed over. Raises asv's `UserError` if the ends do not
    differ, or cannot be measured.
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
    base: Checkout,
    head: Checkout,
    scenario: str,
    commits: tuple[str, str],
    metric: str | None,
    seconds: float,
) -> Compared:
    """The comparison of both ends, for the worst combination of parameters."""
    found = running.compare(
        base,
        head,
        commits,
        [scenario],
        instructions=metric in (None, "instructions"),
        time="none",
    ).compared
    comparable = [each for each in found if not (each.fixed or each.growth)]
    if not comparable:
        reason = found[0].note if found else "neither end can perform it"
        raise UserError(f"{scenario} cannot be compared: {reason}")
    for each in comparable:
        if differing(each) if metric is None else metric in differing(each):
            return each
    if metric in (None, "time"):
        running.measure(base, head, comparable, seconds)
        for each in comparable:
            if each.outcomes["time"] in (WORSE, BETTER):
                return each
    if metric in (None, "time") and any(e.outcomes["time"] == UNDECIDED for e in comparable):
        raise UserError(f"the time of {scenario} is undecided between both: give more --seconds")
    if metric not in (None, "time", *itertools.chain(*(e.counts[0] for e in comparable))):
        raise UserError(f"{metric} of {scenario} were not counted")
    raise UserError(f"{scenario} shows no difference in {metric or 'any count or its time'}")


def differing(compared: Compared) -> list[str]:
    """The counts that are not the same, those beyond noise first."""
    found = [change.metric for change in compared.changes if change.counts]
    exact = [c.metric for c in compared.changes if c.metric in (*EXACT, "calls")]
    return list(dict.fromkeys([*found, *exact]))


class ByCount:
    """A commit is bad if its count is closer to the bad end's than to the good end's."""

    def __init__(self, head: Checkout, ends: Compared, metric: str) -> None:
        self.head, self.title, self.metric = head, ends.title, metric
        self.good, self.bad = (side[metric] for side in ends.counts)

    def look(self, commit: str) -> tuple[float, bool]:
        self.head.install(commit)
        found = self.head.result(
            "counts.count", scenarios=[self.title], instructions=self.metric == "instructions"
        )
        counts = found["counts"].get(self.title, "the operation failed")
        if isinstance(counts, str):
            raise UserError(counts)
        value = counts[self.metric]
        return value, abs(value - self.bad) < abs(value - self.good)


class ByTime:
    """A commit is bad if its time is beyond the geometric mean of both ends' times."""

    def __init__(self, base: Checkout, head: Checkout, ends: Compared, seconds: float) -> None:
        assert ends.time is not None
        self.base, self.head, self.title = base, head, ends.title
        self.seconds = seconds
        self.good, self.bad = 1.0, ends.time.ratio

    def look(self, commit: str) -> tuple[float, bool]:
        self.head.install(commit)
        self.head.result("sampling.prepare", titles=[self.title])
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
    """The lines that a terminal shows of a result."""
    repo = get_repo(conf)
    said = [
        f"{found.title}: {found.metric} {found.good:.6g} → {found.bad:.6g},"
        f" in {several(found.measurements, 'measurement')}"
    ]
    if len(found.suspects) > 1:
        said.append("one of these, which could not all be measured:")
    releases = settings.dependency(conf)  # whose subjects are package and version
    for commit in found.suspects:
        subject = git.subject(repo, commit)
        said.append(subject if releases else f"{history.named(conf, commit)} {subject}")
    return said + [f"  {cause}" for cause in found.causes]
