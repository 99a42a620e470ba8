"""The page of statements: the SQL of each case, and the commits that changed it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asv.publishing import OutputPublisher
from asv.util import write_json

from ..asv_ext.commands import statements_folder
from ..statements import keeping
from . import recorded
from .pages import add_page
from .recorded import Recorded

Pairs = list[list[int]]
"""The number of a text, and how often it was sent."""
Runs = list[list[Any]]
"""Pairs of the number of a commit, and the statements from there on; None where there are none."""


class Statements(OutputPublisher):  # type: ignore[misc]
    name = "statements"
    button_label = "Show statements"
    description = "Display the SQL of each scenario"
    order = 6

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        site = Path(conf.html_dir)
        found = recorded.read(conf, repo, benchmarks)
        write_json(
            str(site / "statements.json"), content(found, statements_folder(conf)), compact=True
        )
        add_page(site, cls.name, "Statements")


def content(found: Recorded, folder: Path) -> dict[str, Any]:
    """The statements of all recorded commits, by case and environment, as JSON."""
    texts: dict[str, int] = {}
    commits = [*found.commits.values()]
    by_short = {commit.hash[:8]: commit.hash for commit in commits}
    sent: dict[str, dict[str, dict[str, Pairs]]] = {}
    damaged = []
    titles = {each.name: each.title(found.environments) for each in found.environments}
    for file in sorted(folder.glob("*.json")):
        short, _, environment = file.stem.partition("-")
        if short not in by_short:
            continue
        try:
            of_file = read(file, texts)
        except ValueError as error:
            damaged.append(f"{file.name} is damaged: {error}")
            continue
        titles.setdefault(environment, environment)
        for title, pairs in of_file.items():
            by_commit = sent.setdefault(title, {}).setdefault(environment, {})
            by_commit[by_short[short]] = pairs
    places = {commit.hash: number for number, commit in enumerate(commits)}
    return {
        "texts": list(texts),
        "commits": [commit.hash for commit in commits],
        "names": [commit.name for commit in commits],
        "subjects": [commit.subject for commit in commits],
        "before": [None if c.before is None else places[c.before] for c in commits],
        "environments": titles,
        "scenarios": {
            title: {
                environment: recorded.runs(by_commit, commits)
                for environment, by_commit in of_title.items()
            }
            for title, of_title in sorted(sent.items())
        },
        "damaged": damaged,
    }


def read(file: Path, texts: dict[str, int]) -> dict[str, Pairs]:
    """The cases of one file, with texts numbered anew. Raises `ValueError` if it is damaged."""
    return {
        title: [[texts.setdefault(sql, len(texts)), times] for sql, times in pairs]
        for title, pairs in keeping.load(file).items()
    }
