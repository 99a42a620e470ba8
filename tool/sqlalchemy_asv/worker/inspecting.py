"""The tables of an application, as its modules declare them."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Column, MetaData, Table, TypeDecorator

from .. import application
from ..files import write_json
from ..label import in_a_line, verify

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
    """Import a `module` alone; write the "metadata" that it names, with their tables.

    And "models", the mapped classes of which rows can be made without others. "error" is the reason
    if it cannot be imported.
    """
    given = json.loads(options)
    verify()
    application.protect()
    found: dict[str, Any] = {"module": given["module"], "metadata": [], "models": [], "error": ""}
    try:
        module = importlib.import_module(given["module"])
    except Exception as error:
        found["error"] = in_a_line(error)
    else:
        all_metadata = dict(_metadata(module))
        found["metadata"] = [
            {"name": name, "tables": sorted(each.tables)} for name, each in all_metadata.items()
        ]
        found["models"] = [*_models({id(each) for each in all_metadata.values()})]
    write_json(Path(given["file"]), found)


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
        and column is not table.autoincrement_column
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
