"""The page of statements: the SQL of each scenario at each recorded commit, and what changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asv.publishing import OutputPublisher
from asv.util import write_json

from ..asv_ext import git
from ..asv_ext.commands import statements_folder
from ..statements import keeping
from .pages import add_page

Pairs = list[tuple[int, int]]
"""The number of a text, and how often it was sent."""


def read(file: Path, texts: dict[str, int]) -> dict[str, Pairs]:
    """The cases of one file, with texts numbered anew. Raises `ValueError` if it is damaged."""
    return {
        title: [(texts.setdefault(sql, len(texts)), times) for sql, times in pairs]
        for title, pairs in keeping.load(file).items()
    }


def difference(before: Pairs, after: Pairs) -> list[tuple[int, int, int]]:
    """Texts of either side, as (text, times before, times after), in the order of the later one."""
    was, now = dict(before), dict(after)
    return [(text, was.get(text, 0), now.get(text, 0)) for text in {**now, **was}]


class Statements(OutputPublisher):  # type: ignore[misc]
    name = "statements"
    button_label = "Show statements"
    description = "Display the SQL of each scenario"
    order = 6

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        texts: dict[str, int] = {}
        by_short = {commit[:8]: commit for commit in revisions}
        recorded: list[tuple[str, int, dict[str, str], dict[str, Pairs]]] = []
        damaged = []
        for file in sorted(statements_folder(conf).glob("*.json")):
            short, _, environment = file.stem.partition("-")
            if short not in by_short:
                continue
            try:
                scenarios = read(file, texts)
            except ValueError as error:
                damaged.append(f"{file.name} is damaged: {error}")
                continue
            commit = by_short[short]
            about = {
                "environment": environment,
                "commit": commit[: conf.hash_length],
                "subject": git.subject(repo, commit),
            }
            recorded.append((environment, revisions[commit], about, scenarios))
        pages: dict[str, list[Any]] = {}
        last: dict[tuple[str, str], Pairs] = {}
        for environment, _, about, scenarios in sorted(recorded, key=lambda r: r[:2]):
            for name, pairs in scenarios.items():
                before = last.get((environment, name), pairs)
                entry = {**about, "statements": difference(before, pairs)}
                pages.setdefault(name, []).append(entry)
                last[environment, name] = pairs
        site = Path(conf.html_dir)
        content = {"texts": list(texts), "scenarios": pages, "damaged": damaged}
        write_json(str(site / "statements.json"), content, compact=True)
        add_page(site, cls.name, "Statements")
