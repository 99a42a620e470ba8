"""The first files in somebody's repository."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asv.config import Config
from asv.util import UserError

from .. import __version__
from ..asv_ext import git
from ..compare import running
from ..compare.checkout import Checkout, checkouts
from ..compare.progress import say
from ..files import write_text
from ..templates import render
from ..words import several
from . import finding
from .finding import Application

PACKAGE = __package__
CONF = "asv.conf.json"
FOLDERS = ("benchmarks", "performance")
"""Folders for scenarios: the first that is not there yet, or that `init` had begun to write."""
FIRST = "first.py"
ABOUT = {
    "metadata": ["The tables: a MetaData, or a class that has one; several in a list."],
    "alembic": ["The migrations of each commit make the schema. Without this line, metadata does."],
    "database_url": ["Variables in which the application reads its database's address."],
    "drivers": ["The drivers in these addresses."],
    "environment": ["Variables that it reads when it is imported; null: as in your shell."],
    "measuring_requirements": ["Packages that measuring needs as well, at every commit."],
}


@dataclasses.dataclass
class Started:
    """What was found and written."""

    found: Application
    metadata: list[str]
    tables: int
    written: list[str] = dataclasses.field(default_factory=list)
    kept: list[str] = dataclasses.field(default_factory=list)
    """Files that were there already, and are as they were."""


def start(here: Path, *, workflow: bool) -> Started:
    """Find the application in a folder, and write the first files there.

    Raises asv's `UserError`, with the remedy, if it cannot be found, installed or imported.
    """
    found = finding.find(here)
    if (here / CONF).exists():
        raise UserError(
            f"{CONF} is there already, and init replaces no file: if you have no scenarios yet,"
            " move it away, call init, and put your settings into the new file"
        )
    commit = git.git(here, "rev-parse", "HEAD")
    folder = next((name for name in FOLDERS if begun(here / name)), "")
    if not folder:
        raise UserError(f"{' and '.join(FOLDERS)} are there already: rename one of them")
    looked = inspected(here, found, commit)
    metadata = finding.chosen(looked)
    tables = {table for each in looked for named in each["metadata"] for table in named["tables"]}
    started = Started(found, metadata, len(tables))
    own = settings_of(found, metadata)
    first = scenario(found, looked, metadata)
    write(started, here / folder / "__init__.py", "")
    write(started, here / folder / FIRST, first)
    ignore(started, here, folder)
    if workflow:
        write(
            started,
            found.root / ".github" / "workflows" / "performance.yml",
            render(
                PACKAGE,
                "verdict.txt",
                python=f"{sys.version_info[0]}.{sys.version_info[1]}",
                requirement=f"sqlalchemy-asv=={__version__}",
                folder=_below(here, found.root),
            ),
        )
    # The last: without it, the next `init` goes on where this one was ended.
    write(
        started,
        here / CONF,
        render(
            PACKAGE,
            "asv.conf.txt",
            project=found.folder.name,
            repo=os.path.relpath(found.root, here),
            subfolder=found.subfolder,
            own=own,
            about=ABOUT,
            folder=folder,
        ),
    )
    return started


def begun(folder: Path) -> bool:
    """Whether a folder is missing, or has nothing but what `init` writes there."""
    if not folder.exists():
        return True
    return folder.is_dir() and all(
        each.name in (FIRST, "__pycache__")
        or (each.name == "__init__.py" and each.stat().st_size == 0)
        for each in folder.iterdir()
    )


def _below(folder: Path, root: Path) -> str:
    path = folder.resolve().relative_to(root).as_posix()
    return "" if path == "." else f"{path}/"


def settings_of(found: Application, metadata: Sequence[str]) -> dict[str, Any]:
    """The tool's own settings for an application; those that are not needed are left out."""
    every = {
        "metadata": list(metadata),
        "alembic": found.alembic,
        "database_url": found.addresses,
        "drivers": found.drivers if found.addresses or found.alembic else {},
        "environment": dict.fromkeys(found.variables),
    }
    return {name: value for name, value in every.items() if value}


def config(found: Application, here: Path, own: dict[str, Any], benchmarks: Path) -> Any:
    """asv's settings before there is a file of them."""
    return Config.from_json(
        {
            "version": 1,
            "project": found.folder.name,
            "repo": os.path.relpath(found.root, here),
            "repo_subdir": found.subfolder,
            "branches": ["HEAD"],
            "dvcs": "git",
            "environment_type": "sqlalchemy-asv",
            "env_dir": ".asv/env",
            "benchmark_dir": str(benchmarks),
            "sqlalchemy_asv": own,
        }
    )


def inspected(here: Path, found: Application, commit: str) -> list[dict[str, Any]]:
    """What the modules of a commit declare. Raises asv's `UserError` if it is nothing."""
    with tempfile.TemporaryDirectory() as folder:
        benchmarks = Path(folder, "benchmarks")
        benchmarks.mkdir()
        (benchmarks / "__init__.py").touch()
        conf = config(found, here, settings_of(found, []), benchmarks)
        with checkouts(conf, "sqlite") as (side, _):
            running.install(side, commit)
            say(f"looking for tables in {several(len(found.modules), 'module')}")
            looked: list[dict[str, Any]] = side.result("inspecting.look", modules=found.modules)
    if not any(each["metadata"] for each in looked):
        errors = [f"{each['module']}: {each['error']}" for each in looked if each["error"]]
        reason = errors[0] if errors else f"there is none in {', '.join(found.modules[:5])}"
        raise UserError(f"no tables were found: {reason}")
    for each in looked:
        if each["error"]:
            found.notes.append(f"{each['module']} cannot be imported: {each['error']}")
    return looked


def scenario(found: Application, looked: Sequence[dict[str, Any]], metadata: Sequence[str]) -> str:
    """The module of a first scenario, for the model whose rows are the simplest.

    Raises asv's `UserError` if there is none.
    """
    chosen = {name.partition(":")[0] for name in metadata}
    models = [model for each in looked if each["module"] in chosen for model in each["models"]]
    if not models:
        raise UserError(
            "rows of every mapped class need rows of another one, so a first scenario cannot be"
            " written: write one by hand (`pydoc sqlalchemy_asv.Scenario`)"
        )
    model = min(models, key=lambda each: (len(each["values"]) == 0, len(each["values"])))
    arguments = ", ".join(f"{name}={text}" for name, text in model["values"].items())
    return render(
        PACKAGE,
        "scenario.txt",
        module=model["module"],
        alias=model["module"].rpartition(".")[2],
        name=model["name"],
        arguments=arguments,
        dates="dt." in arguments,
        asynchronous=bool(found.drivers),
    )


def write(started: Started, file: Path, text: str) -> None:
    """Write a file, unless there is one."""
    name = os.path.relpath(file, Path.cwd())
    if file.exists():
        started.kept.append(name)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, text)
    started.written.append(name)


def ignore(started: Started, here: Path, folder: str) -> None:
    """Let git ignore what Python makes beside benchmarks. It ignores `.asv/` already."""
    if git.answer(here, "check-ignore", "--quiet", f"{folder}/__pycache__/first.pyc") is not None:
        return
    file = here / ".gitignore"
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    before += "" if before.endswith("\n") or not before else "\n"
    write_text(file, f"{before}__pycache__/\n")
    started.written.append(".gitignore (__pycache__/)")


def tried(side: Checkout, commit: str) -> dict[str, dict[str, Any]]:
    """The counts of the scenarios that were written. Raises asv's `UserError` if they fail."""
    found = running.counted(side, commit, [], instructions=False)
    for title, error in found["failed"].items():
        raise UserError(f"{title} fails: {error}")
    for title, counts in found["counts"].items():
        if isinstance(counts, str):
            raise UserError(f"{title} cannot be measured: {counts}")
    counted: dict[str, dict[str, Any]] = found["counts"]
    return counted
