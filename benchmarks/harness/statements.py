"""The SQL of each scenario, kept beside the results: what a count of statements counted."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = "SQLALCHEMY_ASV_STATEMENTS"
"""Environment variable with the folder to keep them in; where it is missing they are not kept."""


def summary(statements: Iterable[str]) -> list[list[Any]]:
    """Each different SQL text and how often it was sent, in the order of the first time."""
    return [[sql, times] for sql, times in Counter(statements).items()]


def keep(found: dict[str, list[list[Any]]]) -> None:
    """Add statements, by scenario and parameters, to the file of this commit and environment.

    A file's "texts" are all SQL texts of its "scenarios", which have pairs of a text's number and
    how often it was sent.
    """
    folder, commit = os.environ.get(FOLDER), os.environ.get("ASV_COMMIT")
    if not folder or not commit or not found:
        return
    file = Path(folder, f"{commit[:8]}-{os.environ['ASV_ENV_NAME']}.json")
    if file.exists():
        found = load(file) | found
    texts = list(dict.fromkeys(sql for pairs in found.values() for sql, _ in pairs))
    number = {sql: index for index, sql in enumerate(texts)}
    scenarios = {n: [[number[sql], times] for sql, times in p] for n, p in sorted(found.items())}
    file.parent.mkdir(parents=True, exist_ok=True)
    # Whoever stops this leaves the old file or the new one.
    partial = file.with_suffix(f".{os.getpid()}.tmp")
    content = json.dumps({"texts": texts, "scenarios": scenarios})
    partial.write_text(content + "\n", encoding="utf-8")
    partial.replace(file)


def load(file: Path) -> dict[str, list[list[Any]]]:
    content = json.loads(file.read_text(encoding="utf-8"))
    texts = content["texts"]
    return {
        name: [[texts[number], times] for number, times in pairs]
        for name, pairs in content["scenarios"].items()
    }
