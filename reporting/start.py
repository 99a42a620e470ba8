"""The page from which all published histories are reached; `project_url` leads back to it."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import markdown
from asv.publishing import OutputPublisher

from .pages import add_page

KINDS = {
    "commits": ("Commits", "this repository's commits, each with its own pins"),
    "matrix": ("Matrix", "one commit on several releases of SQLAlchemy and databases"),
    "releases": ("Releases of SQLAlchemy", "every release, with one data layer"),
}
SITES = Path(".asv/site")
DOCUMENT = "docs/what-changed-in-{}.md"


class WhatChanged(OutputPublisher):  # type: ignore[misc]
    """The document about a dependency's releases, in the site of their history."""

    name = "what-changed"
    button_label = "Show what changed"
    description = "Display what was found in the history of a dependency"
    order = 7

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        document = Path(DOCUMENT.format(Path(conf.repo).parent.name))
        if not document.exists():
            return
        site = Path(conf.html_dir)
        text = document.read_text(encoding="utf-8")
        page = markdown.markdown(text, extensions=["tables", "fenced_code"])
        (site / f"{cls.name}.html").write_text(page, encoding="utf-8")
        add_page(site, cls.name, "What changed")


class Start(OutputPublisher):  # type: ignore[misc]
    """The start page, anew with each history that is published beside the others."""

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        site = Path(conf.html_dir)
        if site.parent.resolve() != SITES.resolve():
            return  # published elsewhere, alone, where nothing beside it is ours
        entries = "\n".join(map(entry, published(site.parent)))
        (site.parent / "index.html").write_text(f"{PAGE}{entries}\n</ul></body></html>\n", "utf-8")


def published(folder: Path) -> list[Path]:
    """The histories below a folder: those that everybody has first."""
    sites = [index.parent for index in folder.glob("*/index.html")]
    known = [*KINDS]
    return sorted(sites, key=lambda s: (known.index(s.name) if s.name in known else 9, s.name))


def entry(site: Path) -> str:
    _, _, dependency = site.name.partition("releases-")
    title, about = KINDS.get(
        site.name, (f"Releases of {dependency or site.name}", "every release, with one data layer")
    )
    links = [("#/regressions", "regressions"), ("#/improvements", "improvements")]
    if (site / f"{WhatChanged.name}.html").exists():
        links.append((f"#/{WhatChanged.name}", "what changed, and why"))
    also = ", ".join(f'<a href="{site.name}/{place}">{text}</a>' for place, text in links)
    return (
        f'<li><a href="{site.name}/index.html">{html.escape(title)}</a>: {html.escape(about)}'
        f" ({also})</li>"
    )


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>sqlalchemy-asv</title>
<meta name="viewport" content="width=device-width">
<style>
body { font: 16px/1.6 system-ui, sans-serif; max-width: 50em; margin: 3em auto; padding: 0 1em }
</style></head><body>
<h1>sqlalchemy-asv</h1>
<p>What operations of a SQLAlchemy application cost, measured for a social network and a shop: in
time, statements, calls, machine instructions and memory.</p>
<ul>
"""
