"""A commit installed in an environment of its own, and the processes that run there."""

from __future__ import annotations

import contextlib
import copy
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asv.environment import get_environments
from asv.repo import get_repo
from asv.util import ProcessError, UserError

from .. import options as options_of_tool
from ..asv_ext import history, locks
from ..asv_ext.errors import last_line, printable, refusal, stop
from ..environments import environment, servers, workers

__all__ = ["Checkout", "checkouts", "environment"]

NAMES = ("base", "head")
"""Of equal length, since the length of a path changes the addresses of objects in memory."""


class Checkout:
    """A commit, the environment that holds it, and a folder for its measurements."""

    def __init__(
        self,
        conf: Any,
        name: str,
        database: str,
        folder: Path,
        environments: Path,
        *,
        fresh: bool = False,
    ) -> None:
        self.fresh = fresh
        self.kept = {
            "folder": str(Path(conf.env_dir).absolute().parent / "counts"),
            "fresh": fresh,
        }
        self.conf = copy.copy(conf)
        # asv holds one commit in an environment, so each checkout has environments of its own.
        self.conf.env_dir = str(environments / name)
        self.database = database
        self.progress = folder / f"{name}.progress"
        """The jobs of the current process: see `isolation.jobs.Notes`."""
        self.folder = folder / name
        self.folder.mkdir()
        self.commit = ""
        with to_stderr():
            found = list(get_environments(self.conf, ""))
        if len(found) != 1:
            stop(f"the settings have {len(found)} environments; compare takes one")
        self.environment = found[0]

    def install(self, commit: str) -> None:
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
            reason = last_line(error.stderr)
            raise UserError(f"{self.named(commit)} could not be installed: {reason}") from error
        self.commit = commit

    def named(self, commit: str) -> str:
        """The name that people know a commit by."""
        return history.named(self.conf, commit)

    def command(self, function: str, **options: Any) -> dict[str, Any]:
        """The arguments with which `subprocess` starts a function of `worker` here."""
        found = workers.started(
            self.conf,
            function,
            json.dumps(options),
            python=self.environment.find_executable("python"),
            database=self.database,
        )
        # Threads of a library would disturb a timed process.
        found["env"] |= self.environment._global_env_vars | {"OMP_NUM_THREADS": "1"}
        found["env"][options_of_tool.PROGRESS] = str(self.progress)
        return {**found, "cwd": self.folder}

    def result(self, function: str, **options: Any) -> Any:
        """The result of a function of `worker`. Raises asv's `UserError` if it failed.

        Functions that count use what was counted before, unless this checkout is `fresh`.
        """
        if function.startswith("counts."):
            options["kept"] = self.kept | {"commit": self.commit}
        file = self.folder / "result.json"
        file.unlink(missing_ok=True)
        self.progress.unlink(missing_ok=True)
        command = self.command(function, file=str(file), **options)
        code, said = workers.finished(command, self.progress)
        if code or not file.exists():
            if last_line(said).startswith("sqlalchemy-asv: "):
                raise UserError(refusal(said))
            raise UserError(f"{self.named(self.commit)} could not be measured: {last_line(said)}")
        # The traceback of each scenario that failed. It did not keep others from running.
        sys.stderr.write(printable(said))
        return json.loads(file.read_text(encoding="utf-8"))


@contextlib.contextmanager
def checkouts(
    conf: Any, database: str, *, fresh: bool = False
) -> Iterator[tuple[Checkout, Checkout]]:
    """Two checkouts without a commit, on a database that answers, until the block ends."""
    servers.prepare(conf, database)
    # Measured code must not find the working tree's data layer, and leaves nothing behind.
    with (
        locks.first_free(Path(conf.env_dir).parent / "compare") as environments,
        tempfile.TemporaryDirectory() as folder,
    ):
        base, head = (
            Checkout(conf, name, database, Path(folder), environments, fresh=fresh)
            for name in NAMES
        )
        yield base, head


@contextlib.contextmanager
def to_stderr() -> Iterator[None]:
    """Send asv's messages about its progress to stderr, apart from results."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
