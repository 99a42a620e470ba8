"""Load tests: many simulated users at once, in a process of their own.

Locust, which simulates them, changes the standard library when it is imported, so that neither this
module nor anything else under `benchmarks/` imports it. The locustfiles come from the working tree,
like all that measures; what they call is the data layer that is installed.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .database import Images, build_images, chosen
from .environment import refuse
from .version import source_of

FOLDER = Path(__file__).parents[2] / "load"
DATASETS = {"feed": "social", "shop": "ecommerce"}
"""By locustfile."""
LACKING = re.compile(
    r"cannot import name '(?P<name>\w+)' from '(?P<module>fixtures[\w.]*)'"
    r"|No module named '(?P<missing>fixtures[\w.]*)'"
)


@dataclasses.dataclass(frozen=True)
class Load:
    """Who is simulated, how many, for how long (seconds after `warm_up` seconds), and how."""

    name: str
    seconds: float
    users: int = 0
    """0 for as many as the locustfile says."""
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
        """Locust's."""
        found = ["--locustfile", str(FOLDER / f"{self.name}.py"), "--figures", str(figures)]
        if self.users:
            found += ["--users", str(self.users), "--spawn-rate", str(self.users)]
        found += ["--run-time", f"{self.seconds + self.warm_up:.0f}s"]
        found += ["--warm-up", f"{self.warm_up:g}", "--pool-size", str(self.pool_size)]
        found += ["--loglevel", "WARNING"] if not self.web else []
        found += ["--report", self.report] if self.report else []
        found += ["--processes", str(self.processes)] if self.processes > 1 else []
        return found if self.web else [*found, "--headless"]


def run(load: Load, place: str, fingerprint: str, *, quiet: bool) -> dict[str, Any]:
    """Figures of a load test on a copy of a filled database, which is gone afterwards.

    Returns what `load/report.py` writes: by operation, "all" for all together, times in seconds.
    Raises `NotImplementedError` with what the commit lacks, `RuntimeError` if nothing was measured.
    """
    with tempfile.TemporaryDirectory() as folder, chosen().served(place, fingerprint) as url:
        figures = Path(load.figures or Path(folder, "figures.json")).absolute()
        figures.unlink(missing_ok=True)
        # In an empty folder: Locust looks for modules where it starts, and that may hold another
        # data layer than the one installed. So does Python without -P.
        done = subprocess.run(
            [sys.executable, "-P", "-m", "locust", *load.arguments(figures)],
            cwd=folder,
            env={**os.environ, "LOAD_URL": url.render_as_string(hide_password=False)},
            stdout=subprocess.DEVNULL if quiet else None,
            stderr=subprocess.PIPE if quiet else None,
            text=True,
            check=False,
        )
        if figures.exists():
            found: dict[str, Any] = json.loads(figures.read_text(encoding="utf-8"))
            if found["operations"] or load.web:
                return found
        if lacking := LACKING.search(done.stderr or ""):
            raise NotImplementedError(
                f"this commit has no {lacking['missing'] or lacking['module']}"
                + (f".{lacking['name']}" if lacking["name"] else "")
            )
        if "No module named locust" in (done.stderr or ""):
            raise NotImplementedError("Locust is not installed: remove .asv/env")
        why = (done.stderr or "").strip().splitlines() or ["see above"]
        raise RuntimeError(f"the load test ended with exit code {done.returncode}: {why[-1]}")


def kept(load: Load, images: Images, scale: float) -> dict[str, Any]:
    """Figures of a load test that this asv run has made already, or makes now.

    Keeps them, or the reason why there are none, in the folder that asv removes at the end.
    """
    file = Path(f"load-{load.name}-{load.users}-{load.seconds:g}-{load.pool_size}.json")
    if not file.exists():
        try:
            found = run(load, images.places[scale], images.fingerprints[scale], quiet=True)
        except NotImplementedError as missing:
            found = {"missing": str(missing)}
        file.write_text(json.dumps(found), encoding="utf-8")
    figures: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if "missing" in figures:
        raise NotImplementedError(figures["missing"])
    return figures


def sources(name: str) -> list[str]:
    """What decides on a load test's figures beside the data layer, for its version."""
    files = [FOLDER / f"{module}.py" for module in (name, "users", "measuring", "response_times")]
    return [source_of(sys.modules[__name__]), *(f.read_text(encoding="utf-8") for f in files)]


def main(options: str) -> None:
    """A load test for people; `options` are those of `Load` as JSON, and may hold a `scale`.

    Ends the process with exit code 0 within limits, 1 not, 2 if nothing was measured.
    """
    given = json.loads(options)
    scale = given.pop("scale", 1)
    load = Load(**given)
    try:
        images = build_images(DATASETS[load.name], (scale,))
        if not images.places:
            refuse(f"no dataset fixtures.{DATASETS[load.name]} is installed")
        found = run(load, images.places[scale], images.fingerprints[scale], quiet=False)
    except (NotImplementedError, RuntimeError) as error:
        print(f"sqlalchemy-asv: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    raise SystemExit(int(bool(found["exceeded"])))
