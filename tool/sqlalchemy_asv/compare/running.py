"""The comparison of two commits: counts first, then the time and the causes of changes."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from asv.repo import get_repo
from asv.util import UserError

from ..asv_ext import git, history, settings
from ..environments import workers
from ..isolation.jobs import Notes
from ..words import several
from . import paired
from .causes import of_places, of_statements
from .checkout import Checkout
from .metrics import LEFT
from .model import (
    Compared,
    Comparison,
    accept,
    both,
    doubtful,
    judge,
    largest,
    left_out,
    of_growth,
)
from .progress import Progress, say
from .verdict import WORDS

DOING = {
    "counts.count": "counting",
    "counts.recount": "counting again",
    "counts.explain": "looking for causes",
}
LAYOUTS = ((1, 2, 3), (4, 5, 6, 7))
"""The layouts of memory in which doubtful counts are made again."""


def compare(
    base: Checkout,
    head: Checkout,
    commits: tuple[str, str],
    scenarios: list[str],
    *,
    instructions: bool = True,
    time: str = "changed",
    seconds: float = 60.0,
    freeze: str | None = None,
) -> Comparison:
    """Compare two commits. `time` is "changed", "all" or "none"; `seconds` are for each scenario.

    `freeze` is "base" or "head": the side whose requirements are installed on both.

    Raises asv's `UserError` if a commit cannot be installed or measured.
    """
    sides = (base, head)

    keys: list[dict[str, Any]] = []

    def look(side: Checkout) -> None:
        keys.extend(on_both([side], "counts.key", scenarios=scenarios))

    packages = install_both(sides, commits, freeze, look)
    say(f"counting at {' and '.join(s.named(c) for s, c in zip(sides, commits, strict=True))}")
    asked = {"scenarios": scenarios, "instructions": instructions}
    for reason in {each["no_instructions"] for each in keys if each["no_instructions"]}:
        if instructions:
            say(f"instructions will not be counted: {reason}")
    if keys[0]["digest"] == keys[1]["digest"] and not base.fresh:
        # Commits with the same data layer: the second finds what the first has counted.
        found = [on_both([side], "counts.count", **asked)[0] for side in sides]
    else:
        found = on_both(sides, "counts.count", **asked)
    for side, commit, counts in zip(sides, commits, found, strict=True):
        if counts["again"]:
            again = several(counts["again"], "count")
            say(f"{again} of {side.named(commit)} from an earlier comparison; --fresh counts anew")
    compared = list(both(base.conf, *found))
    judged = [each for each in compared if not each.fixed]
    recount(base, head, judged)
    changed = [each for each in judged if each.differs]
    explain(base, head, changed)
    if time != "none":
        measure(base, head, judged if time == "all" else changed, seconds)
    compared += of_growth(*found)
    accept(compared, history.accepted(base.conf, f"{commits[0]}..{commits[1]}"))
    compared.sort(key=lambda each: (WORDS.index(each.word), -largest(each), each.title))
    remarks = sorted({text for side in found if (text := side["no_instructions"])})
    if remarks:
        remarks = [f"instructions were not counted: {text}" for text in remarks]
    if packages and not settings.dependency(base.conf) and commits[0] != commits[1]:
        remarks.append(not_only_code(packages))
    names = base.named(commits[0]), head.named(commits[1])
    return Comparison(
        *commits,
        names,
        base.database,
        compared,
        remarks,
        left_out(*found),
        dependency=settings.dependency(base.conf),
        packages=packages,
    )


def install_both(
    sides: Sequence[Checkout],
    commits: Sequence[str],
    freeze: str | None,
    installed: Callable[[Checkout], None] = lambda side: None,
) -> dict[str, tuple[str, str]]:
    """Install a commit on each side; returns the packages that differ, as `differing` does.

    `freeze` is "base" or "head": the side whose requirements are installed on both. `installed` is
    called with each side as soon as it is: to install the other one may take minutes. Raises asv's
    `UserError` if a commit cannot be installed.
    """
    frozen: list[str] | None = None
    for place in (1, 0) if freeze == "head" else (0, 1):
        install(sides[place], commits[place], frozen)
        frozen = sides[place].installed["exact"] if freeze else None
        installed(sides[place])
    return differing(*(side.installed["packages"] for side in sides))


def listed(packages: dict[str, tuple[str, str]]) -> str:
    """Packages with both of their versions, in a line."""
    return ", ".join(f"{n} {old or '-'} → {new or '-'}" for n, (old, new) in packages.items())


def not_only_code(packages: dict[str, tuple[str, str]]) -> str:
    """The remark on packages that differ between two commits."""
    return f"not only code differs, packages do: {listed(packages)} (see --freeze)"


def differing(base: dict[str, str], head: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The packages whose versions differ, with both versions; one is empty if it is missing."""
    found = {name: (base.get(name, ""), head.get(name, "")) for name in sorted({*base, *head})}
    return {name: versions for name, versions in found.items() if versions[0] != versions[1]}


def say_what_is_not_committed(conf: Any, commits: Sequence[str]) -> None:
    """Say that changes of the working tree are not compared, if its commit is."""
    folder = get_repo(conf)._path
    if settings.dependency(conf) or git.answer(folder, "rev-parse", "HEAD") not in commits:
        return
    try:
        changed = git.changed(folder, conf.benchmark_dir, conf.results_dir)
    except UserError:  # a repository without a working tree, or settings from elsewhere
        return
    if changed:
        more = f" and {len(changed) - 1} more" if changed[1:] else ""
        say(f"changes that are not committed are not compared: {changed[0]}{more}")


def install(side: Checkout, commit: str, frozen: list[str] | None = None) -> None:
    say(f"building {side.named(commit)}")
    side.install(commit, frozen)


def on_both(sides: Sequence[Checkout], function: str, **options: Any) -> list[Any]:
    """The results of a function of `worker` on both sides, which run at the same time.

    For counts alone: no load changes them, and most of a count of few cases is the start of its
    processes, on one processor each.
    """
    calls = [functools.partial(side.result, function, **options) for side in sides]
    return watched(DOING.get(function, "preparing"), sides, calls)


def watched(doing: str, sides: Sequence[Checkout], calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The results of calls that run at the same time, whose progress on the sides is shown."""
    with Progress(doing) as bar:
        with ThreadPoolExecutor(max_workers=len(calls)) as pool:
            waiting = [pool.submit(each) for each in calls]
            try:
                while wait(waiting, timeout=0.5).not_done:
                    notes = Notes.read([side.progress for side in sides])
                    if notes.total or notes.doing:
                        bar.show(notes.done, notes.total, notes.doing or notes.last)
            except BaseException:
                workers.end_all()  # the pool would wait for them
                raise
        return [each.result() for each in waiting]


def counted(
    side: Checkout, commit: str, scenarios: list[str], *, instructions: bool
) -> dict[str, Any]:
    """The counts of one commit. Raises the errors of `compare`."""
    install(side, commit)
    say(f"counting at {side.named(commit)}")
    counts: dict[str, Any]
    (counts,) = on_both([side], "counts.count", scenarios=scenarios, instructions=instructions)
    return counts


def recount(base: Checkout, head: Checkout, compared: list[Compared]) -> None:
    """Count what differs a little again, in other layouts of memory, and measure its noise.

    The noise is the spread over layouts, and a count becomes the mean. If the first layouts confirm
    a difference, further ones have to confirm it as well.
    """
    conf = base.conf
    seen: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
    for layouts in LAYOUTS:
        asked = {each.title: metrics for each in compared if (metrics := doubtful(conf, each))}
        if not asked:
            return
        say(
            f"counting {several(len(asked), 'scenario')} again, in {len(layouts)} other layouts of"
            " memory, to tell noise"
        )
        titles = {
            "instructions": [
                title for title, metrics in asked.items() if "instructions" in metrics
            ],
            "plain": [title for title, metrics in asked.items() if {*metrics} - {"instructions"}],
        }
        found = on_both((base, head), "counts.recount", layouts=layouts, **titles)
        for each in compared:
            for metric in asked.get(each.title, ()):
                sides = seen.setdefault(
                    (each.title, metric), ([each.counts[0][metric]], [each.counts[1][metric]])
                )
                each.noise[metric] = 0.0
                for samples, counts, more in zip(sides, each.counts, found, strict=True):
                    samples += [c[metric] for c in more.get(each.title, []) if metric in c]
                    counts[metric] = round(statistics.fmean(samples))
                    each.noise[metric] += (max(samples) - min(samples)) / min(samples)
            judge(conf, each)


def measure(base: Checkout, head: Checkout, compared: list[Compared], seconds: float) -> None:
    """Time both sides of each case."""
    if not compared:
        return
    say(f"timing {several(len(compared), 'scenario')}, each for at most {seconds:.0f} s")
    thresholds = {each.title: each.time_threshold for each in compared}
    on_both((base, head), "sampling.prepare", titles=list(thresholds))
    with Progress("timing") as bar:
        found = paired.compare(
            base,
            head,
            list(thresholds),
            decided=paired.clear(thresholds),
            scenarios=len(compared),
            seconds=seconds,
            progress=bar.show,
        )
    for each in compared:
        each.time = found[each.title]


def explain(base: Checkout, head: Checkout, changed: list[Compared]) -> None:
    """Set the `causes` of what changed. Raises asv's `UserError` if a side cannot be measured."""
    if not changed:
        return
    say(f"looking for the causes of {several(len(changed), 'difference')}")
    titles = [each.title for each in changed]
    # If calls are as before, the difference is within a function, or in C.
    symbols = [
        each.title
        for each in changed
        if any(c.metric == "instructions" and c.counts for c in each.changes)
        and not any(c.metric in ("calls", "statements") for c in each.changes)
    ]
    left = [each.title for each in changed if any(c.metric in LEFT for c in each.changes)]
    found = on_both(
        (base, head), "counts.explain", titles=titles, symbols=symbols, lines=symbols, left=left
    )
    for each in changed:
        places = [side.get(each.title, {}) for side in found]
        each.causes = [*of_statements(*each.counts)]
        each.causes += of_places(each, *places)
