"""pip and uv: which versions requirements mean, and an environment that holds those alone."""

from __future__ import annotations

import abc
import importlib.metadata
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from . import sources
from .sources import Source, name_of

Run = Callable[..., str]
"""Runs a program, given as name and command; returns its output. Raises asv's `ProcessError`."""


class Installer(abc.ABC):
    """A program that installs packages into an environment."""

    def __init__(
        self, run: Run, python: str, version: str, packages: Path, *, only_wheels: bool = False
    ) -> None:
        """The environment's `python`, its `version` such as "3.12", its folder of `packages`."""
        self._run = run
        self._python = python
        self._version = version
        self._packages = packages
        self._wheels = ["--only-binary", ":all:"] if only_wheels else []

    @abc.abstractmethod
    def pip(self, command: str, *arguments: str, cwd: Path | None = None) -> str:
        """Run a command of pip."""

    @abc.abstractmethod
    def resolved(self, arguments: Sequence[str], cwd: Path) -> list[str]:
        """The exact requirements that follow from arguments of `pip install`."""

    @abc.abstractmethod
    def build(self, source: Path, target: Path) -> None:
        """Build a wheel, with its build back end in an environment of its own."""

    def resolve(
        self, source: Source, more: Iterable[str], constraints: Sequence[str], cwd: Path
    ) -> list[str]:
        """The exact requirements of a source and `more` requirements, sorted.

        `cwd` is the folder from which paths are meant. Raises asv's `ProcessError` if there are
        none that agree.
        """
        with tempfile.TemporaryDirectory() as folder:
            asked = Path(folder, "requirements.in")
            asked.write_text("\n".join([*source.requirements, *more, ""]), encoding="utf-8")
            arguments = [part for file in (asked, *source.files) for part in ("-r", str(file))]
            arguments += [part for group in source.groups for part in ("--group", group)]
            if constraints:
                fixed = Path(folder, "constraints.txt")
                fixed.write_text("\n".join([*constraints, ""]), encoding="utf-8")
                arguments += ["-c", str(fixed)]
            return sorted(self.resolved([*self._wheels, *arguments], cwd))

    def installed(self) -> dict[str, str]:
        """The versions of all packages, by name."""
        found = importlib.metadata.distributions(path=[str(self._packages)])
        return {canonicalize_name(each.metadata["Name"]): each.version for each in found}

    def sync(self, exact: Sequence[str], keep: Iterable[str]) -> None:
        """Make the environment hold exact requirements, and of others only those to `keep`."""
        wanted = {name_of(each) for each in exact}
        before = self.installed()
        if extraneous := sorted(before.keys() - wanted - set(keep)):
            self.uninstall(*extraneous)
        # pip and uv take one of the same version for the same, wherever it is from.
        origins = self._origins()
        plain, forced = [], []
        for each in exact:
            name, (_, _, place) = name_of(each), each.partition(" @ ")
            if not place and name not in origins:
                if before.get(name) != each.partition("==")[2]:
                    plain.append(each)
            elif origins.get(name, "") != place:
                forced.append(each)
        self._install(plain)
        self._install(forced, "--force-reinstall")

    def _install(self, exact: Sequence[str], *options: str) -> None:
        if not exact:
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "requirements.txt")
            file.write_text("\n".join([*exact, ""]), encoding="utf-8")
            self.pip("install", "--no-deps", *options, *self._wheels, "-r", str(file))

    def _origins(self) -> dict[str, str | None]:
        """The packages that are from no index, by name, with the URL of a revision.

        A folder or a file may have changed since, so it has none.
        """
        found: dict[str, str | None] = {}
        for each in importlib.metadata.distributions(path=[str(self._packages)]):
            if (text := each.read_text("direct_url.json")) is not None:
                origin = json.loads(text)
                name = canonicalize_name(each.metadata["Name"])
                found[name] = _place(origin) if "vcs_info" in origin else None
        return found

    @abc.abstractmethod
    def uninstall(self, *names: str) -> None: ...

    def install_alone(self, wheel: Path) -> None:
        """Install a wheel without its requirements, even if the same version is there."""
        self.pip("install", "--no-deps", "--force-reinstall", str(wheel))


class Pip(Installer):
    """The environment's own pip."""

    def pip(self, command: str, *arguments: str, cwd: Path | None = None) -> str:
        options = ["--quiet", "--disable-pip-version-check"]
        return self._run(
            f"pip {command}",
            [self._python, "-P", "-m", "pip", *options, command, *arguments],
            cwd=cwd,
        )

    def resolved(self, arguments: Sequence[str], cwd: Path) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder, "report.json")
            self.pip(
                "install",
                *("--dry-run", "--ignore-installed", "--report", str(report)),
                *arguments,
                cwd=cwd,
            )
            chosen = json.loads(report.read_text(encoding="utf-8"))["install"]
        return [_exact(each) for each in chosen]

    def build(self, source: Path, target: Path) -> None:
        self.pip("wheel", "--no-deps", "--wheel-dir", str(target), str(source))

    def uninstall(self, *names: str) -> None:
        self.pip("uninstall", "--yes", *names)


def _exact(chosen: dict[str, Any]) -> str:
    """A requirement for one entry of pip's report of an installation."""
    name, version = chosen["metadata"]["name"], chosen["metadata"]["version"]
    if not chosen.get("is_direct"):
        return f"{name}=={version}"
    return f"{name} @ {_place(chosen['download_info'])}"


def _place(origin: dict[str, Any]) -> str:
    """The URL of a package that is from no index, by the standard for its `direct_url.json`."""
    url = str(origin["url"])
    if vcs := origin.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    if subfolder := origin.get("subdirectory"):
        url += f"#subdirectory={subfolder}"
    return url


class Uv(Installer):
    """uv, where it is installed: as pip, and faster."""

    def __init__(self, *arguments: Any, program: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._program = program

    def pip(self, command: str, *arguments: str, cwd: Path | None = None) -> str:
        return self._run(
            f"uv pip {command}",
            [self._program, "--quiet", "pip", command, "--python", self._python, *arguments],
            cwd=cwd,
        )

    def resolved(self, arguments: Sequence[str], cwd: Path) -> list[str]:
        files = [each for each in arguments if each != "-r"]
        with tempfile.TemporaryDirectory() as folder:
            # It names packages that are folders as well; a list of requirements does not.
            lock = Path(folder, sources.PYLOCK)
            self.pip("compile", "--output-file", str(lock), *files, cwd=cwd)
            return sources.of_pylock(lock, self._version)

    def export(
        self, project: Path, extras: Sequence[str], groups: Sequence[str], target: Path
    ) -> None:
        """Write a `pylock.toml` with everything that `uv sync --frozen` installs of a `uv.lock`."""
        chosen = [part for extra in extras for part in ("--extra", extra)]
        chosen += [part for group in groups for part in ("--group", group)]
        how = ("--frozen", "--format", "pylock.toml", "--no-editable", "--no-emit-project")
        self._run(
            "uv export",
            [self._program, "--quiet", "export", *how, "--output-file", str(target), *chosen],
            cwd=project,
        )

    def build(self, source: Path, target: Path) -> None:
        self._run(
            "uv build",
            [self._program, "--quiet", "build", "--wheel", "--out-dir", str(target), str(source)],
        )

    def uninstall(self, *names: str) -> None:
        self.pip("uninstall", *names)


def installer(
    run: Run, python: str, version: str, packages: Path, *, only_wheels: bool = False
) -> Installer:
    """uv if it is installed, else pip."""
    if program := uv():
        return Uv(run, python, version, packages, only_wheels=only_wheels, program=program)
    return Pip(run, python, version, packages, only_wheels=only_wheels)


def uv() -> str | None:
    """The program uv, on the PATH or beside this Python."""
    beside = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    return shutil.which("uv", path=beside)
