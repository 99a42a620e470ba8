"""The page with the document about a history, which the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asv.publishing import OutputPublisher

from ..asv_ext import settings
from ..templates import render
from .overview import address
from .pages import add_page


class WhatChanged(OutputPublisher):  # type: ignore[misc]
    """The document as a page."""

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
        import markdown  # of an extra, and for a history with a document alone

        text = Path(document).read_text(encoding="utf-8")
        html = markdown.markdown(text, extensions=["tables", "fenced_code"])
        page = render("sqlalchemy_asv.site", "document.html", html=html, overview=address(conf))
        (site / f"{cls.name}.html").write_text(page, encoding="utf-8")
        add_page(site, cls.name, "What changed")
