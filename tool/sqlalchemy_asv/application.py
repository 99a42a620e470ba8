"""The settings about an application: its tables, its migrations, the address that it reads."""

from __future__ import annotations

import functools
import importlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import options
from .label import refuse

if TYPE_CHECKING:  # commands read the settings as well, and need no SQLAlchemy for it
    from sqlalchemy import URL, MetaData

SYNCHRONOUS = {"sqlite": "pysqlite", "postgresql": "psycopg", "mariadb": "pymysql"}
"""The drivers of addresses, unless settings name others."""


@functools.cache
def stated() -> dict[str, Any]:
    """The settings: those of `settings.TOLD`, "subfolder" and "variables"."""
    found: dict[str, Any] = json.loads(os.environ.get(options.APPLICATION, "{}"))
    return found


def named(name: str) -> Any:
    """The object of a name such as "shop.models:Base.metadata".

    Raises `NotImplementedError` if the commit lacks it.
    """
    protect()
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        hint = "" if path else "; a name in a module stands after a colon, as in shop.models:Base"
        raise NotImplementedError(f"this commit has no {module}{hint}") from None
    for part in filter(None, path.split(".")):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise NotImplementedError(f"this commit has no {name}") from None
    return found


def metadata(names: Any) -> Iterator[MetaData]:
    """Each `MetaData` that names mean; a name of a base class means its own."""
    from sqlalchemy import MetaData

    for name in names if isinstance(names, list | tuple) else [names]:
        found = named(name) if isinstance(name, str) else name
        found = getattr(found, "metadata", found)
        if not isinstance(found, MetaData):
            refuse(f"{name} is no MetaData and has none: correct `metadata` in the settings")
        yield found


def checkout() -> Path | None:
    """The files of the commit under test; None outside an environment that asv made."""
    folder = os.environ.get("ASV_ENV_DIR")
    return Path(folder, "project", stated().get("subfolder", "")) if folder else None


_announced = False


def announce(url: URL) -> None:
    """Tell the application the address of the measured database, before it is imported.

    The variables are those that it reads, by `database_url` in the settings.
    """
    global _announced
    _announced = True
    os.environ.update(addresses(url))


def protect() -> None:
    """Let no application find the address of a database that people use.

    Unless an address was announced, its variables name one that holds nothing, or answers nobody.
    """
    if not _announced:
        name = options.database()
        host = None if name == "sqlite" else "127.0.0.1"
        from sqlalchemy import URL

        announce(URL.create(name, host=host, port=9 if host else None))


def addresses(url: URL) -> dict[str, str]:
    """The variables that an application reads, with the address of a database."""
    names = stated().get("database_url", [])
    text = url.set(drivername=scheme(url)).render_as_string(hide_password=False)
    return dict.fromkeys([names] if isinstance(names, str) else names, text)


def scheme(url: URL) -> str:
    """The dialect of a URL, with the driver that the application uses."""
    kind = url.get_backend_name()
    driver = stated().get("drivers", {}).get(kind) or SYNCHRONOUS.get(kind)
    return f"{kind}+{driver}" if driver else kind
