"""A commit installed in an environment of its own, and the processes that run there."""

from __future__ import annotations

import contextlib
import copy
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
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
        self.title = ""
        """A name for this side where both have the same commit."""
        self.variables: dict[str, str] = {}
        """Of its processes, beside those of this one."""
        if conf.environment_type != environment.CommitEnvironment.tool_name:
            stop(
                f"the settings have {conf.environment_type!r} for 'environment_type': set it to"
                f' "{environment.CommitEnvironment.tool_name}"'
            )
        with to_stderr():
            found = list(get_environments(self.conf, ""))
        if not found:
            named = ", ".join(conf.pythons)
            stop(f"there is no Python {named} here: correct `pythons` in the settings")
        if len(found) > 1:
            stop(
                f"the settings make {len(found)} environments, and one is compared: leave one"
                " version in `pythons`, and one value in each row of `matrix`"
            )
        self.environment = found[0]
        self.environment.quiet = True  # `install` gives the reason

    def install(self, commit: str, frozen: list[str] | None = None) -> None:
        """Install a commit, unless it is there; with `frozen` exact requirements, or its own.

        Raises asv's `UserError` if that fails.
        """
        if commit == self.commit and frozen == self.environment.frozen:
            return
        self.environment.frozen = frozen
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

    def replace(self, requirements: Sequence[str]) -> None:
        """Install these requirements in the place of the commit's own, from the next time on."""
        self.environment.replaced = list(requirements)
        self.title = ", ".join(requirements)
        self.commit = ""

    @property
    def installed(self) -> dict[str, Any]:
        """The record of the installation; see `label.RECORD`."""
        found: dict[str, Any] = self.environment.record
        return found

    def named(self, commit: str) -> str:
        """The name that people know a commit by here, such as its tag."""
        return self.title or history.named(self.conf, commit)

    def command(self, function: str, *arguments: str, **options: Any) -> dict[str, Any]:
        """The arguments with which `subprocess` starts a function of `worker` here.

        `options` are handed over as JSON, if there are any.
        """
        found = workers.started(
            self.conf,
            function,
            *arguments,
            *([json.dumps(options)] if options else []),
            python=self.environment.find_executable("python"),
            database=self.database,
        )
        return self._here(found, self.folder)

    def module(self, name: str, *arguments: str) -> dict[str, Any]:
        """The arguments with which `subprocess` runs a module in the application's folder."""
        python = self.environment.find_executable("python")
        return self._here(
            workers.program(self.conf, "-m", name, *arguments, python=python), self.project
        )

    def _here(self, command: dict[str, Any], folder: Path) -> dict[str, Any]:
        # Threads of a library would disturb a timed process.
        command["env"] |= self.environment._global_env_vars | {"OMP_NUM_THREADS": "1"}
        command["env"][options_of_tool.PROGRESS] = str(self.progress)
        command["env"] |= self.variables
        return {**command, "cwd": folder}

    @property
    def project(self) -> Path:
        """The application's folder in this side's own clone."""
        return Path(self.environment._path, "project", self.conf.repo_subdir or "")

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
    conf: Any, database: str, *, fresh: bool = False, place: str = "compare"
) -> Iterator[tuple[Checkout, Checkout]]:
    """Two checkouts without a commit, on a database that answers, until the block ends.

    Their environments are below a folder named `place`, and stay there.
    """
    servers.prepare(conf, database)
    # Measured code must not find the working tree's data layer, and leaves nothing behind.
    with (
        locks.first_free(Path(conf.env_dir).parent / place) as environments,
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
