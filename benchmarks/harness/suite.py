"""The classes of this suite, under the names that asv gives their benchmarks."""

import importlib
import pkgutil

SUITE = __name__.partition(".")[0]


def classes() -> dict[str, type]:
    """Every class that a module of benchmarks defines, such as "social.HomeFeed"."""
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(importlib.import_module(SUITE).__path__, f"{SUITE}."):
        for each in vars(importlib.import_module(module.name)).values():
            if isinstance(each, type) and each.__module__ == module.name:
                found[f"{module.name.partition('.')[2]}.{each.__name__}"] = each
    return found
