"""Pages of the tool's own in asv's site."""

import re
import shutil
from pathlib import Path

from ..templates import render

STATIC = Path(__file__).parent / "static"


def copy(name: str, folder: Path) -> None:
    """Copy a script or a style sheet of `static` to a folder of the site."""
    shutil.copyfile(STATIC / name, folder / name)


def add_page(site: Path, name: str, title: str) -> None:
    """Put a page, `static/<name>.js`, into the site and its navigation."""
    copy(f"{name}.js", site)
    index = site / "index.html"
    html = index.read_text(encoding="utf-8")
    script, entry = (
        render("sqlalchemy_asv.site", template, name=name, title=title)
        for template in ("script.html", "navigation.html")
    )
    html = html.replace("</head>", f"{script}</head>", 1)
    place = re.search(r'<li id="nav-li-regressions">.*?</li>', html)
    if place:
        html = f"{html[: place.end()]}\n{entry}{html[place.end() :]}"
    index.write_text(html, encoding="utf-8")
