"""The reliability of verdicts, measured in a clone, on changes whose effect is known.

    python -m maintenance.calibration identical --comparisons 20
    python -m maintenance.calibration identical --comparisons 200 --time --load
    python -m maintenance.calibration injected
    python -m maintenance.calibration harmless
    python -m maintenance.calibration slower --trials 20
    python -m maintenance.calibration beside

Exit codes: 0 every verdict was right, 1 one was not, 2 it could not be measured.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import itertools
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from asv.util import UserError
from sqlalchemy_asv.asv_ext import commands, settings
from sqlalchemy_asv.asv_ext.errors import stop
from sqlalchemy_asv.asv_ext.git import git as run_git
from sqlalchemy_asv.case import Case
from sqlalchemy_asv.compare import model, paired, running
from sqlalchemy_asv.compare.checkout import Checkout, checkouts
from sqlalchemy_asv.compare.metrics import METRICS
from sqlalchemy_asv.compare.model import Compared
from sqlalchemy_asv.compare.progress import say
from sqlalchemy_asv.compare.verdict import BETTER, MIXED, UNCHANGED, WORSE

from . import repeatability
from .harmless import HARMLESS
from .injections import FEED, INJECTIONS, SLOWER, Injection


@contextlib.contextmanager
def clone() -> Iterator[tuple[Checkout, Checkout]]:
    """Two sides in a clone of HEAD, which is the current folder until the end."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="calibration-") as folder:
        git("clone", "--quiet", str(before), folder)
        os.chdir(folder)
        try:
            with checkouts(settings.load(settings.COMMITS), "sqlite", fresh=True) as pair:
                yield pair
        finally:
            os.chdir(before)


def git(*arguments: str) -> str:
    """The output of a git command. Raises asv's `UserError`."""
    identity = ("-c", "user.name=calibration", "-c", "user.email=calibration@localhost")
    return run_git(".", *identity, *arguments)


def commit(message: str) -> str:
    """Commit all changes, if there are any; returns the hash."""
    git("commit", "--quiet", "--all", "--allow-empty", "--message", message)
    return git("rev-parse", "HEAD")


def inject(injection: Injection) -> str:
    """Commit a change on top of HEAD. Raises `UserError` if the code to change is gone."""
    file = Path("fixtures", injection.file)
    source = file.read_text(encoding="utf-8")
    if source.count(injection.old) != 1:
        raise UserError(f"{injection.name}: the place for it in {file} is gone")
    file.write_text(source.replace(injection.old, injection.new), encoding="utf-8")
    return commit(injection.name)


def identical(options: argparse.Namespace) -> int:
    """Compare two commits with the same code, again and again."""
    wrong: list[str] = []
    total = 0
    with clone() as (base, head):
        commits = git("rev-parse", "HEAD"), commit("the same")
        with repeatability.load(options.load):
            if options.time:
                wrong, total, figures = by_time(base, head, commits, options)
            else:
                wrong, total, figures = by_counts(base, head, commits, options)
    print(f"{total} comparisons of identical code, {len(wrong)} false verdicts; {figures}")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


def by_counts(
    base: Checkout, head: Checkout, commits: tuple[str, str], options: argparse.Namespace
) -> tuple[list[str], int, str]:
    """Count each side several times, and compare each count of one with each of the other."""
    runs: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    instructions = not options.no_instructions
    wrong: list[str] = []
    scenarios = 0
    for number in range(math.ceil(options.comparisons**0.5)):
        # Alternating, so that both are installed again.
        commits = commits[::-1]
        for side, commit, counted in zip((base, head), commits, runs, strict=True):
            counted.append(
                running.counted(side, commit, options.scenario or [""], instructions=instructions)
            )
        # Each new count with all others, so that a false verdict shows at once.
        for before, after in itertools.product(*runs):
            if before is not runs[0][-1] and after is not runs[1][-1]:
                continue
            # Copies: counting instructions again changes what was counted.
            compared = list(model.both(base.conf, *copy.deepcopy((before, after))))
            running.recount(base, head, compared)
            scenarios = len(compared)
            wrong += [f"{each.title}: {each.verdict}" for each in not_unchanged(compared)]
        say(f"{(number + 1) ** 2} comparisons: {len(wrong)} false verdicts so far")
    lines, _ = repeatability.summary(
        repeatability.spreads([by_key(run) for run in itertools.chain(*runs)]), 2 * len(runs[0])
    )
    print("\n".join(lines))
    figures = f"{scenarios} scenarios each, counted {len(runs[0])} times at each commit"
    return wrong, len(runs[0]) ** 2, figures


def by_key(run: dict[str, Any]) -> dict[repeatability.Key, float]:
    """The counts of one side as `repeatability` has them."""
    found: dict[repeatability.Key, float] = {}
    for title, counts in run["counts"].items():
        case = Case.parse(title)
        for metric in METRICS:
            if isinstance(counts, dict) and metric in counts:
                found[f"{case.scenario}.track_{metric}", case.argument_list] = counts[metric]
    return found


def not_unchanged(compared: list[Compared]) -> list[Compared]:
    return [each for each in compared if each.word != UNCHANGED]


def by_time(
    base: Checkout, head: Checkout, commits: tuple[str, str], options: argparse.Namespace
) -> tuple[list[str], int, str]:
    for side, hash in zip((base, head), commits, strict=True):
        side.install(hash)
        titles = side.result(
            "counts.count",
            scenarios=options.scenario or [r"^(social|ecommerce)\."],
            instructions=False,
        )["titles"]
    wrong: list[str] = []
    words: dict[str, int] = {}
    ratios, taken = [], []
    thresholds = {t: model.threshold(base.conf, t, "time") for t in titles}
    for number, together in enumerate(batched(titles, options.comparisons)):
        found = paired.compare(
            base,
            head,
            together,
            decided=paired.clear(thresholds),
            scenarios=len(titles),
            seconds=options.seconds,
            # Otherwise the same layouts come again.
            layouts=random.Random(number),
        )
        for title, estimate in found.items():
            verdict = estimate.outcome(thresholds[title])
            words[verdict] = words.get(verdict, 0) + 1
            ratios.append(estimate.ratio)
            taken.append(estimate.seconds)
            if verdict in (WORSE, BETTER):
                wrong.append(f"{title}: {verdict} {estimate.ratio:.3f}")
            say(
                f"{len(ratios)} {title}: {verdict} {estimate.ratio:.4f} {estimate.low:.4f}"
                f" {estimate.high:.4f}, {estimate.pairs} pairs, {estimate.seconds:.0f} s"
            )
    said = ", ".join(f"{number} {word}" for word, number in sorted(words.items()))
    figures = (
        f"{said}; ratios {min(ratios):.3f} to {max(ratios):.3f}; {sum(taken) / len(taken):.0f} s"
        " each"
    )
    return wrong, len(ratios), figures


def batched(titles: list[str], number: int) -> Iterator[list[str]]:
    """`number` titles in all, repeated as needed, in lists that have no title twice."""
    while number > 0:
        yield titles[:number]
        number -= len(titles)


def injected(options: argparse.Namespace) -> int:
    """Compare HEAD with each injected change, and look for its cause."""
    missed = 0
    with clone() as (base, head):
        first = git("rev-parse", "HEAD")
        for injection in (each for each in INJECTIONS if re.search(options.only, each.name)):
            git("reset", "--quiet", "--hard", first)
            commits = first, inject(injection)
            (found,) = judge(base, head, commits, [injection], time=options.time)
            cause = named(found, injection)
            missed += not is_found(found, injection) or cause is None
            said = cause or f"NOT NAMED in {found.causes}"
            print(f"{injection.name}: {found.verdict}; {said}", flush=True)
    return 1 if missed else 0


def harmless(options: argparse.Namespace) -> int:
    """Compare HEAD with each harmless change, over the whole catalogue."""
    false = compared = 0
    with clone() as (base, head), repeatability.load(options.load):
        first = git("rev-parse", "HEAD")
        for kind in (each for each in HARMLESS if re.search(options.only, each.name)):
            git("reset", "--quiet", "--hard", first)
            file = Path(kind.file)
            file.write_text(kind.made(file.read_text(encoding="utf-8")), encoding="utf-8")
            found = running.compare(
                base,
                head,
                (first, commit(kind.name)),
                options.scenario or [""],
                instructions=not options.no_instructions,
                time="none",
            ).compared
            wrong = [f"{each.title}: {each.verdict}" for each in not_unchanged(found)]
            compared, false = compared + len(found), false + len(wrong)
            said = "; ".join(wrong) or "none"
            print(f"{kind.name}: {len(found)} scenarios, false verdicts: {said}", flush=True)
    print(f"{compared} comparisons of harmless changes, {false} false verdicts")
    return 1 if false else 0


def judge(
    base: Checkout,
    head: Checkout,
    commits: tuple[str, str],
    injections: Sequence[Injection],
    instructions: bool = True,
    time: str = "none",
) -> list[Compared]:
    """The comparison of each injected change, by counts and, if asked for, by time."""
    # Growth shows over all sizes of a scenario.
    only = [each.scenario.partition("(")[0] for each in injections]
    compared = running.compare(
        base, head, commits, only, instructions=instructions, time=time
    ).compared
    by_title = {each.title: each for each in compared}
    return [by_title[each.scenario] for each in injections]


def is_found(found: Compared, injection: Injection) -> bool:
    """Whether the change is worse in the dimension that it is about."""
    return found.outcomes.get(injection.dimension) in (WORSE, MIXED)


def named(found: Compared, injection: Injection) -> str | None:
    """The cause that names the injected change."""
    return next((cause for cause in found.causes if re.search(injection.cause, cause)), None)


def slower(options: argparse.Namespace) -> int:
    """Check that a loop that takes longer is found, by time alone."""
    found = 0
    with clone() as (base, head):
        slow = next(each for each in INJECTIONS if each.name == SLOWER)
        first, second = git("rev-parse", "HEAD"), inject(slow)
        for side, hash in ((base, first), (head, second)):
            side.install(hash)
            side.result("counts.count", scenarios=[FEED], instructions=False)
        threshold = model.threshold(base.conf, FEED, "time")
        for trial in range(options.trials):
            estimate = paired.compare(
                base,
                head,
                [FEED],
                decided=paired.clear({FEED: threshold}),
                scenarios=options.scenarios,
                seconds=60,
                layouts=random.Random(trial),
            )[FEED]
            verdict = estimate.outcome(threshold)
            found += verdict == WORSE
            print(
                f"{trial + 1}: {verdict} {estimate.ratio:.4f} [{estimate.low:.4f},"
                f" {estimate.high:.4f}] after {estimate.pairs} pairs, {estimate.seconds:.0f} s",
                flush=True,
            )
    print(f"found in {found} of {options.trials} trials")
    return 0 if found >= 0.95 * options.trials else 1


EVERYDAY = r"^(social|ecommerce)\."
PLAIN = (
    "from asv.main import main; from sqlalchemy_asv.asv_ext import marks;"
    " marks.apply = lambda: None; main()"
)
"""asv with its own rule for which times differ."""


def marked(said: str) -> dict[str, str]:
    """The cases of `time_wall` that asv's table marks, and whether as "+", worse, or as "-"."""
    found = re.findall(r"^\| ([+-]) .*\| ([\w.]+)\.time_wall((?:\(.*\))?) +\|$", said, re.MULTILINE)
    return {f"{name}{arguments}": mark for mark, name, arguments in found}


def tally(marks: Mapping[str, str], changed: bool) -> tuple[bool, int]:
    """Whether the feed is marked as worse, and the number of other marks.

    If the feed was not `changed`, all marks are others, and false. Otherwise some may be right: of
    operations that use the same table, and of forms of the feed that became better.
    """
    right = [title for title, mark in marks.items() if changed and mark == "+" and "Feed" in title]
    return bool(right), len(marks) - len(right)


def beside(options: argparse.Namespace) -> int:
    """Compare identical code and changes of the feed, by plain asv and by this tool."""
    with clone() as (base, head):
        first = git("rev-parse", "HEAD")
        of_feed = [each for each in INJECTIONS if each.scenario == FEED]
        print("change, by: found, other cases marked, seconds")
        for change in (None, *(each for each in of_feed if re.search(options.only, each.name))):
            git("reset", "--quiet", "--hard", first)
            second = inject(change) if change else commit("the same")
            name = change.name if change else "identical code"
            for how, way in (("asv continuous", by_asv), ("compare", by_comparison)):
                start = time.monotonic()
                found, others = tally(way(base, head, first, second), change is not None)
                said = "-" if change is None else "found" if found else "not found"
                seconds = time.monotonic() - start
                print(f"{name}, {how}: {said}, {others}, {seconds:.0f} s", flush=True)
    return 0


def by_asv(_: Checkout, __: Checkout, first: str, second: str) -> dict[str, str]:
    """The cases whose times `asv continuous` marks, with its default settings."""
    bench = ("--bench", rf"{EVERYDAY}.*time_wall")
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, "continuous", *bench, first, second],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    # 1 if something is marked as worse.
    if done.returncode not in (0, 1):
        raise UserError(f"asv continuous ended with {done.returncode}: {done.stdout}")
    return marked(done.stdout)


def by_comparison(base: Checkout, head: Checkout, first: str, second: str) -> dict[str, str]:
    """The cases that are not unchanged: "-" for better, "+" for all else."""
    found = not_unchanged(running.compare(base, head, (first, second), [EVERYDAY]).compared)
    return {each.title: "-" if each.word == BETTER else "+" for each in found}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m maintenance.calibration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subcommands = parser.add_subparsers(required=True, metavar="WHAT")
    same = subcommands.add_parser("identical", help=identical.__doc__)
    same.add_argument("--comparisons", type=int, default=20)
    same.add_argument(
        "--scenario", action="append", help="(default: all; by time, everyday operations)"
    )
    same.add_argument("--time", action="store_true", help="by paired time, not by counts")
    same.add_argument("--seconds", type=float, default=60, help="for each, by time")
    same.add_argument("--no-instructions", action="store_true")
    same.add_argument("--load", action="store_true", help="keep the other processors busy")
    same.set_defaults(run=identical)
    changes = subcommands.add_parser("injected", help=injected.__doc__)
    changes.add_argument("--only", default="", help="a regular expression of names")
    changes.add_argument("--time", choices=("none", "changed"), default="none")
    changes.set_defaults(run=injected)
    costless = subcommands.add_parser("harmless", help=harmless.__doc__)
    costless.add_argument("--only", default="", help="a regular expression of names")
    costless.add_argument("--scenario", action="append", help="(default: all)")
    costless.add_argument("--no-instructions", action="store_true")
    costless.add_argument("--load", action="store_true", help="keep the other processors busy")
    costless.set_defaults(run=harmless)
    trials = subcommands.add_parser("slower", help=slower.__doc__)
    trials.add_argument("--trials", type=int, default=20)
    trials.add_argument("--scenarios", type=int, default=40, help="as if so many were compared")
    trials.set_defaults(run=slower)
    both = subcommands.add_parser("beside", help=beside.__doc__)
    both.add_argument("--only", default="", help="a regular expression of names")
    both.set_defaults(run=beside)
    options = parser.parse_args(arguments)
    commands.apply()
    try:
        return int(options.run(options))
    except UserError as error:
        stop(str(error))


if __name__ == "__main__":
    sys.exit(main())
