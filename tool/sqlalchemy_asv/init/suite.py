"""What it takes to run an application's own tests: settings, and the packages that tests need."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asv.config import Config
from asv.util import UserError
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..asv_ext import settings
from ..environments import sources
from . import finding

NAMES = ("test", "tests", "testing", "dev", "develop", "development")
"""The extras and dependency groups that hold what tests need."""
FILES = (
    *(f"requirements-{name}.txt" for name in NAMES),
    *(f"requirements_{name}.txt" for name in NAMES),
    *(f"{name}-requirements.txt" for name in NAMES),
    *(f"requirements/{name}.txt" for name in NAMES),
    "tests/requirements.txt",
)
"""Files of requirements that do."""


def settings_for(here: Path, path: str | None) -> Any:
    """The settings for running the tests of an application: those that exist, or made now.

    With the packages that its tests need in addition. Raises asv's `UserError` if there is no
    repository.
    """
    if path or (here / settings.COMMITS).exists():
        conf = settings.load(path or settings.COMMITS)
    else:
        conf = _made(here)
    folder = Path(conf.repo, conf.repo_subdir or "")
    if settings.dependency(conf):
        name = path or settings.COMMITS
        raise UserError(f"{name} is about releases of a dependency: `upgrade` compares those")
    found = copy.copy(conf)
    own = settings.own(conf)
    found.sqlalchemy_asv = {**own, **packages(folder if folder.is_dir() else here, own)}
    return found


def _made(here: Path) -> Any:
    """asv's settings for a repository that has none."""
    root = finding.root_of(here)
    folder = finding.folder_of(here.resolve(), root)
    below = folder.relative_to(root).as_posix()
    return Config.from_json(
        {
            "version": 1,
            "project": folder.name,
            "repo": os.path.relpath(root, here),
            "repo_subdir": "" if below == "." else below,
            "branches": ["HEAD"],
            "dvcs": "git",
            "environment_type": "sqlalchemy-asv",
            "env_dir": ".asv/env",
        }
    )


def packages(folder: Path, own: dict[str, Any]) -> dict[str, Any]:
    """The settings that bring the packages of tests, by what the working tree says of them."""
    content = sources.project(folder)
    extras = content.get("project", {}).get("optional-dependencies", {})
    groups = content.get("dependency-groups", {})
    more = [*own.get("measuring_requirements", []), *own.get("test_requirements", [])]
    for name in FILES:
        if (folder / name).is_file() and name not in own.get("requirements", ()):
            more += requirements_in(folder / name)
    if "pytest" not in map(sources.name_of, more):
        more.append("pytest")
    return {
        "extras": _with(own.get("extras", []), extras),
        "groups": _with(own.get("groups", []), groups),
        "measuring_requirements": more,
    }


def _with(stated: list[str], known: dict[str, Any]) -> list[str]:
    return [*stated, *(n for n in known if canonicalize_name(n) in NAMES and n not in stated)]


def requirements_in(file: Path) -> Iterator[str]:
    """The requirements that a file names by itself: not those of files that it includes."""
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        # Hashes stand on the lines below, after a backslash.
        text = line.partition(" #")[0].strip().removesuffix("\\").strip()
        try:
            yield str(Requirement(text))
        except InvalidRequirement:
            continue  # a comment, an option, a path
