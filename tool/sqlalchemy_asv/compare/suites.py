"""The comparison of a test suite with itself: two commits, or two versions of what they use."""

from __future__ import annotations

import functools
import json
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from asv.util import UserError

from ..asv_ext import git
from ..asv_ext.errors import last_line
from ..environments import workers
from ..words import several
from . import verdict
from .causes import of_statements
from .checkout import NAMES, Checkout
from .indexes import made
from .metrics import MATTERS, METRICS
from .model import Compared, Comparison, judge, largest
from .progress import say
from .running import install_both, not_only_code, watched
from .verdict import WORDS

PLUGIN = "sqlalchemy_asv.pytest_plugin"
OWN_ORDER = ("-p", "no:randomly", "-p", "no:random_order")
"""pytest's options against plugins that draw the order of tests."""
NO_TESTS = 5
"""pytest's exit code."""
RAN = (0, 1)
"""Those of a run whose tests were all tried."""
COMPARED = ("outcome", *METRICS, "commits", "rollbacks", "sql", "lazily", "scanned")
"""What is looked at to tell whether anything differs."""
Run = dict[str, Any]
"""The counts of one run, as the plugin writes them."""


def compare(
    base: Checkout,
    head: Checkout,
    commits: tuple[str, str],
    arguments: Sequence[str],
    *,
    calls: bool = False,
    freeze: str | None = None,
) -> Comparison:
    """Compare the tests of two commits; `arguments` are pytest's.

    `freeze` is "base" or "head": the side whose requirements are installed on both. Each side runs
    its tests once, and once more in the opposite order if anything differs.

    Raises asv's `UserError` if a commit cannot be installed, or its tests cannot be run.
    """
    sides = (base, head)
    packages = install_both(sides, commits, freeze)
    names = base.named(commits[0]), head.named(commits[1])
    remarks = [not_only_code(packages)] if packages else []
    compared, more, _ = of_runs(sides, names, arguments, calls=calls)
    return finished(commits, names, compared, [*remarks, *more], packages)


def finished(
    commits: tuple[str, str],
    names: tuple[str, str],
    compared: list[Compared],
    remarks: list[str],
    packages: dict[str, tuple[str, str]],
) -> Comparison:
    """The comparison, worst first."""
    compared.sort(key=lambda each: (WORDS.index(each.word), -largest(each), each.title))
    number = sum(each.title != SCHEMA for each in compared)
    what = f"{number} test{'' if number == 1 else 's'}"
    what += " and their schema" if number < len(compared) else ""
    return Comparison(*commits, names, what, compared, remarks, packages=packages, heading="test")


def of_runs(
    sides: tuple[Checkout, Checkout],
    names: tuple[str, str],
    arguments: Sequence[str],
    *,
    calls: bool,
) -> tuple[list[Compared], list[str], list[Run]]:
    """The tests of both sides compared, remarks, and both runs. Raises asv's `UserError`."""
    first = [
        run(side, name, arguments, calls=calls) for side, name in zip(sides, names, strict=True)
    ]
    compared, remarks = paired(sides[0].conf, *first)
    doubtful = [each.title for each in compared if each.word != verdict.UNCHANGED]
    if any(title != SCHEMA for title in doubtful):
        say("running all tests once more, in the opposite order: some differ")
        second = [
            run(side, name, arguments, calls=calls, opposite=True)
            for side, name in zip(sides, names, strict=True)
        ]
        unstable = {
            title: moving(
                (one["tests"].get(title), other["tests"].get(title))
                for one, other in zip(first, second, strict=True)
            )
            for title in doubtful
        }
        compared, remarks = paired(sides[0].conf, *first, unstable=unstable)
    return compared, remarks, first


def run(
    side: Checkout,
    name: str,
    arguments: Sequence[str],
    *,
    calls: bool = False,
    opposite: bool = False,
) -> Run:
    """Run the tests of what is installed on a side. Raises asv's `UserError` if that fails."""
    say(f"running the tests of {name}{' in the opposite order' if opposite else ''}")
    file = side.folder / "counts.json"
    file.unlink(missing_ok=True)
    side.progress.unlink(missing_ok=True)
    # What an earlier run left there would be found by this one, and by no other machine.
    git.git(side.project, "clean", "-fdxq")
    # An order that is drawn anew would be another one at each run, and what failed last is of no
    # interest here.
    options = [f"--sqlalchemy-counts-file={file}", "-q", *OWN_ORDER]
    options += ["-o", f"cache_dir={side.folder / 'pytest'}"]
    shutil.rmtree(side.folder / "pytest", ignore_errors=True)
    options += ["--sqlalchemy-calls"] if calls else []
    options += ["--sqlalchemy-reversed"] if opposite else []
    if "sqlalchemy-asv" not in side.installed["packages"]:
        options = ["-p", PLUGIN, *options]
    command = side.module("pytest", *options, *arguments)
    run_it = functools.partial(workers.finished, command, side.progress)
    ((code, said),) = watched(f"tests of {name}", [side], [run_it])
    if code == NO_TESTS:
        raise UserError(f"there are no tests in {name}, or the arguments select none")
    if code not in RAN or not file.exists():
        raise UserError(f"the tests of {name} could not be run: {reason(said)}")
    found: Run = json.loads(file.read_text(encoding="utf-8"))
    return found


def reason(said: str) -> str:
    """The line of pytest's output that tells why it did not run."""
    lines = [line.strip() for line in said.splitlines()]
    for start in (r"E  +", r".*: error: ", r"ERROR:? ", r"INTERNALERROR> "):
        found = [match for line in lines if (match := re.match(f"{start}(.*)", line))]
        if found:
            return found[-1][1]
    return last_line(said)


def paired(
    conf: Any, base: Run, head: Run, *, unstable: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[list[Compared], list[str]]:
    """The tests of two runs by their names, and remarks on those that are not compared.

    `unstable` has what differs between two runs of one side, by test and by count.
    """
    compared: list[Compared] = []
    failing: list[str] = []
    drifting = 0
    for title in sorted({*base["tests"], *head["tests"]}):
        sides = [each["tests"].get(title) for each in (base, head)]
        outcomes = [side["outcome"] if side else None for side in sides]
        moved = (unstable or {}).get(title, {})
        said = f"differs between two runs of the same side: {'; '.join(moved.values())}"
        one = Compared(title)
        if "outcome" in moved:
            one.fixed, one.note = verdict.UNSTABLE, said
        elif all(outcome in FAILED for outcome in outcomes):
            failing.append(title)
            continue
        elif outcomes == ["skipped", "skipped"]:
            continue
        elif outcomes != ["passed", "passed"]:
            one.fixed, one.note = of_one_side(*sides)
        else:
            judged(conf, one, *sides, without=moved)
            if {*moved} == {"calls"} and not one.differs:
                drifting += 1
            elif one.differs and moved:
                one.causes.append(f"not judged, it {said}")
            elif moved:
                one.fixed, one.note = verdict.UNSTABLE, said
        compared.append(one)
    remarks = []
    if drifting:
        of_tests = several(drifting, "test")
        remarks.append(f"the calls of {of_tests} depend on the order of tests: no verdict")
    if failing:
        more = f" and {len(failing) - 1} more" if failing[1:] else ""
        why = head["tests"][failing[0]]["reason"]
        remarks.append(f"fails on both sides, not compared: {failing[0]}{more}: {why}")
    return [*compared, *of_schemas(base, head)], remarks


def of_one_side(base: Run | None, head: Run | None) -> tuple[str, str]:
    """The word for a test that passes on one side at most, and the reason."""
    if base is None:
        return verdict.ONLY_AT_HEAD, ""
    if head is None:
        return verdict.ONLY_AT_BASE, ""
    if head["outcome"] in FAILED:
        return verdict.FAILED_AT_HEAD, f"fails at head: {head['reason']}"
    if base["outcome"] in FAILED:
        return verdict.FAILED_AT_BASE, f"fails at base: {base['reason']}"
    if head["outcome"] == "skipped":
        return verdict.ONLY_AT_BASE, "skipped at head"
    return verdict.ONLY_AT_HEAD, "skipped at base"


CALLS = 0.02
"""The share of a test's calls up to which a difference is not worth a verdict."""
FEW_CALLS = 100
"""As many more are not worth one either."""
FAILED = ("failed", "error")
"""The outcomes of tests that did not do all that they do. Fewer statements are no improvement."""


def judged(
    conf: Any,
    one: Compared,
    base: dict[str, Any],
    head: dict[str, Any],
    *,
    without: Collection[str] = (),
) -> None:
    """Set the counts, the changes and the causes of a test that passes on both sides.

    The counts in `without` are not compared.
    """
    base, head = {**base}, {**head}
    for field in without:
        if field in METRICS:
            base.pop(field, None)
            head.pop(field, None)
        else:
            head[field] = base.get(field)
    one.counts = base, head
    # A table that a new statement reads is told by the statement; that another plan reads one for
    # the same statement, by nothing else.
    common = {text for text, _ in base["sql"]} & {text for text, _ in head["sql"]}
    for counts in one.counts:
        scans = [t for text in sorted(common) for t in counts["scanned"].get(text, ())]
        counts["full scans"] = len(scans)
        counts["scans"] = [[table, None] for table in scans]
    # The calls of a test are those of its client and of pytest as well.
    one.noise["calls"] = max(CALLS, FEW_CALLS / max(base.get("calls", 0), 1))
    judge(conf, one)
    if one.differs:
        one.causes = list(of_statements(*one.counts))
        if base.get("source") != head.get("source"):
            one.causes.append("the test itself has been changed")
        if base.get("calls") != head.get("calls") and not one.causes:
            one.causes = [f"{head['calls'] - base['calls']:+,} calls of Python functions"]
        if one.word == verdict.UNCHANGED:
            one.fixed = verdict.DIFFERENT


def moving(
    sides: Iterable[tuple[dict[str, Any] | None, dict[str, Any] | None]],
) -> dict[str, str]:
    """The counts that differ between two runs of one side, each with its values in words."""
    found: dict[str, list[str]] = {}
    for name, (first, second) in zip(NAMES, sides, strict=True):
        if first is None or second is None:
            if first is not second:
                found.setdefault("outcome", []).append(f"it ran only once at {name}")
            continue
        for field in COMPARED:
            one, other = first.get(field), second.get(field)
            if field == "sql":
                one, other = sorted(first.get(field, [])), sorted(second.get(field, []))
            if one != other and not small(field, one, other):
                shown = f" {one}, then {other}" if isinstance(one, int | str) else ""
                found.setdefault(field, []).append(f"{field} at {name}{shown}")
    return {field: ", ".join(said) for field, said in found.items()}


def small(field: str, one: Any, other: Any) -> bool:
    """Whether counts that are not exact differ by less than matters."""
    allowed = CALLS if field == "calls" else MATTERS.get(field)
    if not allowed or not one or not other:
        return False
    return bool(abs(other / one - 1) <= allowed)


SCHEMA = "the schema that the tests make"


def of_schemas(base: Run, head: Run) -> Iterator[Compared]:
    """The indexes that only base has, on tables that both have."""
    before, _, _ = made(base["schema"])
    after, tables, dropped = made(head["schema"])
    lost = sorted(index for index in before - after if index.table in tables)
    if not lost:
        return
    causes = []
    for index in lost:
        uses = re.compile(rf"(?<![\w$]){re.escape(index.table.rpartition('.')[2])}(?![\w$])")
        tests = [
            title
            for title, each in head["tests"].items()
            if any(uses.search(text) for text, _ in each.get("sql", ()))
        ]
        more = f" and {len(tests) - 2} more" if tests[2:] else ""
        used = f"; {', '.join(tests[:2])}{more} use the table" if tests else ""
        where = f", dropped at {dropped[index]}" if index in dropped else ""
        causes.append(f"{index} is not made any more{where}{used}")
    yield Compared(SCHEMA, schema=verdict.WORSE, causes=causes)
