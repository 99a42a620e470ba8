"""All that is recorded of a history, as the pages of the site read it."""

from __future__ import annotations

import dataclasses
import math
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from asv.results import Results
from asv.util import UserError

from ..asv_ext import git, settings
from ..case import Case, split
from ..compare import metrics
from ..compare.metrics import EXACT, MATTERS, METRICS, unexplained
from ..compare.verdict import DIMENSIONS, outcome, word
from ..options import DATABASE

DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}
"""Names as their projects write them."""
Values = dict[str, float]
"""The value of a case at each commit, by the commit's hash."""


@dataclasses.dataclass(frozen=True)
class Commit:
    """A commit that has results."""

    hash: str
    name: str
    """Its tag, or the start of its hash."""
    subject: str
    date: int
    """Milliseconds since 1970."""
    before: str | None
    """The hash of the nearest ancestor that has results. Commits of two branches that were measured
    one after the other are not compared with each other, but with the commit where they part."""
    branches: tuple[str, ...]
    """Those of the settings that have it."""


@dataclasses.dataclass(frozen=True, order=True)
class Environment:
    """Where commits were measured: figures of different environments are not compared."""

    machine: str
    name: str
    """asv's name for it."""
    database: str
    python: str

    def title(self, among: Collection[Environment]) -> str:
        """A name that tells it from the others."""
        parts = [DATABASES.get(self.database, self.database)]
        if len({each.python for each in among}) > 1:
            parts.append(f"Python {self.python}")
        if len({each.machine for each in among}) > 1:
            parts.append(f"on {self.machine}")
        alike = [e for e in among if (e.database, e.python, e.machine) == self._key()]
        return ", ".join([*parts, self.name] if len(alike) > 1 else parts)

    def _key(self) -> tuple[str, str, str]:
        return self.database, self.python, self.machine


@dataclasses.dataclass
class Recorded:
    """The results of a history."""

    commits: dict[str, Commit]
    """By hash, the oldest first."""
    values: dict[Environment, dict[str, dict[str, Values]]]
    """By environment, metric such as "instructions" or "time_wall", and title of the case."""
    results: dict[tuple[Environment, str], Results]
    """asv's own form of them, by environment and hash."""
    branch: str
    """The branch that pages show first."""
    dependency: str
    """The one whose releases the commits are; empty if they are a repository's own."""
    damaged: list[str]
    """A line for each file that cannot be read."""

    @property
    def environments(self) -> list[Environment]:
        """Those with figures, in the order of the pages: SQLite comes first."""
        return sorted(self.values, key=lambda e: (e.database != "sqlite", e))

    def of_branch(self, environment: Environment) -> list[Commit]:
        """The commits of the first branch with results of an environment, the oldest first."""
        found = {
            commit
            for of_metric in self.values[environment].values()
            for values in of_metric.values()
            for commit in values
        }
        return [c for c in self.commits.values() if c.hash in found and self.branch in c.branches]

    def counted(self, environment: Environment, title: str | None = None) -> set[str]:
        """The hashes of commits with counts of a case, or of any: times are not compared."""
        return {
            commit
            for metric, of_metric in self.values[environment].items()
            if metric in METRICS
            for values in (of_metric.values() if title is None else [of_metric.get(title, {})])
            for commit in values
        }

    def before(self, known: Collection[str], commit: Commit) -> Commit | None:
        """The nearest ancestor of a commit that is among the known hashes."""
        hash = commit.before
        while hash is not None and hash not in known:
            hash = self.commits[hash].before
        return self.commits[hash] if hash is not None else None


def read(conf: Any, repo: Any, benchmarks: Any) -> Recorded:
    """The results of all machines that belong to the current versions of benchmarks.

    They are read once for all pages of one `asv publish`, whose settings are one object.
    """
    if conf not in _read:
        _read[conf] = _of_files(conf, repo, benchmarks)
    return _read[conf]


_read: weakref.WeakKeyDictionary[Any, Recorded] = weakref.WeakKeyDictionary()


def _of_files(conf: Any, repo: Any, benchmarks: Any) -> Recorded:
    found: list[Results] = []
    damaged = []
    for file in sorted(Path(conf.results_dir).glob("*/*.json")):
        if file.name == "machine.json":
            continue
        try:
            found.append(Results.load(str(file), machine_name=file.parent.name))
        except (UserError, ValueError, TypeError, AttributeError, LookupError):
            damaged.append(f"{file.parent.name}/{file.name} is damaged and left out")
    commits = in_order(conf, repo, {each.commit_hash: each.date for each in found})
    kept = {
        (environment_of(each), each.commit_hash): each
        for each in found
        if each.commit_hash in commits
    }
    values: dict[Environment, dict[str, dict[str, Values]]] = {}
    for (environment, commit), results in kept.items():
        for metric, title, value in figures(results, benchmarks):
            of_metric = values.setdefault(environment, {}).setdefault(metric, {})
            of_metric.setdefault(title, {})[commit] = value
    first = repo.get_branch_name(conf.branches[0])
    return Recorded(commits, values, kept, first, settings.dependency(conf), damaged)


def environment_of(results: Results) -> Environment:
    return Environment(
        str(results.params["machine"]),
        str(results.env_name),
        str(results.env_vars.get(DATABASE) or "sqlite"),
        str(results.params["python"]),
    )


def figures(results: Results, benchmarks: Any) -> Iterator[tuple[str, str, float]]:
    """Metric, title and value of each case of a file, without those that are n/a."""
    for name in results.get_result_keys(benchmarks):
        params = results.get_result_params(name)
        values = results.get_result_value(name, params) or []
        metric = split(name)[1].removeprefix("track_")
        for case, value in zip(Case.of_benchmark(name, params), values, strict=False):
            if value is not None and not math.isnan(value):
                yield metric, case.title, value


def in_order(conf: Any, repo: Any, dates: Mapping[str, int]) -> dict[str, Commit]:
    """The commits that the repository knows, parents before children, by date where it can be."""
    known = dict(_subjects(repo, dates))
    names = {hash: tag for tag, hash in repo.get_tags().items()}
    branches = {
        repo.get_branch_name(each): {*repo.get_branch_commits(each)} for each in conf.branches
    }
    before, order = _ancestors(repo, known.keys())
    return {
        hash: Commit(
            hash,
            names.get(hash, hash[: conf.hash_length]),
            known[hash],
            dates[hash],
            before[hash],
            tuple(name for name, of_branch in branches.items() if hash in of_branch),
        )
        for hash in order
    }


def _subjects(repo: Any, commits: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Hash and first line of the message of the commits that the repository has."""
    asked = "".join(f"{each}\n" for each in commits)
    form = "--batch-check=%(objecttype) %(objectname)"
    kinds = git.git(repo._path, "cat-file", form, input=asked).splitlines()
    there = [line.split()[1] for line in kinds if line.startswith("commit ")]
    if there:
        stdin = "".join(f"{each}\n" for each in there)
        log = ("log", "--no-walk=unsorted", "--format=%H%x09%s", "--stdin")
        for line in git.git(repo._path, *log, input=stdin).splitlines():
            hash, _, subject = line.partition("\t")
            yield hash, subject


def _ancestors(repo: Any, commits: Collection[str]) -> tuple[dict[str, str | None], list[str]]:
    """The nearest of the commits among the ancestors of each, and all of them in order."""
    if not commits:
        return {}, []
    stdin = "".join(f"{each}\n" for each in commits)
    walk = ("rev-list", "--parents", "--date-order", "--reverse", "--stdin")
    nearest: dict[str, str | None] = {}
    order = []
    for line in git.git(repo._path, *walk, input=stdin).splitlines():
        hash, *parents = line.split()
        candidates = (p if p in commits else nearest.get(p) for p in parents)
        nearest[hash] = next(filter(None, candidates), None)
        if hash in commits:
            order.append(hash)
    return nearest, order


# --- what changed ---------------------------------------------------------------------------------


LEAST = {**metrics.LEAST, "retained_bytes": 20_000}
"""The differences below which a metric is no change on the pages. The tables that outlive a hundred
mapped classes took 194 to 18,736 bytes in eight releases that left the same objects behind."""
WORTH = {"calls": 0.01, "instructions": 0.01, "allocated": 0.05, "retained_bytes": 0.05}
"""The shares up to which a difference of recorded counts says nothing.

They were counted in one layout of memory each. `compare` counts small differences again in others,
so it tells smaller ones: see `compare.metrics`. Layouts move the instructions of small operations
by up to 0.7%, and bytes by up to 4% where the order of statements depends on them.
"""


def differs(metric: str, base: float, head: float) -> bool:
    """Whether two values of a count differ by more than layouts of memory explain."""
    if metric in EXACT or base == head:
        return base != head
    if metric not in MATTERS or abs(head - base) < LEAST.get(metric, 0):
        return False
    return base <= 0 or abs(head / base - 1) > WORTH.get(metric, MATTERS[metric])


NAMES = {
    "calls": "Python calls",
    "allocated": "peak memory",
    "retained": "objects left behind",
    "retained_bytes": "bytes left behind",
    "compiled": "statements compiled",
    "cache_entries": "cache entries",
    "time_wall": "time",
}


def named(metric: str) -> str:
    """The name of a metric on the pages."""
    return NAMES.get(metric, metric.replace("_", " "))


def changed(base: Mapping[str, float], head: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """The counts of a case that differ, by metric."""
    return {
        metric: (base[metric], head[metric])
        for metric in base.keys() & head.keys()
        if differs(metric, base[metric], head[metric])
    }


def verdict(changes: Mapping[str, tuple[float, float]]) -> str:
    """The word of `compare.verdict` for changes of counts."""
    decide = unexplained([(metric, head > base) for metric, (base, head) in changes.items()])
    rose = {metric for metric, more in decide if more}
    fell = {metric for metric, more in decide if not more}
    return word({n: outcome(rose & {*of}, fell & {*of}) for n, of in DIMENSIONS.items()})


def runs(values: Mapping[str, Any], commits: Iterable[Commit]) -> list[list[Any]]:
    """Values by commit as pairs, one for each change: the number of a commit, and the value.

    The value is None from where there is none.
    """
    found: list[list[Any]] = []
    for number, commit in enumerate(commits):
        value = values.get(commit.hash)
        if (found[-1][1] if found else None) != value:
            found.append([number, value])
    return found
