"""asv's settings, commits, and their results; or one line that says what is wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from asv.config import Config
from asv.repo import NoSuchNameError, get_repo
from asv.results import Results, iter_results_for_machine_and_hash
from asv.util import UserError

from . import defaults, servers

COMMITS = "asv.conf.json"
"""asv's settings for this repository's commits."""


def settings(path: str) -> Any:
    try:
        defaults.insist_on_repository(path)
        return Config.load(path)
    except (UserError, OSError, ValueError) as error:
        return servers.stop(f"the settings {path} cannot be read: {error}")


def settings_with(path: str | None, *names: str) -> Any:
    """Settings in whose repository commits of these names are, those of the commits first.

    That is how `2.0.30` means a release. Where a `path` is given, those settings and no others.
    """
    if path:
        return settings(path)
    for other in Path().glob("asv.releases*.conf.json"):
        conf = Config.load(str(other))
        if not Path(conf.repo).exists():
            continue
        if set(names) <= set(get_repo(conf).get_tags()):
            return conf
    return settings(COMMITS)


def commit_hash(conf: Any, name: str) -> str:
    """The full hash of a commit. Raises asv's `UserError` if there is none of the name."""
    try:
        return str(get_repo(conf).get_hash_from_name(name))
    except NoSuchNameError as error:
        raise UserError(
            f"there is no commit {name}: name one that git knows, or a release of which"
            " `sqlalchemy-asv releases` has made one"
        ) from error


def named(conf: Any, commit: str) -> str:
    """What people call a commit: its tag, as releases have one, or the start of its hash."""
    tags: dict[str, str] = get_repo(conf).get_tags()
    return next((tag for tag, tagged in tags.items() if tagged == commit), commit[:8])


def machine_of(conf: Any, asked: str | None) -> str:
    """The machine whose results are meant: the one asked for, this one, or the only one."""
    folder = Path(conf.results_dir)
    known = sorted(file.parent.name for file in folder.glob("*/machine.json"))
    machine = asked or defaults.this_machine()
    if machine in known:
        return str(machine)
    if asked or not known:
        listed = f"; there are: {', '.join(known)}" if known else ""
        servers.stop(f"there are no results of the machine {asked or 'here'}{listed}")
    if len(known) > 1:
        servers.stop(f"say whose results are meant: --machine {' or '.join(known)}")
    return known[0]


def results_of(conf: Any, machine: str, commit: str) -> list[Results]:
    """What was measured of a commit, one for each environment.

    Ends with one line if that is nothing, or if a file is damaged.
    """
    # asv passes over a file that it cannot read, and says so.
    found = list(iter_results_for_machine_and_hash(conf.results_dir, machine, commit))
    files = sorted(Path(conf.results_dir, machine).glob(f"{commit[:8]}-*.json"))
    if len(found) < len(files):
        names = " or ".join(file.name for file in files)
        servers.stop(f"results are damaged: remove {names} of {machine}, and measure again")
    if not found:
        servers.stop(f"commit {commit[:8]} was never measured on {machine}: asv run {commit[:8]}^!")
    return found


def git(repo: Any, *arguments: str) -> str:
    """What a command of git prints that asv has no word for; empty where it fails."""
    done = subprocess.run(
        ["git", *arguments],  # noqa: S607 (asv needs git as well)
        cwd=repo._path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def subject(repo: Any, commit: str) -> str:
    """The first line of a commit's message; empty where it is not known."""
    return git(repo, "log", "-1", "--format=%s", commit)
