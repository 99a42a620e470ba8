"""Starting a load test in a process of its own.

Locust simulates the users. It changes the standard library when it is imported, so this module does
not import it. Locustfiles come from the working tree, like all benchmarks. They call the data layer
that is installed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .. import application
from ..databases.base import Images, chosen
from ..files import write_json
from ..words import install

TOOL = Path(__file__).parents[1]
LACKING = re.compile(
    r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'"
    r"|No module named '(?P<missing>[\w.]+)'"
)


@dataclasses.dataclass(frozen=True)
class Load:
    """The simulated users, their number, the duration, and the setup."""

    locustfile: str
    seconds: float
    """The duration, after `warm_up` seconds."""
    users: int = 0
    """0 for the number that the locustfile sets."""
    warm_up: float = 3
    pool_size: int = 0
    """Connections of a process; 0 for SQLAlchemy's default, five and ten more when needed."""
    processes: int = 1
    report: str = ""
    """A file for an HTML report."""
    figures: str = ""
    """A file for the figures, as JSON."""
    web: bool = False
    """Leave start and end to Locust's web pages."""

    def arguments(self, figures: Path) -> list[str]:
        """The arguments of Locust's command."""
        found = ["--locustfile", self.locustfile, "--figures", str(figures)]
        if self.users:
            found += ["--users", str(self.users), "--spawn-rate", str(self.users)]
        found += ["--run-time", f"{self.seconds + self.warm_up:.0f}s"]
        found += ["--warm-up", f"{self.warm_up:g}", "--pool-size", str(self.pool_size)]
        found += ["--loglevel", "WARNING"] if not self.web else []
        found += ["--report", self.report] if self.report else []
        found += ["--processes", str(self.processes)] if self.processes > 1 else []
        return found if self.web else [*found, "--headless"]


SLACK = 300
"""Seconds after its end in which a load test must have ended."""


def run(load: Load, images: Images, scale: float, *, quiet: bool) -> dict[str, Any]:
    """Run a load test on a copy of a filled database, which is removed afterwards.

    Returns a `report.Result` as a dictionary; times are in seconds. Raises `NotImplementedError` if
    the commit lacks something, and `RuntimeError` if nothing was measured.
    """
    place, fingerprint = images.places[scale], images.fingerprints[scale]
    with (
        tempfile.TemporaryDirectory() as folder,
        chosen().served(place, fingerprint) as url,
    ):
        figures = Path(load.figures or Path(folder, "figures.json")).absolute()
        if figures.is_file():
            figures.unlink()
        # In an empty folder: Locust looks for modules in the folder where it starts, which may hold
        # another data layer than the installed one. So does Python without -P.
        limit = None if load.web else load.warm_up + load.seconds + SLACK
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "locust", *load.arguments(figures)],
                cwd=folder,
                env={
                    **os.environ,
                    **application.addresses(url),
                    "LOAD_URL": url.render_as_string(hide_password=False),
                    "PYTHONPATH": str(TOOL.parent),
                },
                stdout=subprocess.DEVNULL if quiet else None,
                stderr=subprocess.PIPE if quiet else None,
                encoding="utf-8",
                errors="replace",
                check=False,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"the load test did not end within {limit:g} s") from None
        if figures.exists():
            found: dict[str, Any] = json.loads(figures.read_text(encoding="utf-8"))
            if found["operations"] or load.web:
                return found
    if "No module named locust" in (done.stderr or ""):
        raise NotImplementedError(f"Locust is missing: {install('load')}")
    if lacking := LACKING.search(done.stderr or ""):
        module = lacking["missing"] or lacking["module"]
        if module.partition(".")[0] == images.dataset.partition(".")[0]:
            raise NotImplementedError(
                f"this commit has no {module}" + (f".{lacking['name']}" if lacking["name"] else "")
            )
    if done.returncode == 0:
        raise RuntimeError("no request ended after the warm-up: measure for more seconds")
    why = (done.stderr or "").strip().splitlines() or ["see above"]
    raise RuntimeError(f"the load test ended with exit code {done.returncode}: {why[-1]}")


def kept(load: Load, images: Images, scale: float) -> dict[str, Any]:
    """Figures of a load test, which is run once in an asv run.

    They, or the reason why there are none, are kept in the folder that asv removes at the end.
    """
    asked = json.dumps([dataclasses.asdict(load), scale]).encode()
    digest = hashlib.blake2b(asked, digest_size=8).hexdigest()
    file = Path(f"load-{Path(load.locustfile).stem}-{digest}.json")
    if not file.exists():
        try:
            found = run(load, images, scale, quiet=True)
        except NotImplementedError as missing:
            found = {"missing": str(missing)}
        write_json(file, found)
    figures: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if "missing" in figures:
        raise NotImplementedError(figures["missing"])
    return figures
