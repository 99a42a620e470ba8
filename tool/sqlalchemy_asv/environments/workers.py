"""Starting a function of `worker` with the Python of an environment."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .. import options

PACKAGE = Path(__file__).parents[1]


def tool_folder(conf: Any) -> Path:
    """A folder with nothing in it but this package, for environments under test.

    The folder in which the package is installed holds a SQLAlchemy as well, which would be found
    before the one that is measured.
    """
    folder = Path(conf.env_dir).absolute().parent / "tool"
    link = folder / PACKAGE.name
    if not (link.exists() and link.resolve() == PACKAGE.resolve()):
        folder.mkdir(parents=True, exist_ok=True)
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


def server_folder(folder: Path) -> Path:
    """A short path without spaces, as a server's socket needs, for the server of a folder."""
    key = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir(), f"sqlalchemy-asv-{key}")


def started(
    conf: Any, function: str, *arguments: str, python: str = sys.executable, database: str
) -> dict[str, Any]:
    """The arguments with which `subprocess` starts a function of `worker`, such as "counts.count".

    The process has the benchmarks of the working tree, and a fixed hash seed.
    """
    process = tool_folder(conf) / PACKAGE.name / "isolation" / "process.py"
    module, _, name = function.rpartition(".")
    # As asv does: packages in PYTHONPATH would be found before installed ones.
    inherited = {n: value for n, value in os.environ.items() if n != "PYTHONPATH"}
    return {
        "args": [python, str(process), f"worker.{module}", name, *arguments],
        "env": {
            **inherited,
            options.BENCHMARKS: str(Path(conf.benchmark_dir).absolute()),
            options.DATABASE: database,
            options.UNVERSIONED: "1",
            "PYTHONHASHSEED": "0",
        },
        "text": True,
    }


def call(
    conf: Any, function: str, *arguments: str, database: str, **more: Any
) -> subprocess.CompletedProcess[str]:
    """Call a function of `worker` with this Python; `more` is given to `subprocess.run`."""
    return subprocess.run(
        **started(conf, function, *arguments, database=database), check=False, **more
    )
