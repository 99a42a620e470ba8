"""Commits, and the results that asv stored of them. An error ends the command with one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from asv import util
from asv.benchmarks import Benchmarks
from asv.machine import Machine
from asv.repo import NoSuchNameError, get_repo
from asv.results import Results
from asv.util import UserError

from . import git, settings
from .errors import stop
from .machine import this_machine


def commit_hash(conf: Any, name: str) -> str:
    """The full hash of a commit. Raises asv's `UserError` if the name is not that of one commit."""
    if ".." in name or name.startswith("^") or name.endswith(("^!", "^@", "^-")):
        raise UserError(f"{name} is a range of commits: name one commit")
    try:
        return str(get_repo(conf).get_hash_from_name(name))
    except NoSuchNameError as error:
        if git.is_shallow(get_repo(conf)._path):
            raise UserError(shallow(name)) from error
        releases = any(Path().glob(settings.RELEASES))
        made = ", or a release of which `sqlalchemy-asv releases` has made one" if releases else ""
        raise UserError(f"there is no commit {name}: name one that git knows{made}") from error


def benchmarks(conf: Any) -> Any:
    """The benchmarks, as the last run of asv has found them; empty before the first run."""
    found = Path(conf.results_dir, "benchmarks.json").exists()
    return Benchmarks.load(conf) if found else {}


WORKING_TREE = "the working tree"
_working_trees: set[str] = set()


def working_tree(conf: Any) -> str:
    """A commit of the working tree, with all that is not committed; HEAD if there is nothing."""
    commit = git.commit_of_working_tree(get_repo(conf)._path)
    _working_trees.add(commit)
    return commit


def shallow(name: str) -> str:
    """A line about a commit that a shallow clone lacks."""
    return f"this clone is shallow and lacks {name}: `git fetch --unshallow` gets the rest"


def named(conf: Any, commit: str) -> str:
    """The name that people know a commit by: its tag if it has one, else the start of its hash."""
    if commit in _working_trees:
        return WORKING_TREE
    tags: dict[str, str] = get_repo(conf).get_tags()
    return next((tag for tag, tagged in tags.items() if tagged == commit), commit[:8])


class Accepted(NamedTuple):
    """A cost that a commit accepts, in a trailer `Cost-accepted: SCENARIO REASON`."""

    commit: str
    """The full hash."""
    scenario: str
    """Its name, with or without parameters."""
    reason: str


_TRAILER = re.compile(r"(?P<scenario>[\w.]+(?:\(.*?\))?)\s*(?P<reason>.*)")


def accepted(conf: Any, *commits: str) -> list[Accepted]:
    """The costs that commits accept; commits as for `git log`, such as `1234abcd..HEAD`."""
    form = "--format=%H%x09%(trailers:key=Cost-accepted,valueonly,unfold,separator=%x09)"
    log = git.git(get_repo(conf)._path, "log", form, *commits)
    found = []
    for line in log.splitlines():
        commit, *values = line.split("\t")
        for value in filter(None, values):
            match = _TRAILER.match(value)
            if match:
                found.append(Accepted(commit, match["scenario"], match["reason"]))
    return found


def machine_of(conf: Any, asked: str | None) -> str:
    """The machine whose results are meant: the one asked for, this one, or the only one."""
    folder = Path(conf.results_dir)
    known = sorted(file.parent.name for file in folder.glob("*/machine.json"))
    machine = asked or this_machine()
    if machine in known:
        return str(machine)
    if asked or not known:
        listed = f"; there are: {', '.join(known)}" if known else ""
        whose = f"the machine {asked}" if asked else "this machine"
        stop(f"there are no results of {whose}{listed or ': `asv run HEAD^!` measures a commit'}")
    if len(known) > 1:
        stop(f"say whose results are meant: --machine {' or '.join(known)}")
    return known[0]


def results_of(conf: Any, machine: str, commit: str) -> list[Results]:
    """The stored results of a commit, one for each environment.

    Ends with one line if there are none, or if a file is damaged.
    """
    folder = Path(conf.results_dir, machine)
    # Loaded here: asv passes over a file that it cannot read.
    util.load_json(str(folder / "machine.json"), Machine.api_version)
    found = [
        Results.load(str(file), machine_name=machine)
        for file in sorted(folder.glob(f"{commit[:8]}-*.json"))
    ]
    if not found:
        stop(never_measured(commit, machine))
    return found


def never_measured(commit: str, machine: str) -> str:
    """A line that names the command which makes the missing results."""
    return f"commit {commit[:8]} was never measured on {machine}: `asv run {commit[:8]}^!` does it"
