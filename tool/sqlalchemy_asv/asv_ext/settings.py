"""asv's settings, and the tool's own within them.

The tool's own settings are under "sqlalchemy_asv" in those of asv:

- "extras": optional dependencies of the working tree's `pyproject.toml` that measuring needs as
  well, such as Locust.
- "working_tree": files and folders of the working tree that every commit is measured with. A commit
  then holds nothing but a `requirements.txt` with one exact pin.
- "document": a page of Markdown about the history, for the site.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from asv.config import Config
from asv.repo import get_repo
from asv.util import UserError

from . import git
from .errors import stop

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
    if conf.repo.startswith(".asv/") and not Path(conf.repo).exists():
        stop(f"there is no history in {conf.repo} yet: `sqlalchemy-asv releases` makes it")
    if conf.dvcs in (None, "git") and Path(conf.repo).is_dir():
        git.insist(conf.repo)


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


def dependency(conf: Any) -> str:
    """The name of the dependency whose releases are measured; empty for a repository's commits."""
    return Path(conf.repo).name if own(conf).get("working_tree") else ""
