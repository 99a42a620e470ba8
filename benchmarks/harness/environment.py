"""Refuse to measure in an environment that does not hold what its name says."""

import functools
import importlib
import importlib.metadata
import os
import sys
from pathlib import Path
from typing import NoReturn

from .requirements import matrix_requirements, pins
from .version import DISTRIBUTION, data_layer, installed_layer


def refuse(reason: str) -> NoReturn:
    """End this process with one line; asv counts the benchmark as failed."""
    sys.tracebacklimit = 0
    raise SystemExit(f"sqlalchemy-asv: refusing to measure: {reason}")


def quick() -> bool:
    """Whether nobody will keep the results (`asv run --quick`, says the plugin)."""
    return bool(os.environ.get("SQLALCHEMY_ASV_QUICK"))


def verify() -> None:
    """Compare what is installed with the environment's name and, where it is silent, the pins.

    Does nothing outside an environment that asv made. Calls `refuse` on the first difference.
    """
    if reason := difference():
        refuse(reason)


@functools.cache
def difference() -> str | None:
    """Why this environment is not what it should be; looked up once a process, and its forks."""
    folder = os.environ.get("ASV_ENV_DIR")
    if not folder:
        return None
    label = os.environ.get("ASV_ENV_NAME", "without a name")
    if sys.flags.hash_randomization:
        return "PYTHONHASHSEED is not 0, so counts would differ; is `plugins` in asv's settings?"
    try:
        named = matrix_requirements(Path(folder))
        pinned = pins(importlib.metadata.requires(DISTRIBUTION) or [])
    except (OSError, ValueError, KeyError, importlib.metadata.PackageNotFoundError) as error:
        return f"environment {label} is damaged ({type(error).__name__}: {error}); remove it"
    for name, version in (pinned | named).items():
        claim = f"environment {label} says" if name in named else "the commit's pins say"
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "missing"
        if found != version:
            return f"{claim} {name} {version}, installed is {found}; remove .asv/env"
    layer = installed_layer()
    root = Path(__file__).parents[2]
    if layer and layer != data_layer(root / "fixtures"):
        where = os.path.relpath(folder, root)
        return f"environment {label} has another data layer than the working tree; remove {where}"
    imported = importlib.import_module("sqlalchemy").__version__
    if imported != importlib.metadata.version("sqlalchemy"):
        return f"environment {label} imports sqlalchemy {imported}, which is not the one installed"
    return None
