"""One commit with two versions of a package: what an upgrade does to an application."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from asv.util import UserError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ..words import how_often, several
from . import suites, verdict
from .checkout import Checkout
from .model import Compared, Comparison
from .progress import say
from .running import differing, listed

COMPILED = "import sqlalchemy.util as u; print(u.has_compiled_ext())"
MOST = 10
"""The warnings that are listed."""


def name_of(requirements: Sequence[Requirement]) -> str:
    """The one name of the requirements of both sides. Raises asv's `UserError` if they differ."""
    names = {canonicalize_name(each.name) for each in requirements}
    if len(names) > 1:
        raise UserError(f"{' and '.join(sorted(names))} are two packages: name two versions of one")
    return names.pop()


def installed(side: Checkout, commit: str, requirement: Requirement) -> str:
    """Install a commit with a version of a package; returns that as "name version".

    Raises asv's `UserError` if that fails.
    """
    side.replace([str(requirement)])
    say(f"installing {requirement}")
    side.install(commit)
    return named(side, requirement)


def named(side: Checkout, requirement: Requirement) -> str:
    name = canonicalize_name(requirement.name)
    version = side.installed["packages"].get(name)
    if version is None:
        raise UserError(f"the application does not depend on {name}")
    return f"{name} {version}"


def compare(
    base: Checkout,
    head: Checkout,
    commit: str,
    requirements: tuple[Requirement, Requirement],
    arguments: Sequence[str],
) -> Comparison:
    """Compare the tests of a commit with two versions of a package; `arguments` are pytest's.

    Raises asv's `UserError` if a version cannot be installed, or tests cannot be run.
    """
    sides = (base, head)
    names = (installed(base, commit, requirements[0]), installed(head, commit, requirements[1]))
    compared, remarks, runs = suites.of_runs(sides, names, arguments, calls=True)
    packages = differing(*(side.installed["packages"] for side in sides))
    more = [*builds(sides, names), *total(runs), *remarks, *others(packages, requirements)]
    more += warnings(runs)
    return suites.finished((commit, commit), names, compared, more, packages)


def others(
    packages: dict[str, tuple[str, str]], requirements: Sequence[Requirement]
) -> Iterator[str]:
    """The packages that differ beside the one that is upgraded, if there are any."""
    upgraded = name_of(requirements)
    if more := {name: versions for name, versions in packages.items() if name != upgraded}:
        yield f"other packages differ as well: {listed(more)}"


def builds(sides: Sequence[Checkout], names: Sequence[str]) -> Iterator[str]:
    """Whether SQLAlchemy has its compiled parts on each side."""
    said = []
    for side, name in zip(sides, names, strict=True):
        done = subprocess.run(
            [side.environment.find_executable("python"), "-c", COMPILED],
            capture_output=True,
            text=True,
            check=False,
            cwd=side.folder,
        )
        kind = {"True": "compiled", "False": "pure Python"}.get(done.stdout.strip(), "unknown")
        said.append((name, kind))
    (one, first), (other, second) = said
    if first == second:
        yield f"SQLAlchemy is {first} on both sides"
    else:
        yield f"SQLAlchemy is {first} with {one}, {second} with {other}: calls are not comparable"


def total(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The calls of all tests that pass on both sides, together."""
    common = [
        title
        for title, each in runs[0]["tests"].items()
        if all(run["tests"].get(title, {}).get("outcome") == "passed" for run in runs)
        and all(run["tests"][title].get("calls") for run in runs)
    ]
    before, after = (sum(run["tests"][title]["calls"] for title in common) for run in runs)
    if before:
        yield (
            f"calls of Python functions, {several(len(common), 'test')} together:"
            f" {before:,} → {after:,} ({after / before - 1:+.1%})"
        )


def warnings(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The warnings that only the second run gives, by the line that they are about."""

    def key(each: dict[str, Any]) -> tuple[str, str, str]:
        return each["category"], each["text"], each["file"]

    known = {key(each) for each in runs[0]["warnings"]}
    new: Counter[tuple[str, str, str, int]] = Counter()
    for each in runs[1]["warnings"]:
        if key(each) not in known:
            new[*key(each), each["line"]] += each["times"]
    for (category, text, file, line), number in list(new.items())[:MOST]:
        yield f"new warning, {how_often(number)}, at {file}:{line}: {category}: {text}"
    if len(new) > MOST:
        yield f"and {several(len(new) - MOST, 'more new warning')}"


def bisect(
    base: Checkout,
    head: Checkout,
    commit: str,
    requirements: tuple[Requirement, Requirement],
    test: str,
    versions: Callable[[str], Sequence[Version]],
) -> tuple[str, str, Compared]:
    """The first release with which a test does something else, the one before, and the difference.

    `versions` gives the releases of a package. Raises asv's `UserError` if the ends do not differ.
    """
    name = name_of(requirements)
    first = installed(base, commit, requirements[0])
    before = suites.run(base, first, [test])
    last = installed(head, commit, requirements[1])
    low, high = (Version(each.rpartition(" ")[2]) for each in (first, last))
    if low >= high:
        raise UserError(f"{first} is not older than {last}: name the older one first")

    def difference(label: str) -> Compared | None:
        compared, _ = suites.paired(base.conf, before, suites.run(head, label, [test]))
        changed = [each for each in compared if each.word != verdict.UNCHANGED]
        return changed[0] if changed else None

    found = difference(last)
    if found is None:
        raise UserError(f"{test} does the same with {first} and with {last}")
    between = [each for each in versions(name) if low < each < high]
    good, bad = first, last
    while between:
        middle = len(between) // 2
        label = installed(head, commit, Requirement(f"{name}=={between[middle]}"))
        changed = difference(label)
        if changed is None:
            good, between = label, between[middle + 1 :]
        else:
            found, bad, between = changed, label, between[:middle]
    return good, bad, found
