"""Commands of git for which asv has no function."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any


def git(folder: Path | str, *arguments: str, **options: Any) -> str:
    """The output of a git command. Raises `subprocess.CalledProcessError` if it fails."""
    done = subprocess.run(
        ["git", *arguments],  # noqa: S607 (asv needs git as well)
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        **options,
    )
    return str(done.stdout).strip()


def answer(folder: Path | str, *arguments: str) -> str | None:
    """The output of a git command; None if it fails."""
    try:
        return git(folder, *arguments, stderr=subprocess.DEVNULL)
    except subprocess.CalledProcessError:
        return None


def subject(repo: Any, commit: str) -> str:
    """The first line of the message of a commit of asv's repository; empty if it is not known."""
    return answer(repo._path, "log", "-1", "--format=%s", commit) or ""


def is_shallow(folder: Path | str) -> bool:
    return answer(folder, "rev-parse", "--is-shallow-repository") == "true"
