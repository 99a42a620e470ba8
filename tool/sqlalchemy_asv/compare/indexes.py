"""The indexes of the schema that a test suite makes, by the statements that make it.

On the few rows of a test, no plan of a server shows that an index is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_NAME = r"(?:[\w$]+|\"[^\"]+\"|`[^`]+`)(?:\.(?:[\w$]+|\"[^\"]+\"|`[^`]+`))?"
_CREATE = re.compile(
    rf"\s*CREATE\s+(?P<unique>UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?"
    rf"(?P<name>{_NAME})\s+ON\s+(?:ONLY\s+)?(?P<table>{_NAME})\s*(?:USING\s+\w+\s*)?"
    r"\((?P<columns>.*)\)",
    re.IGNORECASE | re.DOTALL,
)
_DROP = re.compile(
    rf"\s*DROP\s+INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+EXISTS\s+)?(?P<name>{_NAME})", re.IGNORECASE
)
_TABLE = re.compile(rf"\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<table>{_NAME})", re.I)
_UNIQUE = re.compile(r"\bUNIQUE\s*\((?P<columns>[^()]*)\)", re.IGNORECASE)


class Index(NamedTuple):
    """An index by what it is on. Its name may change without a change of the work."""

    table: str
    columns: str
    unique: bool

    def __str__(self) -> str:
        kind = "unique index" if self.unique else "index"
        return f"{kind} on {self.table} ({self.columns})"


def made(statements: Iterable[Sequence[str]]) -> tuple[set[Index], set[str], dict[Index, str]]:
    """The indexes and the tables that statements make, and the lines that drop indexes again.

    Each statement comes with the line that sends it.
    """
    by_name: dict[str, Index] = {}
    tables: set[str] = set()
    dropped: dict[Index, str] = {}
    for text, where in statements:
        if found := _CREATE.match(text):
            index = Index(
                _plain(found["table"]), _plain(found["columns"]), found["unique"] is not None
            )
            by_name[_plain(found["name"])] = index
        elif found := _DROP.match(text):
            if (name := _plain(found["name"])) in by_name:
                dropped[by_name.pop(name)] = where
        elif found := _TABLE.match(text):
            table = _plain(found["table"])
            tables.add(table)
            for number, each in enumerate(_UNIQUE.finditer(text)):
                by_name[f"{table}#{number}"] = Index(table, _plain(each["columns"]), True)
    return {*by_name.values()}, tables, dropped


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[\"`]", "", text).split())
