"""asv's settings, and the tool's own within them.

The tool's own settings are under "sqlalchemy_asv" in those of asv:

- "extras": optional dependencies of the working tree's `pyproject.toml` that measuring needs as
  well, such as Locust.
- "working_tree": files and folders of the working tree that every commit is measured with. A commit
  then holds nothing but a `requirements.txt` with one exact pin.
- "document": a page of Markdown about the history, for the site.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asv.config import Config
from asv.repo import get_repo
from asv.util import UserError

from .errors import stop

COMMITS = "asv.conf.json"
"""asv's settings for a repository's own commits."""
RELEASES = "asv.releases*.conf.json"
"""asv's settings for the releases of dependencies, as a pattern of names."""


def own(conf: Any) -> dict[str, Any]:
    """The tool's own settings."""
    found: dict[str, Any] = getattr(conf, "sqlalchemy_asv", {})
    return found


def load(path: str) -> Any:
    """asv's settings in a file. Ends with one line if they cannot be read."""
    try:
        conf = Config.load(path)
    except (UserError, OSError, ValueError) as error:
        stop(f"the settings {path} cannot be read: {error}")
    insist_on_repository(conf)
    return conf


def insist_on_repository(conf: Any) -> None:
    """Stop if a history has not been made, and name the command; asv would take it for a URL."""
    if str(conf.repo).startswith(".asv/") and not Path(conf.repo).exists():
        stop(f"there is no history in {conf.repo} yet: `sqlalchemy-asv releases` makes it")


def with_commits(path: str | None, *names: str) -> Any:
    """The settings whose repository has commits of these names.

    If all names are tags of one history of releases, such as `2.0.30`, they are that history's
    settings, else those of the commits. A `path` overrides both.
    """
    if path:
        return load(path)
    for other in sorted(Path().glob(RELEASES)):
        conf = Config.load(str(other))
        if Path(conf.repo).exists() and set(names) <= set(get_repo(conf).get_tags()):
            return conf
    return load(COMMITS)
