"""The environment that asv measures a commit in, made with the Python that runs asv."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import build
from asv.console import log
from asv.environment import Environment, EnvironmentUnavailable, get_env_name
from asv.plugins.virtualenv import Virtualenv
from asv.util import ProcessError, UserError
from packaging.utils import canonicalize_name

from .. import label, options, version
from ..asv_ext import settings
from ..asv_ext.errors import last_line
from ..files import write_json
from . import requirements, servers, workers
from .requirements import Wheel

# Below asv's own line that says what is built.
logging.getLogger("build").setLevel(logging.WARNING)


class CommitEnvironment(Virtualenv):  # type: ignore[misc]
    """asv's virtualenv, with the commit's own requirements in it, and a record of them.

    asv itself would install the commit by `pip install --force-reinstall`, which replaces the
    versions of the label by the newest ones. It would uninstall it by the project's name, even if
    the distribution has another one.
    """

    tool_name = "sqlalchemy-asv"

    def __init__(self, conf: Any, python: str, requirements: Any, tagged_env_vars: Any) -> None:
        running = f"{sys.version_info[0]}.{sys.version_info[1]}"
        # Not the Python of this version on the PATH, which may be another installation.
        executable = sys.executable if python == running else Virtualenv._find_python(python)
        if executable is None:
            raise EnvironmentUnavailable(
                f"there is no Python {python} on the PATH; this is Python {running}"
            )
        self._conf = conf
        self._executable = executable
        self._python = python
        self._requirements = requirements
        Environment.__init__(self, conf, python, requirements, tagged_env_vars)

    @classmethod
    def matches(cls, python: str) -> bool:
        return bool(python[:1].isdigit())

    @property
    def name(self) -> str:
        """The name that asv gives its own virtualenv, so that results of both are one history."""
        return str(
            get_env_name("virtualenv", self._python, self._requirements, self._tagged_env_vars)
        )

    def check_presence(self) -> bool:
        return bool(super().check_presence()) and not self._record().get("installing")

    def create(self) -> None:
        """Create the environment, and make sure that its database answers.

        Python finds this package there, and nothing that is installed beside it. A file of paths
        does this, because asv 0.6.6 removes PYTHONPATH for benchmarks.
        """
        servers.prepare(self._conf, self.env_vars.get(options.DATABASE, "sqlite"))
        super().create()
        (packages, *_) = Path(self._path).glob("[Ll]ib/**/site-packages")
        paths = packages / "sqlalchemy_asv.pth"
        paths.write_text(f"{workers.tool_folder(self._conf)}\n", encoding="utf-8")

    # --- building -----------------------------------------------------------------------------

    @property
    def _working_tree(self) -> list[str]:
        """Files and folders of the working tree that every commit is measured with."""
        found: list[str] = settings.own(self._conf).get("working_tree", [])
        return found

    def _data_layer(self) -> str | None:
        """A digest of the working tree's data layer, if commits are measured with it."""
        files = [file for name in self._working_tree for file in sorted(Path(name).rglob("*.py"))]
        if not self._working_tree:
            return None
        return version.digest(file.read_text(encoding="utf-8") for file in files)[:12]

    def _build_project(self, repo: Any, commit_hash: str, build_dir: str) -> None:
        if self._working_tree:
            self._build_working_tree()
        elif self._build_command is not None:
            super()._build_project(repo, commit_hash, build_dir)
        else:
            log.info(f"Building {repo.get_decorated_hash(commit_hash, 8)} for {self.name}")
            self._build_wheel(build_dir)

    def _build_working_tree(self) -> None:
        log.info(f"Building the working tree for {self.name}")
        with tempfile.TemporaryDirectory() as folder:
            # A copy: build back ends leave files beside what they build.
            for name in self._working_tree:
                target = Path(folder, name)
                if Path(name).is_dir():
                    shutil.copytree(name, target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(name, target)
            self._build_wheel(folder)

    def _build_wheel(self, source: str) -> None:
        """Build a wheel with the environment's own build back end. Raises asv's `ProcessError`.

        `pip wheel` would start more processes: for requirements, for metadata, and for the wheel.
        """

        def run(
            cmd: Sequence[str],
            cwd: str | None = None,
            extra_environ: Mapping[str, str] | None = None,
        ) -> None:
            env = {**os.environ, **self.build_env_vars, **(extra_environ or {})}
            self._run_quietly("build", list(cmd[1:]), cwd=cwd, env=env)

        try:
            builder = build.ProjectBuilder(source, self.find_executable("python"), run)
            builder.build("wheel", self._global_env_vars["ASV_BUILD_CACHE_DIR"])
        except (build.BuildException, build.BuildBackendException) as error:
            if isinstance(failed := getattr(error, "exception", None), ProcessError):
                raise failed from error
            log.error(str(error))
            raise ProcessError(["build"], 1, "", str(error)) from error

    def _get_installed_commit_hash(self) -> str | None:
        if self._working_tree and self._record().get("data_layer") != self._data_layer():
            return None  # it has been changed since
        found: str | None = super()._get_installed_commit_hash()
        return found

    # --- installing ---------------------------------------------------------------------------

    def _install_project(self, repo: Any, commit_hash: str, build_dir: str) -> None:
        if self._install_command is not None:
            super()._install_project(repo, commit_hash, build_dir)
            return
        commit_name = repo.get_decorated_hash(commit_hash, 8)
        log.info(f"Installing {commit_name} into {self.name}")
        wheels = list(Path(self._global_env_vars["ASV_BUILD_CACHE_DIR"]).glob("*.whl"))
        if len(wheels) != 1:
            raise UserError(f"building {commit_name} made {len(wheels)} wheels, not one")
        wheel = Wheel.read(wheels[0])
        labelled = requirements.of_label(self._requirements)
        if self._working_tree:
            try:
                labelled |= requirements.of_release(Path(build_dir), wheel)
            except ValueError as error:
                raise UserError(f"{commit_name} cannot be installed: {error}") from error
        extras = settings.own(self._conf).get("extras", [])
        wanted = requirements.of_extras(Path("pyproject.toml"), extras) | wheel.requires | labelled
        asked = [str(each) for each in wanted.values()]
        before = self._record()
        # If this is interrupted, nobody can say what is installed: see `check_presence`.
        write_json(Path(self._path, label.RECORD), {**before, "installing": True})
        if canonicalize_name(before.get("distribution", wheel.name)) != canonicalize_name(
            wheel.name
        ):
            self._pip("uninstall", "--yes", before["distribution"])
        self._pip("install", "--no-deps", "--force-reinstall", str(wheel.file))
        if asked != before.get("asked"):
            self._pip("install", *asked)
        record = {
            "distribution": wheel.name,
            "asked": asked,
            "requirements": requirements.exact_versions(wanted),
            "labelled": sorted(labelled),
            "data_layer": self._data_layer(),
        }
        write_json(Path(self._path, label.RECORD), record)

    def _uninstall_project(self) -> None:
        if self._uninstall_command is not None:
            super()._uninstall_project()
            return
        # The installation of the next commit uninstalls the distribution by its own name.
        self._set_installed_commit_hash(None)

    def _record(self) -> dict[str, Any]:
        """The record of the last installation; empty if there is none."""
        try:
            found: dict[str, Any] = json.loads(Path(self._path, label.RECORD).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def _pip(self, *arguments: str) -> None:
        # A release is installed as users install it, and never built from source.
        only_wheels = {"PIP_ONLY_BINARY": ":all:"} if self._working_tree else {}
        self._run_quietly(
            f"pip {arguments[0]}",
            ["-m", "pip", "--quiet", "--disable-pip-version-check", *arguments],
            # Not in a folder with a package that pip would take for installed.
            cwd=self._path,
            env=dict(os.environ) | only_wheels,
        )

    def _run_quietly(self, name: str, arguments: list[str], **how: Any) -> None:
        """Run Python. Shows one line if it fails; asv would show the command, and all its output.

        Raises asv's `ProcessError` with a name in place of the command.
        """
        timeout = self._install_timeout
        try:
            self.run_executable("python", arguments, timeout=timeout, display_error=False, **how)
        except ProcessError as error:
            log.error(last_line(error.stderr or error.stdout))
            raise ProcessError([name], error.retcode, error.stdout, error.stderr) from error
