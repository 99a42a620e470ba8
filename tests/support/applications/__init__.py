"""Applications that are not ours, each in a git repository of its own with a history.

None of them knows the tool until somebody adds it. One commit of each is a regression that a
reviewer could miss.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("sqlalchemy-asv"))
DOCUMENT = Path(__file__).parents[3] / "docs" / "your-application.md"
IDENTITY = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
Change = tuple[str, str, str]
"""A file, a text in it, and the text in its place; both are the whole file if it is new."""


@dataclasses.dataclass(frozen=True)
class Commit:
    """A message, with texts that are replaced and files that are written."""

    message: str
    changes: tuple[Change, ...] = ()
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Application:
    """The files of the first commit, and the commits after it."""

    name: str
    files: Mapping[str, str]
    commits: tuple[Commit, ...]
    regression: int
    """The position of the commit that made it slower, from 0, the first one."""
    heading: str
    """The heading in the document below which the module of scenarios for it stands."""
    benchmark: str
    """The name of its scenario."""
    prepare: Callable[[Path], None] | None = None
    """Completes the first commit."""

    @property
    def scenario(self) -> str:
        """The module of scenarios that somebody writes for it, as the document shows it."""
        text = DOCUMENT.read_text(encoding="utf-8")
        below = text.partition(f"### {self.heading}\n")[2]
        found = re.search(r"^```python\n(.*?)^```", below, re.MULTILINE | re.DOTALL)
        assert found is not None, self.heading
        return found[1]

    def make(self, folder: Path) -> Path:
        """Make the repository; returns its folder."""
        root = folder / self.name
        root.mkdir(parents=True)
        git(root, "init", "--quiet", "--initial-branch=main")
        for name, text in self.files.items():
            write(root / name, text)
        if self.prepare is not None:
            self.prepare(root)
        commit(root, "The first version")
        for each in self.commits:
            for name, old, new in each.changes:
                text = (root / name).read_text(encoding="utf-8")
                assert text.count(old) == 1, (name, old)
                write(root / name, text.replace(old, new))
            for name, text in each.files.items():
                write(root / name, text)
            commit(root, each.message)
        return root


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def git(root: Path, *arguments: str) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", *IDENTITY, *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def commit(root: Path, message: str) -> str:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)
    return git(root, "rev-parse", "HEAD")


def run(root: Path, *arguments: str, code: int = 0) -> str:
    """Run the tool in a repository; returns what it prints."""
    environment = {**os.environ, "HOME": str(root.parent), "NO_COLOR": "1"}
    done = subprocess.run(
        [COMMAND, *arguments],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    return said


def begun(
    application: Application, folder: Path, settings: Mapping[str, object] | None = None
) -> Path:
    """An application's repository with benchmarks, made as the document says."""
    root = application.make(folder)
    before = git(root, "status", "--short")
    said = run(root, "init")
    assert "It runs: first.Read" in said, said
    assert before == ""
    changed = git(root, "status", "--short").splitlines()
    assert [line.strip() for line in changed] == [
        "?? asv.conf.json",
        "?? benchmarks/",
    ]
    assert len(application.scenario.splitlines()) <= 30
    (root / "benchmarks" / "listing.py").write_text(application.scenario, encoding="utf-8")
    (root / "benchmarks" / "first.py").unlink()
    if settings:
        conf = root / "asv.conf.json"
        text = conf.read_text(encoding="utf-8")
        own = "".join(f"{json.dumps(n)}: {json.dumps(v)},\n" for n, v in settings.items())
        conf.write_text(
            text.replace('"sqlalchemy_asv": {', f'"sqlalchemy_asv": {{{own}', 1), "utf-8"
        )
    return root


def regression(application: Application) -> tuple[str, str]:
    """The names of the commit that made it slower, and of the one before."""
    after = len(application.commits) - application.regression
    return f"HEAD~{after + 1}", f"HEAD~{after}"
