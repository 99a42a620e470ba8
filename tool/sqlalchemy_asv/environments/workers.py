"""Starting a function of `worker` with the Python of an environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from asv.util import UserError

from .. import options
from ..asv_ext import settings
from ..files import write_text
from ..isolation import forks, jobs

PACKAGE = Path(__file__).parents[1]
WAIT = 600
"""Seconds to wait for a process that reports nothing, or longer if it has said so."""
ANSWER = 30
"""Seconds to wait for a server."""

_running: set[subprocess.Popen[Any]] = set()


def tool_folder(conf: Any) -> Path:
    """A folder with nothing in it but this package, for environments under test.

    The folder in which the package is installed holds a SQLAlchemy as well, which would be found
    before the one that is measured.
    """
    cache = Path(conf.env_dir).absolute().parent
    folder = cache / "tool"
    link = folder / PACKAGE.name
    if not (link.exists() and link.resolve() == PACKAGE.resolve()):
        folder.mkdir(parents=True, exist_ok=True)
        if cache.name == ".asv":  # any other folder may have files of the user's own
            write_text(cache / ".gitignore", "*\n")
        # Made beside it, then renamed: another command may be reading it.
        partial = Path(tempfile.mkdtemp(dir=folder), PACKAGE.name)
        try:
            partial.symlink_to(PACKAGE.resolve(), target_is_directory=True)
        except OSError:  # a system without links
            shutil.copytree(PACKAGE, partial)
            shutil.rmtree(link, ignore_errors=True)
        partial.replace(link)
        partial.parent.rmdir()
    return folder


def started(
    conf: Any, function: str, *arguments: str, python: str = sys.executable, database: str
) -> dict[str, Any]:
    """The arguments with which `subprocess` starts a function of `worker`, such as "counts.count".

    The process has the benchmarks of the working tree.
    """
    process = tool_folder(conf) / PACKAGE.name / "isolation" / "process.py"
    module, _, name = function.rpartition(".")
    found = program(conf, str(process), f"worker.{module}", name, *arguments, python=python)
    found["env"] |= {options.DATABASE: database, options.UNVERSIONED: "1"}
    if module != "database":  # those need no scenarios, and an application's tests have none
        folder = Path(conf.benchmark_dir).absolute()
        if not (folder / "__init__.py").is_file():
            raise UserError(
                f"there is no package {conf.benchmark_dir}, which `benchmark_dir` in the settings"
                " names: make the folder and an empty __init__.py in it, or correct the setting"
            )
        found["env"][options.BENCHMARKS] = str(folder)
    return found


def program(conf: Any, *arguments: str, python: str) -> dict[str, Any]:
    """The arguments with which `subprocess` starts a Python that has an application installed.

    The process has a fixed hash seed, and the variables that settings name.
    """
    # As asv does: packages in PYTHONPATH would be found before installed ones.
    inherited = {n: value for n, value in os.environ.items() if n != "PYTHONPATH"}
    return {
        "args": [python, *arguments],
        "env": {**inherited, **settings.for_processes(conf), "PYTHONHASHSEED": "0"},
        "encoding": "utf-8",
        "errors": "replace",
    }


def call(
    conf: Any, function: str, *arguments: str, database: str, **more: Any
) -> subprocess.CompletedProcess[str]:
    """Call a function of `worker` with this Python; `more` is given to `subprocess.run`.

    Raises `subprocess.TimeoutExpired` if there is a `timeout` in `more`.
    """
    command = started(conf, function, *arguments, database=database)
    command["env"] |= more.pop("env", {})
    return subprocess.run(**command, check=False, **more)


def finished(command: dict[str, Any], progress: Path) -> tuple[int, str]:
    """Run a command until it ends; returns its exit code and all that it has printed.

    Notes of `isolation.jobs` in the file `progress` show that it works. Raises asv's `UserError` if
    there is none for longer than the command may take. Ends processes that it leaves behind.
    """
    # A file, not a pipe: whoever holds the other end of a pipe could keep us waiting.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            **command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        _running.add(process)
        try:
            done, since = (0, ""), time.monotonic()
            while not forks.has_ended(process):
                time.sleep(0.05)
                notes = jobs.Notes.read([progress])
                if (notes.done, notes.doing) != done:
                    done, since = (notes.done, notes.doing), time.monotonic()
                elif time.monotonic() - since > (wait := max(WAIT, notes.silent)):
                    after = f" after {notes.last}" if notes.last else ""
                    raise UserError(
                        f"a process reported nothing{after} for {wait:g} s, and was ended: does an"
                        " operation wait for something?"
                    )
        finally:
            _running.discard(process)
            code = forks.end(process)
        said.seek(0)
        return code, said.read().decode(errors="replace")


def end_all() -> None:
    """End all processes of `finished`."""
    for process in list(_running):
        forks.end(process)
