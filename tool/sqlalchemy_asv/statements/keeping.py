"""The SQL of each case, kept beside the results: the statements behind a count of statements."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .. import files, options
from ..label import record


def summary(statements: Iterable[str]) -> list[list[Any]]:
    """Each different SQL text and how often it was sent, in the order of first use."""
    return [[sql, times] for sql, times in Counter(statements).items()]


def keep(found: dict[str, list[list[Any]]]) -> None:
    """Add statements, by the titles of cases, to the file of this commit and environment.

    A file has all SQL texts in "texts". Each of its "scenarios" has pairs: the number of a text,
    and how often it was sent. "packages" are the versions of the packages in the environment.
    """
    folder, commit = os.environ.get(options.STATEMENTS), os.environ.get("ASV_COMMIT")
    if not folder or not commit or not found:
        return
    file = Path(folder, f"{commit[:8]}-{os.environ['ASV_ENV_NAME']}.json")
    if file.exists():
        found = load(file) | found
    texts = list(dict.fromkeys(sql for pairs in found.values() for sql, _ in pairs))
    number = {sql: index for index, sql in enumerate(texts)}
    scenarios = {n: [[number[sql], times] for sql, times in p] for n, p in sorted(found.items())}
    file.parent.mkdir(parents=True, exist_ok=True)
    packages = record().get("packages", {})
    files.write_json(file, {"texts": texts, "scenarios": scenarios, "packages": packages})


def load(file: Path) -> dict[str, list[list[Any]]]:
    """Each case's SQL texts with how often they were sent, by title.

    Raises `ValueError` if the file is damaged.
    """
    content = json.loads(file.read_text(encoding="utf-8"))
    try:
        texts = content["texts"]
        return {
            name: [[texts[number], times] for number, times in pairs]
            for name, pairs in content["scenarios"].items()
        }
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None
