"""Pages and reports from templates. In pages, every text is escaped."""

from __future__ import annotations

import functools
import re
import textwrap
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from .words import several


@functools.cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["ms"] = lambda seconds: f"{seconds * 1000:.2f} ms"
    environment.filters["several"] = several
    environment.filters["pieces"] = pieces
    environment.filters["line"] = lambda sql: textwrap.shorten(sql, 100, placeholder=" …")
    return environment


def pieces(case: str) -> list[str]:
    """The name of a case in pieces between which a line may end: module, class, parameters."""
    return re.split(r"(?<=\.)(?=[^\W\d])|(?=\()", case)


def render(package: str, name: str, /, **values: Any) -> str:
    """Render a template of a package's folder `templates`: `.html` is a page, `.txt` plain text."""
    return _environment(package).get_template(name).render(**values)
