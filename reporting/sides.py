"""Two commits built side by side, each in an environment of asv's, and what runs there."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asv.environment import get_environments
from asv.repo import get_repo
from asv.util import ProcessError, UserError

from . import history, servers

NAMES = ("base", "head")
"""As long as each other: what a path's length would change in memory, it changes on both sides."""


class Side:
    """A commit, the environment that holds it, and a folder for what is measured in it."""

    def __init__(self, conf: Any, name: str, database: str, folder: Path) -> None:
        self.conf = copy.copy(conf)
        # asv holds one commit in an environment, so each side has environments of its own.
        self.conf.env_dir = str(Path(conf.env_dir).parent / "compare" / name)
        self.database = database
        self.folder = folder / name
        self.folder.mkdir()
        self.commit = ""
        with to_stderr():
            environments = list(get_environments(self.conf, ""))
        if len(environments) != 1:
            servers.stop(f"the settings have {len(environments)} environments; compare takes one")
        self.environment = environments[0]

    def build(self, commit: str) -> None:
        """Install a commit, unless it is there. Raises asv's `UserError` if that fails."""
        if commit == self.commit:
            return
        self.commit = ""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        try:
            with to_stderr():
                self.environment.create()
                self.environment.install_project(self.conf, get_repo(self.conf), commit)
        except ProcessError as error:
            reason = servers.last_line(error.stderr)
            raise UserError(f"{self.named(commit)} could not be installed: {reason}") from error
        self.commit = commit

    def named(self, commit: str) -> str:
        """What people call a commit."""
        return history.named(self.conf, commit)

    def command(self, function: str, **options: Any) -> dict[str, Any]:
        """How `subprocess` starts a function of the harness's `side` here."""
        process = Path(self.conf.benchmark_dir, servers.PROCESS).absolute()
        python = self.environment.find_executable("python")
        # As asv: whatever it names would be found before what is installed.
        inherited = {n: value for n, value in os.environ.items() if n != "PYTHONPATH"}
        return {
            "args": [python, str(process), "side", function, json.dumps(options)],
            "cwd": self.folder,
            "env": {
                **inherited,
                **self.environment._global_env_vars,
                servers.CHOICE: self.database,
                "PYTHONHASHSEED": "0",
                # Beside a timed process, threads of a library would be a disturbance.
                "OMP_NUM_THREADS": "1",
            },
            "text": True,
        }

    def result(self, function: str, **options: Any) -> Any:
        """What a function of the harness's `side` wrote. Raises asv's `UserError` if it failed."""
        file = self.folder / "result.json"
        file.unlink(missing_ok=True)
        command = self.command(function, file=str(file), **options)
        done = subprocess.run(**command, check=False, stderr=subprocess.PIPE)
        if done.returncode or not file.exists():
            reason = servers.last_line(done.stderr)
            if reason.startswith("sqlalchemy-asv: "):
                raise UserError(reason.removeprefix("sqlalchemy-asv: refusing to measure: "))
            raise UserError(f"{self.named(self.commit)} could not be measured: {reason}")
        # A scenario that fails is told by its traceback, and does not keep others from running.
        sys.stderr.write(done.stderr)
        return json.loads(file.read_text(encoding="utf-8"))


@contextlib.contextmanager
def sides(conf: Any, database: str, benchmarks: Path) -> Iterator[tuple[Side, Side]]:
    """Two sides without a commit, on a database that answers, until the block ends."""
    servers.prepare(database, benchmarks, Path(conf.env_dir).parent)
    # What is measured must not find the working tree's data layer, and leaves nothing behind.
    with tempfile.TemporaryDirectory(prefix="sqlalchemy-asv-") as folder:
        base, head = (Side(conf, name, database, Path(folder)) for name in NAMES)
        yield base, head


@contextlib.contextmanager
def to_stderr() -> Iterator[None]:
    """What asv says of its progress goes where it is not part of a result."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
