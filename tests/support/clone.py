"""A clone of this repository, as somebody new would have it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from filelock import FileLock

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("sqlalchemy-asv"))


class Clone:
    """A clone of this repository with what the working tree adds, as somebody new would have it."""

    def __init__(self, folder: Path, shared: Path) -> None:
        """Clone into a folder; environments are made once and kept in a `shared` one."""
        self.path = folder / "späce clone"
        home = folder / "home"
        home.mkdir()
        self.environment = {**os.environ, "HOME": str(home), "NO_COLOR": "1"}
        # git knows no name and no address of the user.
        for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
            self.environment[name] = os.devnull
        self.run("git", "clone", "--quiet", str(ROOT), str(self.path), cwd=folder)
        listing = self.run("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=ROOT)
        for name in filter(None, listing.split("\0")):
            if (ROOT / name).is_file():
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.path / name)
        for name in filter(None, self.run("git", "ls-files", "-zd", cwd=ROOT).split("\0")):
            (self.path / name).unlink()
        # Recorded results are another machine's, and are not tested here.
        shutil.rmtree(self.path / "results", ignore_errors=True)
        self.commit("The working tree")
        self._shared = shared
        self.share("env")

    def share(self, *places: str, root: Path | None = None) -> None:
        """Put copies of the environment that all tests share below the `.asv` of a clone."""
        folder = (root or self.path) / ".asv"
        with FileLock(self._shared.with_suffix(".lock")):
            if not self._shared.exists():
                self.asv("run", "HEAD^!", "--bench", "just-discover")
                shutil.copytree(self.path / ".asv" / "env", self._shared, symlinks=True)
        for place in places:
            if not (folder / place).exists():
                shutil.copytree(self._shared, folder / place, symlinks=True)

    def run(self, *command: str, cwd: Path | None = None, code: int = 0) -> str:
        done = subprocess.run(
            command,
            cwd=cwd or self.path,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, f"{command} exited {done.returncode}:\n{done.stdout}"
        return done.stdout

    def asv(self, *arguments: str, code: int = 0) -> str:
        return self.run(sys.executable, "-m", "asv", *arguments, code=code)

    def command(self, *arguments: str, code: int = 0) -> str:
        """Run `sqlalchemy-asv`."""
        return self.run(COMMAND, *arguments, code=code)

    def commit(self, message: str) -> str:
        identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
        self.run("git", "add", "--all")
        self.run("git", *identity, "commit", "--quiet", "--allow-empty", "-m", message)
        return self.run("git", "rev-parse", "HEAD").strip()

    def results(self, commit: str, folder: str = "commits") -> list[dict[str, Any]]:
        files = (self.path / "results" / folder).glob(f"*/{commit[:8]}-*.json")
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]
