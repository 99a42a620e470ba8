"""Pages of ours in asv's site."""

import re
import shutil
from pathlib import Path

STATIC = Path(__file__).parent / "static"


def add_page(site: Path, name: str, title: str) -> None:
    """Put a page of ours, `static/<name>.js`, into the site and its navigation."""
    shutil.copyfile(STATIC / f"{name}.js", site / f"{name}.js")
    index = site / "index.html"
    html = index.read_text(encoding="utf-8")
    html = html.replace("</head>", f'<script src="{name}.js"></script>\n  </head>', 1)
    entry = rf'\1\n        <li id="nav-li-{name}"><a href="#/{name}">{title}</a></li>'
    html = re.sub(r'(<li id="nav-li-regressions">.*?</li>)', entry, html, count=1)
    index.write_text(html, encoding="utf-8")
