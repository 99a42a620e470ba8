"""The tables of an application, as its modules declare them."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Column, MetaData, Table, TypeDecorator

from .. import application
from ..datasets.bulk import numbered
from ..files import write_json
from ..isolation import jobs
from ..isolation.forks import forked
from ..label import in_a_line, verify

SECONDS = 60
"""The time that a module has to be imported."""
SIMPLE = {
    bool: "n % 2 == 0",
    int: "n",
    float: "float(n)",
    decimal.Decimal: "n",
    dt.datetime: "dt.datetime(2025, 1, 1) + dt.timedelta(minutes=n)",
    dt.date: "dt.date(2025, 1, 1) + dt.timedelta(days=n)",
}
"""Expressions for the n-th value of a type."""


def look(options: str) -> None:
    """Write what each of `modules` declares, in their order: see `declared`."""
    given = json.loads(options)
    verify()
    application.protect()
    file = Path(given["file"])
    write_json(file, [_alone(name, file.with_suffix(".module")) for name in given["modules"]])


def _alone(name: str, file: Path) -> dict[str, Any]:
    """What a module declares. It is imported in a fork, so that no other module shows."""

    def find() -> None:
        jobs.grant(SECONDS)
        write_json(file, declared(name))

    file.unlink(missing_ok=True)
    status = os.waitpid(forked(find), 0)[1]
    if not file.exists():
        return _nothing(name) | {"error": jobs.ending(status, SECONDS)}
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _nothing(name: str) -> dict[str, Any]:
    return {"module": name, "metadata": [], "models": [], "error": ""}


def declared(name: str) -> dict[str, Any]:
    """The "metadata" that a "module" names, with their tables.

    And "models", the mapped classes of which rows can be made without others. "error" is the reason
    if it cannot be imported.
    """
    found = _nothing(name)
    try:
        module = importlib.import_module(name)
    except Exception as error:
        return found | {"error": in_a_line(error)}
    all_metadata = dict(_metadata(module))
    found["metadata"] = [
        {"name": name, "tables": sorted(each.tables)} for name, each in all_metadata.items()
    ]
    found["models"] = [*_models({id(each) for each in all_metadata.values()})]
    return found


def _metadata(module: ModuleType) -> Iterator[tuple[str, MetaData]]:
    """The different `MetaData` with tables that a module names, or that something in it has."""
    seen: set[int] = set()
    for name, value in sorted(vars(module).items(), key=lambda item: (len(item[0]), item[0])):
        if name.startswith("_") or isinstance(_attribute(value, "__table__"), Table):
            continue
        found = value if isinstance(value, MetaData) else _attribute(value, "metadata")
        if isinstance(found, MetaData) and found.tables and id(found) not in seen:
            seen.add(id(found))
            yield name, found


def _attribute(value: object, name: str) -> Any:
    """An attribute; none if reading it fails, as it does with Flask's objects without a request."""
    try:
        return getattr(value, name, None)
    except Exception:
        return None


def _models(metadata: set[int]) -> Iterator[dict[str, Any]]:
    """Mapped classes whose rows need no others, with an expression for each needed column."""
    for module in [*sys.modules.values()]:
        for value in [*vars(module).values()]:
            table = _attribute(value, "__table__")
            if not (isinstance(value, type) and isinstance(table, Table)):
                continue
            if value.__module__ != module.__name__ or id(table.metadata) not in metadata:
                continue
            try:
                values = {column.key: _expression(column) for column in _needed(table)}
                value(**dict.fromkeys(values))
            except (NotImplementedError, TypeError):
                continue
            yield {"module": value.__module__, "name": value.__name__, "values": values}


def _needed(table: Table) -> list[Column[Any]]:
    return [
        column
        for column in table.columns
        if not column.nullable
        and column.default is None
        and column.server_default is None
        and column is not numbered(table)
    ]


def _expression(column: Column[Any]) -> str:
    """Python for the n-th value of a column. Raises `NotImplementedError` if none is known."""
    if column.foreign_keys:
        raise NotImplementedError
    type = column.type
    if isinstance(type, TypeDecorator):
        type = type.impl_instance
    kind = type.python_type
    if kind is str:
        length = getattr(type, "length", None)
        short = length is not None and length < len(column.name) + 5
        return "str(n)" if short else f'f"{column.name} {{n}}"'
    if kind not in SIMPLE:
        raise NotImplementedError
    return SIMPLE[kind]
