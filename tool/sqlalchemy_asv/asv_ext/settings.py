"""asv's settings, and the tool's own within them.

The tool's own settings are under "sqlalchemy_asv" in those of asv:

- "extras", "groups": optional dependencies and dependency groups of a commit to install.
- "requirements": a commit's files of requirements, where they are not to be found by their names.
- "package": whether a commit is a package; by default, by its `pyproject.toml` and `setup.py`.
- "pythonpath": folders of an application that is no package; by default "src" or ".".
- "measuring_requirements", "measuring_extras": requirements, and optional dependencies of the
  working tree's `pyproject.toml`, that measuring needs at every commit, such as Locust.
- "test_requirements": requirements of the application's tests, where they are not found.
- "metadata": the tables, such as "shop.models:Base.metadata", or several of these.
- "alembic": the path of a commit's `alembic.ini`, if its migrations make the schema.
- "database_url": the variables, or the one, in which the application reads its database's address.
- "engine": an engine that the application makes when it is imported, such as "shop.db:engine".
- "drivers": the drivers of these addresses, such as {"postgresql": "asyncpg"}.
- "environment": variables that the application reads when it is imported, with their values, or
  null for the value that is set when the command is called.
- "env_file": a file with more of them, such as ".env".
- "working_tree": files and folders of the working tree that every commit is measured with. A commit
  then holds nothing but a `requirements.txt` with one exact pin.
- "pre_releases": whether the history of a dependency has its pre-releases.
- "headlines": cases whose instructions the site's first page draws over the commits.
- "document": a page of Markdown about the history, for the site.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from pathlib import Path
from typing import Any

import dotenv
from asv.config import Config
from asv.repo import get_repo
from asv.util import UserError

from .. import options
from . import git
from .errors import stop

TOLD = ("metadata", "alembic", "database_url", "drivers", "engine")
"""The tool's own settings that processes under test need."""
INSTALLING = (
    *("extras", "groups", "requirements", "package", "pythonpath"),
    *("measuring_requirements", "measuring_extras"),
)
"""Those that decide how a commit is installed."""
KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("metadata", "database_url", "pythonpath"), (str, list)),
    **dict.fromkeys(("extras", "groups", "requirements", "test_requirements"), (list,)),
    **dict.fromkeys(("measuring_requirements", "measuring_extras"), (list,)),
    **dict.fromkeys(("working_tree", "headlines"), (list,)),
    **dict.fromkeys(("drivers", "environment"), (dict,)),
    **dict.fromkeys(("package", "pre_releases"), (bool,)),
    **dict.fromkeys(("alembic", "engine", "env_file", "document"), (str,)),
}
"""All of the tool's own settings, with the types of their values."""
SAID = {
    list: "a list",
    str: "a text in quotes",
    dict: "names with values, {…}",
    bool: "true or false",
}
PLACES = ("repo", "benchmark_dir", "results_dir", "env_dir", "html_dir")
"""Settings that are paths."""

COMMITS = "asv.conf.json"
"""asv's settings for a repository's own commits."""
RELEASES = "asv.releases*.conf.json"
"""asv's settings for the releases of dependencies, as a pattern of names."""


def own(conf: Any) -> dict[str, Any]:
    """The tool's own settings."""
    found: dict[str, Any] = getattr(conf, "sqlalchemy_asv", {})
    return found


def load(path: str) -> Any:
    """asv's settings in a file. Ends with one line if they cannot be read, or are of no use."""
    conf = _read(path)
    insist(conf, path)
    return conf


def _read(path: str) -> Any:
    if path == COMMITS and not Path(path).exists():
        stop(
            f"there is no {COMMITS} in this folder: change to the folder that has it, or make it by"
            " `sqlalchemy-asv init`"
        )
    try:
        return Config.load(path)
    except (UserError, OSError, ValueError, TypeError, AttributeError) as error:
        stop(f"the settings {path} cannot be read: {error}")


def insist(conf: Any, path: str = "of asv") -> None:
    """Stop if settings have the wrong type, or name a repository that git cannot read.

    If a history has not been made, name the command for it; asv would take its place for a URL.
    """
    for name in PLACES:
        if not isinstance(place := getattr(conf, name), str):
            stop(f"the settings {path} have {place!r} for {name!r}: it takes a path in quotes")
    for pattern in conf.regressions_thresholds:
        try:
            re.compile(pattern)
        except re.error as error:
            stop(f"{pattern!r} in regressions_thresholds is no regular expression: {error}")
    if not isinstance(own(conf), dict):
        stop(f"the settings {path} have {own(conf)!r} for `sqlalchemy_asv`: it takes {{…}}")
    for name, value in own(conf).items():
        if name not in KINDS:
            close = difflib.get_close_matches(name, KINDS, 1)
            meant = f": did you mean {close[0]}?" if close else f"; there are {', '.join(KINDS)}"
            stop(
                f"the settings {path} have the unknown name {name!r} under `sqlalchemy_asv`{meant}"
            )
        if not isinstance(value, KINDS[name]):
            takes = " or ".join(SAID[kind] for kind in KINDS[name])
            stop(
                f"the settings {path} have {value!r} for {name!r} under `sqlalchemy_asv`: it takes"
                f" {takes}"
            )
    if conf.repo.startswith(".asv/") and not Path(conf.repo).exists():
        stop(f"there is no history in {conf.repo} yet: `sqlalchemy-asv releases` makes it")
    if conf.dvcs in (None, "git"):
        if Path(conf.repo).is_dir():
            git.insist(conf.repo)
        elif not re.search(r"://|@|\.git$", conf.repo):
            stop(f"the settings {path} name the repository {conf.repo}, which is not there")


def with_commits(path: str | None, *names: str) -> Any:
    """The settings whose repository has commits of these names.

    If all names are tags of one history of releases, such as `2.0.30`, they are that history's
    settings, else those of the commits. A `path` overrides both. Ends with one line if the names
    are tags of both.
    """
    if path:
        return load(path)
    own_commits = load(COMMITS)
    for other in sorted(Path().glob(RELEASES)):
        conf = _read(str(other))
        if not (isinstance(conf.repo, str) and Path(conf.repo).exists()):
            continue
        insist(conf, str(other))
        if set(names) <= set(get_repo(conf).get_tags()):
            if set(names) <= set(get_repo(own_commits).get_tags()):
                said = " and ".join(names)
                stop(f"{said} are tags of two repositories: say --config {COMMITS} or {other}")
            return conf
    return own_commits


def for_processes(conf: Any) -> dict[str, str]:
    """The variables of processes in an environment. Stops if one is missing that settings name."""
    mine = own(conf)
    told = {name: mine[name] for name in TOLD if mine.get(name)}
    if conf.repo_subdir:
        told["subfolder"] = conf.repo_subdir
    found: dict[str, str] = {}
    if file := mine.get("env_file"):
        if not Path(file).is_file():
            stop(f"there is no {file}, which `env_file` in the settings names")
        values = dotenv.dotenv_values(file)
        found |= {name: value for name, value in values.items() if value is not None}
    for name, value in mine.get("environment", {}).items():
        value = os.environ.get(name, found.get(name)) if value is None else value
        if value is None:
            stop(f"{name} is not set, which `environment` in the settings names: export it")
        found[name] = value
    if found:
        told["variables"] = sorted(found)
    return {
        **found,
        options.APPLICATION: json.dumps(told),
        options.IMAGES: str(Path(".asv", "images").absolute()),
    }


def dependency(conf: Any) -> str:
    """The name of the dependency whose releases are measured; empty for a repository's commits."""
    return Path(conf.repo).parent.name if own(conf).get("working_tree") else ""
