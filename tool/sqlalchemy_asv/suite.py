"""The classes of a folder of benchmarks, under the names that asv gives them."""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

from . import options
from .label import refuse


def package() -> str:
    """The name of the package of benchmarks, for processes that asv does not start."""
    return folder().name


def folder() -> Path:
    """The folder of that package."""
    return Path(os.environ[options.BENCHMARKS])


def name_of(cls: type) -> str:
    """The name of a class in asv's results, such as "social.HomeFeed"."""
    return f"{cls.__module__.partition('.')[2]}.{cls.__name__}"


def classes(name: str = "") -> dict[str, type]:
    """Every class that a package of benchmarks defines, by its name in asv's results."""
    found: dict[str, type] = {}
    suite = importlib.import_module(name or package())
    for module in pkgutil.walk_packages(suite.__path__, f"{suite.__name__}."):
        try:
            imported = importlib.import_module(module.name)
        except ImportError as error:
            refuse(
                f"{module.name} cannot be imported at this commit: {error}; name modules of the"
                " application by lazy_import"
            )
        for each in vars(imported).values():
            if isinstance(each, type) and each.__module__ == module.name:
                found[name_of(each)] = each
    return found
