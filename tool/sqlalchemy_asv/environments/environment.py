"""The environment that asv measures a commit in, made with the Python that runs asv."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import build
from asv.console import log
from asv.environment import Environment, EnvironmentUnavailable, get_env_name
from asv.plugins.virtualenv import Virtualenv
from asv.util import ProcessError, UserError, check_output
from packaging.utils import canonicalize_name

from .. import label, options, version
from ..asv_ext import settings
from ..files import write_json
from . import requirements, servers, sources, workers
from .installers import Installer, Uv, installer
from .requirements import Wheel
from .resolving import VALID, Resolver, explained
from .sources import Source, name_of

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
        self.quiet = False
        """Whether the reason of a failure is left to the one who catches the error."""
        self.frozen: list[str] | None = None
        """Exact requirements to install in place of the commit's own; none for these."""
        self.replaced: list[str] = []
        """Requirements that take the place of the commit's own of the same names."""
        Environment.__init__(self, conf, python, requirements, tagged_env_vars)
        # asv would add the working tree's build back end; each commit has its own.
        measuring = ("pip+asv_runner", "pip+pympler")
        self._base_requirements: dict[str, str] = {
            name: version
            for name, version in dict(self._base_requirements).items()
            if name in measuring
        }

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
        record = self.record
        return bool(super().check_presence()) and "base" in record and not record.get("installing")

    def create(self) -> None:
        """Create the environment, and make sure that its database answers.

        Python finds this package there, and nothing that is installed beside it. A file of paths
        does this, because asv 0.6.6 removes PYTHONPATH for benchmarks.
        """
        servers.prepare(self._conf, self.env_vars.get(options.DATABASE, "sqlite"))
        super().create()
        if not self.record:
            # What asv needs stays; the rest is the commit's.
            base = sorted(self._installer().installed())
            write_json(Path(self._path, label.RECORD), {"base": base})
        if not self._paths_file().exists():
            self._write_paths([])

    def _install_requirements(self) -> None:
        """Install what asv needs there. The label's versions come with the commit's."""
        needed = [f"{name[4:]}{version}" for name, version in self._base_requirements.items()]
        self._installer().pip("install", "wheel", *needed)

    def _paths_file(self) -> Path:
        return self._packages() / "sqlalchemy_asv.pth"

    def _write_paths(self, more: Sequence[Path]) -> None:
        """Name the folders in which Python looks for packages as well: this tool's, and more."""
        paths = [workers.tool_folder(self._conf), *more]
        self._paths_file().write_text("".join(f"{each}\n" for each in paths), encoding="utf-8")

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
        elif self._is_package(build_dir):
            log.info(f"Building {repo.get_decorated_hash(commit_hash, 8)} for {self.name}")
            self._build_wheel(build_dir)

    def _is_package(self, build_dir: str) -> bool:
        stated: bool | None = settings.own(self._conf).get("package")
        try:
            return sources.is_package(Path(build_dir)) if stated is None else stated
        except UserError as error:
            raise self._failed("build", str(error)) from error

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
        """Build a wheel. Raises asv's `ProcessError`.

        With the environment's own setuptools, if that is all it takes: `pip wheel` would start more
        processes, for requirements, for metadata, and for the wheel.
        """
        target = self._global_env_vars["ASV_BUILD_CACHE_DIR"]

        def run(
            cmd: Sequence[str],
            cwd: str | None = None,
            extra_environ: Mapping[str, str] | None = None,
        ) -> None:
            env = {**os.environ, **self.build_env_vars, **(extra_environ or {})}
            self.run_executable(
                "python",
                list(cmd[1:]),
                cwd=cwd,
                env=env,
                timeout=self._install_timeout,
                display_error=False,
            )

        try:
            builder = build.ProjectBuilder(source, self.find_executable("python"), run)
            needed = {name_of(each) for each in builder.build_system_requires}
            if needed <= {"setuptools", "wheel"} & self._installer().installed().keys():
                builder.build("wheel", target)
            else:
                self._installer().build(Path(source), Path(target))
        except (build.BuildException, build.BuildBackendException, ProcessError) as error:
            failed = getattr(error, "exception", error)
            said = failed.stderr or failed.stdout if isinstance(failed, ProcessError) else error
            raise self._failed("build", explained(str(said))) from error

    def _settings(self) -> dict[str, Any]:
        """The settings that decide how a commit is installed."""
        own = settings.own(self._conf)
        found = {name: own[name] for name in settings.INSTALLING if name in own}
        return {**found, "install_command": self._install_command}

    def _get_installed_commit_hash(self) -> str | None:
        record = self.record
        if self._working_tree and record.get("data_layer") != self._data_layer():
            return None  # it has been changed since
        if record.get("settings") != self._settings() or record.get("frozen") != self.frozen:
            return None  # with other requirements
        if record.get("replaced", []) != self.replaced or any(" @ " in r for r in self.replaced):
            return None  # a folder or a branch may have changed since
        if time.time() - record.get("made", 0) > VALID:
            return None  # with those of another week
        found: str | None = super()._get_installed_commit_hash()
        return found

    # --- installing ---------------------------------------------------------------------------

    def _install_project(self, repo: Any, commit_hash: str, build_dir: str) -> None:
        commit_name = repo.get_decorated_hash(commit_hash, 8)
        before = self.record
        # If this is interrupted, nobody can say what is installed: see `check_presence`.
        write_json(Path(self._path, label.RECORD), {**before, "installing": True})
        if self._install_command is not None:
            super()._install_project(repo, commit_hash, build_dir)
            found: dict[str, Any] = {
                "distribution": "",
                "requirements": {},
                "labelled": [],
                "source": "install_command",
                "exact": [],
                "made": time.time(),
                "commit": commit_hash,
            }
        else:
            log.info(f"Installing {commit_name} into {self.name}")
            try:
                found = self._install(Path(build_dir), commit_hash, before)
            except UserError as error:
                raise self._failed("install", str(error)) from error
        record = {
            **found,
            "base": before["base"],
            "frozen": self.frozen,
            "replaced": self.replaced,
            "settings": self._settings(),
            "data_layer": self._data_layer(),
            "packages": {
                name: version
                for name, version in self._installer().installed().items()
                if name != found["distribution"]
                and (name not in before["base"] or name in found["requirements"])
            },
        }
        write_json(Path(self._path, label.RECORD), record)

    def _install(self, commit: Path, hash: str, before: Mapping[str, Any]) -> dict[str, Any]:
        """Install a commit and its requirements, and nothing else; returns what to record.

        Raises asv's `UserError` or `ProcessError`.
        """
        wheels = list(Path(self._global_env_vars["ASV_BUILD_CACHE_DIR"]).glob("*.whl"))
        if len(wheels) > 1:
            raise UserError(f"the build made {len(wheels)} wheels, not one")
        wheel = Wheel.read(wheels[0]) if wheels else None
        labelled = requirements.of_label(self._requirements)
        replaced = requirements.parsed(self.replaced)
        labelled |= replaced
        if self._working_tree:
            assert wheel is not None
            try:
                labelled |= requirements.of_release(commit, wheel)
            except ValueError as error:
                raise UserError(str(error)) from error
        installer = self._installer()
        resolver = Resolver(installer, self._python, Path(self._env_dir).parent / "resolved")
        source = self._source(commit, wheel, installer)
        try:
            exact = (
                self.frozen
                if self.frozen is not None
                else resolver.exact(
                    source,
                    labelled=labelled,
                    more=self._measuring(),
                    cwd=commit,
                    place=f"{self._path} {hash}",
                    replaced=replaced,
                )
            )
        except ProcessError as error:
            reason = explained(f"{error.stderr}\n{error.stdout}")
            raise self._failed("install", f"{source.name}: {reason}") from error
        own = wheel.name if wheel else ""
        exact = [each for each in exact if name_of(each) != own]
        installer.sync(exact, [*before["base"], own])
        if wheel:
            installer.install_alone(wheel.file)
        self._write_paths([] if wheel else self._places(commit))
        return {
            "distribution": own,
            "requirements": {
                name_of(each): each.partition("==")[2] for each in exact if " @ " not in each
            },
            "exact": exact,
            "made": resolver.made,
            "labelled": sorted(labelled),
            "source": source.name,
            # The commit's own files count for what is measured, beside its distribution.
            "commit": hash if not wheel or any(" @ file:" in e for e in exact) else "",
        }

    def _source(self, commit: Path, wheel: Wheel | None, installer: Installer) -> Source:
        """The requirements of a commit: of a lock, of files of requirements, or of its package."""
        own = settings.own(self._conf)
        extras, groups = own.get("extras", []), own.get("groups", [])
        has_extras, has_groups = sources.known(commit, extras, groups)
        if wheel is not None:
            has_extras = [each for each in extras if canonicalize_name(each) in wheel.extras]
        # Older commits may lack them. Whoever has misspelt one should see it.
        for missing in (each for each in extras if each not in has_extras):
            log.warning(f"this commit has no extra {missing}")
        for missing in (each for each in groups if each not in has_groups):
            log.warning(f"this commit has no dependency group {missing}")
        extras, groups = has_extras, has_groups
        root = Path(self._build_root)
        stated = own.get("requirements", [])
        if not (stated or self._working_tree):
            if lock := sources.find_lock(sources.UV_LOCK, commit, root):
                if not isinstance(installer, Uv):
                    raise UserError(f"{lock.name} needs uv: `pip install uv`")
                exported = Path(self._path, sources.PYLOCK)
                installer.export(commit, extras, groups, exported)
                found = sources.of_pylock(exported, self._python)
                return Source(lock.name, tuple(found), exact=True)
            if lock := sources.find_lock(sources.PYLOCK, commit, root):
                found = sources.of_pylock(lock, self._python, extras=extras, groups=groups)
                return Source(lock.name, tuple(found), exact=True)
        files = [] if self._working_tree else sources.requirement_files(commit, stated)
        hashed = any("--hash" in file.read_text(encoding="utf-8") for file in files)
        names = [file.name for file in files]
        if wheel is None and not files:
            raise UserError(
                "the commit has no lock, no requirements.txt and no package: name its"
                " `requirements` under `sqlalchemy_asv` in the settings, or asv's `install_command`"
            )
        package, own_requirements = "", ()
        # Files with hashes name all packages, and pip takes no others beside them.
        if wheel is not None and not hashed:
            with_extras = f"[{','.join(extras)}]" if extras else ""
            package = f"{wheel.name}{with_extras} @ {wheel.file.absolute().as_uri()}"
            own_requirements = (*wheel.stated, *extras)
            names.append("the package's metadata")
        return Source(
            " and ".join(names),
            files=tuple(files),
            groups=tuple(f"{commit / sources.PROJECT}:{group}" for group in groups),
            package=package,
            stated=own_requirements,
        )

    def _measuring(self) -> list[str]:
        """Requirements that measuring needs as well, whatever a commit says."""
        own = settings.own(self._conf)
        return [
            *requirements.of_extras(Path(), own.get("measuring_extras", [])),
            *own.get("measuring_requirements", []),
        ]

    def _places(self, commit: Path) -> list[Path]:
        """The folders from which an application that is no package is imported."""
        stated = settings.own(self._conf).get("pythonpath")
        if stated is None:
            stated = ["src"] if (commit / "src").is_dir() else ["."]
        return [(commit / each).resolve() for each in stated]

    def _uninstall_project(self) -> None:
        if self._uninstall_command is not None:
            super()._uninstall_project()
            return
        # The installation of the next commit uninstalls what it does not need.
        self._set_installed_commit_hash(None)

    @property
    def record(self) -> dict[str, Any]:
        """The record of the last installation; empty if there is none."""
        try:
            found: dict[str, Any] = json.loads(Path(self._path, label.RECORD).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def _installer(self) -> Installer:
        return installer(
            self._run_program,
            self.find_executable("python"),
            self._python,
            self._packages(),
            # A release is installed as users install it, and never built from source.
            only_wheels=bool(self._working_tree),
        )

    def _packages(self) -> Path:
        (found, *_) = Path(self._path).glob("[Ll]ib/**/site-packages")
        return found

    def _run_program(self, name: str, command: list[str], cwd: Path | None = None) -> str:
        """Run a program. Raises asv's `ProcessError` with a name in place of the command."""
        env = {n: v for n, v in os.environ.items() if n != "PYTHONPATH"}
        env |= self.build_env_vars | self._global_env_vars
        # `--user`, which may be set, does not go with an environment.
        env |= {"PIP_USER": "false"}
        env.pop("PIP_NO_BUILD_ISOLATION", None)
        try:
            return str(
                check_output(
                    command,
                    timeout=self._install_timeout,
                    display_error=False,
                    # Not in a folder with a package that pip would take for installed.
                    cwd=str(cwd or self._path),
                    env=env,
                )
            )
        except ProcessError as error:
            raise ProcessError([name], error.retcode, error.stdout, error.stderr) from error

    def _failed(self, name: str, reason: str) -> ProcessError:
        """asv's error for a commit that cannot be built or installed.

        asv itself goes on with other commits, so it is told the reason at once.
        """
        if not self.quiet:
            log.error(reason)
        return ProcessError([name], 1, "", reason)
