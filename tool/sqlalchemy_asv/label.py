"""Refuse to measure in an environment that differs from its label.

The installation of a commit leaves a record in the environment's folder: the name of the measured
distribution, and the versions that the label and the commit's pins ask for.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from . import options

RECORD = "sqlalchemy-asv.json"
"""The record of an installation, in the folder of an environment:

`distribution`: the name of what is measured; empty for an application that is no package.
`source`: the file that states its requirements.
`exact`, `requirements`: the exact requirements that were installed, and their versions by name.
`made`: the time at which these were decided.
`frozen`: those of another commit, which were installed in their place, or null.
`labelled`: the names whose versions the environment's label decides.
`packages`: the versions of all packages of the commit, by name.
`commit`: its hash, if files beside the distribution decide what is measured.
`settings`: those that decided all this.
`data_layer`: a digest of the working tree's data layer if all commits are measured with it.
`base`: the packages that asv needs."""
REFUSED = "sqlalchemy-asv: refusing to measure: "


def in_a_line(error: BaseException) -> str:
    """An error's type and the first line of its message."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"


def reason_of(error: BaseException) -> str:
    """An error in one line, with the file of one of syntax."""
    if isinstance(error, SyntaxError) and error.filename:
        file = Path(error.filename)
        place = f"{file.parent.name}/{file.name}:{error.lineno}"
        return f"{place}: {type(error).__name__}: {error.msg}"
    return in_a_line(error)


def refuse(reason: str) -> NoReturn:
    """End this process with one line; asv counts the benchmark as failed."""
    sys.tracebacklimit = 0
    # A command was called for this alone; a run of asv goes on with other benchmarks.
    said = "sqlalchemy-asv: " if options.ONE_LINE in os.environ else REFUSED
    raise SystemExit(f"{said}{reason}")


def verify() -> None:
    """Compare the installed versions with the environment's label and the commit's pins.

    Does nothing outside an environment that asv made. Calls `refuse` on the first difference.
    """
    if reason := difference():
        refuse(reason)


@functools.cache
def record() -> dict[str, Any]:
    """The record of this environment's installation; empty outside one that asv made.

    Raises `OSError` or `ValueError` if the record is missing or damaged.
    """
    folder = os.environ.get("ASV_ENV_DIR")
    if not folder:
        return {}
    found: dict[str, Any] = json.loads(Path(folder, RECORD).read_text(encoding="utf-8"))
    return found


def distribution() -> importlib.metadata.Distribution | None:
    """The measured distribution; none outside an environment of asv's, or if it is no package."""
    name = record().get("distribution")
    return importlib.metadata.distribution(name) if name else None


def data_layer() -> str | None:
    """The digest of the working tree's data layer, if all commits are measured with it."""
    try:
        found: str | None = record().get("data_layer")
    except (OSError, ValueError, AttributeError):
        return None  # `verify` reports the damage
    return found


def _folder() -> str:
    """This environment's folder, without the path of this machine that leads to `.asv`."""
    parts = Path(os.environ["ASV_ENV_DIR"]).parts
    return "/".join(parts[parts.index(".asv") :] if ".asv" in parts else parts[-1:])


@functools.cache
def difference() -> str | None:
    """The first difference between this environment and its label; found once a process."""
    if not os.environ.get("ASV_ENV_DIR"):
        return None
    label = os.environ.get("ASV_ENV_NAME", "without a name")
    if sys.flags.hash_randomization:
        return "PYTHONHASHSEED is not 0, so counts would differ; is `plugins` in asv's settings?"
    try:
        required = record()["requirements"]
        labelled = record()["labelled"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return (
            f"environment {label} is damaged ({type(error).__name__}: {error}); remove {_folder()}"
        )
    for name, version in required.items():
        claim = f"environment {label} says" if name in labelled else "the commit's pins say"
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "missing"
        if found != version:
            return f"{claim} {name} {version}, installed is {found}; remove {_folder()}"
    imported = importlib.import_module("sqlalchemy").__version__
    if imported != importlib.metadata.version("sqlalchemy"):
        return f"environment {label} imports sqlalchemy {imported}, which is not the one installed"
    return None
