"""The comparison of two commits: counts first, then the time and the causes of changes."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import paired
from .causes import of_places, of_statements
from .checkout import Checkout
from .model import WORST_FIRST, Compared, Comparison, both, judge, largest, of_growth

LAYOUTS = (1, 2, 3)
"""The layouts of memory in which instructions are counted again if the first count is doubtful."""


def say(text: str) -> None:
    print(f"sqlalchemy-asv: {text}", file=sys.stderr, flush=True)


def compare(
    base: Checkout,
    head: Checkout,
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
    sides = (base, head)
    for side, commit in zip(sides, commits, strict=True):
        install(side, commit)
    say(f"counting at {' and '.join(s.named(c) for s, c in zip(sides, commits, strict=True))}")
    asked = {"scenarios": scenarios, "instructions": instructions}
    found = on_both(sides, "counts.count", **asked)
    compared = list(both(base.conf, *found))
    if instructions:
        recount(base, head, compared)
    judged = [each for each in compared if not each.outcome]
    changed = [each for each in judged if each.differs]
    explain(base, head, changed)
    if time != "none":
        measure(base, head, judged if time == "all" else changed, seconds)
    compared += of_growth(*found)
    compared.sort(key=lambda each: (WORST_FIRST.index(each.verdict), -largest(each), each.title))
    remarks = sorted({text for side in found if (text := side["no_instructions"])})
    if remarks:
        remarks = [f"instructions were not counted: {text}" for text in remarks]
    names = base.named(commits[0]), head.named(commits[1])
    return Comparison(*commits, names, base.database, compared, remarks)


def install(side: Checkout, commit: str) -> None:
    say(f"building {side.named(commit)}")
    side.install(commit)


def on_both(sides: Sequence[Checkout], function: str, **options: Any) -> list[Any]:
    """The results of a function of `worker` on both sides, which run at the same time.

    For counts alone: no load changes them, and most of a count of few cases is the start of its
    processes, on one processor each.
    """
    with ThreadPoolExecutor(max_workers=len(sides)) as pool:
        waiting = [pool.submit(side.result, function, **options) for side in sides]
        return [each.result() for each in waiting]


def counted(
    side: Checkout, commit: str, scenarios: list[str], *, instructions: bool
) -> dict[str, Any]:
    """The counts of one commit. Raises the errors of `compare`."""
    install(side, commit)
    say(f"counting at {side.named(commit)}")
    counts: dict[str, Any] = side.result(
        "counts.count", scenarios=scenarios, instructions=instructions
    )
    return counts


def recount(base: Checkout, head: Checkout, compared: list[Compared]) -> None:
    """Count instructions again, in other layouts of memory, if they differ near the threshold."""
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
    more = on_both((base, head), "counts.recount", titles=titles, layouts=LAYOUTS)
    for each in doubtful:
        for counts, again in zip(each.counts, more, strict=True):
            counts["instructions"] = round(
                statistics.fmean([counts["instructions"], *again.get(each.title, [])])
            )
        judge(base.conf, each)


def measure(base: Checkout, head: Checkout, compared: list[Compared], seconds: float) -> None:
    """Time both sides of each case."""
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


def explain(base: Checkout, head: Checkout, changed: list[Compared]) -> None:
    """Set the `causes` of what changed. Raises asv's `UserError` if a side cannot be measured."""
    if not changed:
        return
    say(f"looking for the causes of {len(changed)} differences")
    titles = [each.title for each in changed]
    # If calls are as before, the difference is within a function, or in C.
    symbols = [
        each.title
        for each in changed
        if any(c.metric == "instructions" and c.counts for c in each.changes)
        and not any(c.metric == "calls" for c in each.changes)
    ]
    left = [each.title for each in changed if any(c.metric == "retained" for c in each.changes)]
    found = on_both((base, head), "counts.explain", titles=titles, symbols=symbols, left=left)
    for each in changed:
        places = [side.get(each.title, {}) for side in found]
        each.causes = [*of_statements(*each.counts), *of_places(each, *places)]
