"""Commands of git for which asv has no function."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from asv.util import UserError

MISSING = "git is missing: install it"
PLAIN = ("-c", "log.showSignature=false", "-c", "core.quotePath=false")
"""Output without what a user's own settings may add to it."""


def git(folder: Path | str, *arguments: str, **options: Any) -> str:
    """The output of a git command. Raises asv's `UserError` with git's reason if it fails."""
    try:
        done = subprocess.run(
            ["git", *PLAIN, *arguments],  # noqa: S607 (asv needs git as well)
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            **options,
        )
    except FileNotFoundError as error:
        raise UserError(MISSING if error.filename == "git" else str(error)) from None
    if done.returncode:
        command = next(
            (each for each in arguments if not each.startswith("-") and "=" not in each), ""
        )
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise UserError(f"git {command} failed: {lines[0].removeprefix('fatal: ')}")
    return str(done.stdout).strip()


def answer(folder: Path | str, *arguments: str) -> str | None:
    """The output of a git command that asks whether there is something; None if there is not."""
    try:
        return git(folder, *arguments)
    except UserError:
        return None


def insist(folder: Path | str) -> None:
    """Raise asv's `UserError`, with the remedy, if git cannot work in a folder."""
    try:
        git(folder, "rev-parse", "--git-dir")
    except UserError as error:
        if "dubious ownership" in str(error):
            raise UserError(
                "this clone belongs to another user, so git refuses to read it:"
                f" `git config --global --add safe.directory {Path(folder).resolve()}` allows it"
            ) from None
        raise


def subject(repo: Any, commit: str) -> str:
    """The first line of the message of a commit of asv's repository; empty if it is not known."""
    return answer(repo._path, "log", "-1", "--format=%s", commit) or ""


def changed(folder: Path | str, *without: str) -> list[str]:
    """The files whose changes are not committed, and new modules; not those below some folders.

    `folder` is the repository's; those folders are named as seen from the current one.
    """
    root = Path(folder).resolve()
    paths = [Path(each).resolve() for each in without]
    others = [f":!{each.relative_to(root)}" for each in paths if each.is_relative_to(root)]
    tracked = git(folder, "diff", "--name-only", "HEAD", "--", ".", *others)
    new = git(folder, "ls-files", "--others", "--exclude-standard", "--", "*.py", *others)
    return [*tracked.splitlines(), *new.splitlines()]


def commit_of_working_tree(folder: Path | str) -> str:
    """A commit of everything in a working tree that git does not ignore, on top of HEAD.

    No branch, index or file changes: git has one more commit that nothing names. The same content
    gives the same commit.
    """
    head, date, tree = git(folder, "log", "-1", "--format=%H %cI %T").split()
    with tempfile.TemporaryDirectory() as temporary:
        index = {**os.environ, "GIT_INDEX_FILE": str(Path(temporary, "index"))}
        git(folder, "read-tree", head, env=index)
        top = git(folder, "rev-parse", "--show-toplevel")
        git(top, "add", "--all", env=index)
        if (now := git(folder, "write-tree", env=index)) == tree:
            return head
    somebody = {
        f"GIT_{role}_{name}": value
        for role in ("AUTHOR", "COMMITTER")
        for name, value in (("NAME", "nobody"), ("EMAIL", "nobody@localhost"), ("DATE", date))
    }
    said = ("commit-tree", now, "-p", head, "-m", "The working tree")
    return git(folder, *said, env={**os.environ, **somebody})


def is_shallow(folder: Path | str) -> bool:
    return answer(folder, "rev-parse", "--is-shallow-repository") == "true"
