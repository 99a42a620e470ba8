"""Counts that are kept, so that nothing is counted twice.

They are found by a digest of everything that decides a count: the tool, the benchmarks, the files
of the commit's data layer, the installed packages, Python, the processor, and the database. Two
commits with the same data layer have the same counts.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .. import application, options, suite
from ..databases.base import chosen
from ..files import write_json
from ..label import data_layer, distribution, record

TOOL = Path(__file__).parents[1]
COMMITS = 50
"""The number of digests whose counts are kept: those that were used last."""


class Kept:
    """The counts of the installed commit in earlier processes, by kind and title."""

    def __init__(self, folder: str, commit: str, *, fresh: bool = False) -> None:
        """Counts below a folder. If `fresh`, none are used, but new ones are kept."""
        self._folder = Path(folder, digest(commit))
        self._fresh = fresh

    def get(
        self,
        kind: str,
        titles: Sequence[str],
        count: Callable[[list[str]], dict[str, Any]],
    ) -> dict[str, Any]:
        """What is kept of titles; those that are missing are counted, and kept.

        A title that `count` does not return, since it failed, is not kept.
        """
        file = self._folder / f"{kind}.json"
        known: dict[str, Any] = {}
        if file.exists():
            known = json.loads(file.read_text(encoding="utf-8"))
            os.utime(self._folder)  # it was used
        found = {title: known[title] for title in titles if title in known and not self._fresh}
        if missing := [title for title in titles if title not in found]:
            new = count(missing)
            found |= new
            if new:
                self._folder.mkdir(parents=True, exist_ok=True)
                write_json(file, known | new)
                forget_all_but(COMMITS, self._folder.parent)
        return {title: found[title] for title in titles if title in found}


def forget_all_but(number: int, folder: Path) -> None:
    """Remove the counts that have not been added to for longest."""
    by_age = []
    for each in folder.iterdir():
        with contextlib.suppress(OSError):  # the other commit's process removes some as well
            by_age.append((each.stat().st_mtime, each))
    for _, old in sorted(by_age, reverse=True)[number:]:
        shutil.rmtree(old, ignore_errors=True)


def digest(commit: str) -> str:
    """A digest of everything that decides the counts of a commit, in the current process."""
    parts = {
        "tool": _of_files(TOOL.rglob("*.py")),
        "benchmarks": _of_files(suite.folder().rglob("*.py")),
        "data layer": data_layer() or [_of_distribution() or commit, record().get("commit")],
        "packages": sorted(map(_of_package, importlib.metadata.distributions())),
        "python": [sys.version, platform.libc_ver(), sqlite3.sqlite_version],
        "processor": _processor(),
        "database": [options.database(), chosen().version()],
        "application": [application.stated(), *_variables()],
        "valgrind": _valgrind(),
    }
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _of_distribution() -> str:
    """A digest of the files of the measured distribution; empty outside an environment of asv's."""
    found = distribution()
    return _of_installed(found) if found else ""


def _of_package(package: importlib.metadata.Distribution) -> str:
    """A package's name and version, with a digest of its files if it is from no package index.

    A revision or a folder may differ from another one of the same version. What is measured has a
    digest of its own.
    """
    name = package.metadata["Name"]
    said = f"{name} {package.version}"
    measured = distribution()
    is_measured = measured is not None and measured.metadata["Name"] == name
    if is_measured or package.read_text("direct_url.json") is None:
        return said
    return f"{said} {_of_installed(package)}"


def _of_installed(package: importlib.metadata.Distribution) -> str:
    """A digest of the files of a package.

    An installation has a digest of each file. Files about the installation itself are left out,
    since they differ.
    """
    found = hashlib.blake2b(digest_size=16)
    for file in sorted(package.files or ()):
        if file.hash is not None and not file.parts[0].endswith(".dist-info"):
            found.update(f"{file} {file.hash.value} ".encode())
    return found.hexdigest()


def _variables() -> list[str | None]:
    """The values of the variables that settings give the application, but for addresses."""
    stated = application.stated()
    addresses = stated.get("database_url", ())
    return [os.environ.get(each) for each in stated.get("variables", ()) if each not in addresses]


def _of_files(files: Iterable[Path]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for file in sorted(files):
        content = file.read_bytes()
        found.update(f"{file.name} {len(content)} ".encode() + content)
    return found.hexdigest()


def _valgrind() -> str:
    """The version of valgrind; empty if it is missing."""
    found = shutil.which("valgrind")
    if found is None:
        return ""
    return subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout


def _processor() -> str:
    """The processor's model."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor()])[0]
