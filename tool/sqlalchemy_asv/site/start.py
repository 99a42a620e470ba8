"""The start page, with links to all published histories; `project_url` leads back to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import markdown
from asv.publishing import OutputPublisher

from ..asv_ext import settings
from ..templates import render
from .pages import add_page

SITES = Path(".asv/site")


class WhatChanged(OutputPublisher):  # type: ignore[misc]
    """The page with the document about a history, which the settings name."""

    name = "what-changed"
    button_label = "Show what changed"
    description = "Display what was found in the history of a dependency"
    order = 7

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        document = settings.own(conf).get("document")
        if document is None or not Path(document).exists():
            return
        site = Path(conf.html_dir)
        text = Path(document).read_text(encoding="utf-8")
        page = markdown.markdown(text, extensions=["tables", "fenced_code"])
        (site / f"{cls.name}.html").write_text(page, encoding="utf-8")
        add_page(site, cls.name, "What changed")


class Start(OutputPublisher):  # type: ignore[misc]
    """The start page, written again with each history that is published."""

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        folder = Path(conf.html_dir).parent
        if folder.resolve() != SITES.resolve():
            return  # published elsewhere, in a folder without other histories
        histories = [history(site) for site in published(folder)]
        page = render(
            "sqlalchemy_asv.site", "start.html", project=conf.project, histories=histories
        )
        (folder / "index.html").write_text(page, encoding="utf-8")


def published(folder: Path) -> list[Path]:
    """The histories below a folder: a repository's own commits first."""
    sites = [index.parent for index in folder.glob("*/index.html")]
    return sorted(sites, key=lambda site: (site.name != "commits", site.name))


def history(site: Path) -> dict[str, Any]:
    """A history's folder, title and description."""
    links = [("#/regressions", "regressions"), ("#/improvements", "improvements")]
    if (site / f"{WhatChanged.name}.html").exists():
        links.append((f"#/{WhatChanged.name}", "what changed, and why"))
    if not site.name.startswith("releases"):
        title, about = site.name.capitalize(), "each with the requirements of its own"
    else:
        _, _, dependency = site.name.partition("-")
        title = f"Releases of {dependency or 'SQLAlchemy'}"
        about = "every release, with one data layer"
    return {"folder": site.name, "title": title, "about": about, "links": links}
