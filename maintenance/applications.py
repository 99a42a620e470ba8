"""The applications of the tests, in full: ten commits recorded, the regression found by bisecting.

    python -m maintenance.applications
    python -m maintenance.applications --application shop --database postgresql
    python -m maintenance.applications --harmless

Each is made in a temporary folder, with the benchmarks that docs/your-application.md shows.
PostgreSQL is that of POSTGRESQL_URL, or of the run's own. `--harmless` makes changes that cost
nothing, and compares each of them, by the scenario and by the application's own tests.

Exit codes: 0 all is as it must be, 1 something is not, 2 it could not be tried.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from asv.util import UserError
from sqlalchemy_asv.asv_ext.errors import in_one_line
from sqlalchemy_asv.compare.verdict import UNCHANGED

from tests.support.applications import Application, begun, git, regression
from tests.support.applications.library import LIBRARY
from tests.support.applications.shop import SHOP
from tests.support.applications.stock import STOCK

from .harmless import HARMLESS

APPLICATIONS = {each.name: each for each in (STOCK, SHOP, LIBRARY)}
MEASURING = {
    "stock": {"extras": ["postgresql"]},
    "shop": {"measuring_requirements": ["psycopg[binary]>=3.1"]},
    "library": {"measuring_requirements": ["psycopg[binary]>=3.1", "asyncpg>=0.29"]},
}
"""The settings for PostgreSQL, which not every commit asks for."""
QUERIES = {
    "stock": "src/stock/queries.py",
    "shop": "shop/views.py",
    "library": "src/library/app.py",
}
"""The module of each application that sends its statements."""
TOOL = str(Path(sys.executable).with_name("sqlalchemy-asv"))
COUNTED = "track_(statements|rows|calls)$"


def run(root: Path, database: str, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        command,
        cwd=root,
        env={**os.environ, "DATABASE": database, "HOME": str(root.parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def wrong(application: Application, database: str, root: Path) -> Iterator[str]:
    """Yields what is not as it must be."""
    base, head = regression(application)
    code, said = run(root, database, TOOL, "compare", base, head, "--time", "none")
    if code != 1 or ("1 worse" not in said and "1 trade-off" not in said):
        yield f"compare ended with {code}: {said}"
    bench = ("--bench", COUNTED)
    code, said = run(root, database, sys.executable, "-m", "asv", "run", "ALL", *bench)
    if code:
        yield f"asv run ended with {code}: {said}"
    found = [
        json.loads(file.read_text("utf-8"))
        for file in root.glob("results/commits/*/????????-*.json")
    ]
    name = f"{application.benchmark}.track_statements"
    counted = [each for each in found if (each["results"].get(name) or [[None]])[0][0]]
    if len(counted) != 1 + len(application.commits):
        yield f"asv run counted {len(counted)} commits: {said}"
    arguments = (application.benchmark, f"HEAD~{len(application.commits)}", "HEAD")
    code, said = run(root, database, TOOL, "bisect", *arguments)
    if code or git(root, "log", "-1", "--format=%s", head) not in said:
        yield f"bisect ended with {code}: {said}"
    if changed := git(root, "diff", "--stat", "--", ":!.gitignore"):
        yield f"the checkout differs: {changed}"


def falsely(application: Application, database: str, root: Path) -> tuple[list[str], int]:
    """Compare each harmless change; returns false verdicts, and the number of verdicts."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Benchmarks")
    base = git(root, "rev-parse", "HEAD")
    file, report = root / QUERIES[application.name], root.parent / "verdicts.json"
    wrong: list[str] = []
    number = 0
    for kind in (each for each in HARMLESS if each.anywhere):
        git(root, "reset", "--quiet", "--hard", base)
        try:
            file.write_text(kind.made(file.read_text("utf-8")), "utf-8")
        except UserError:
            print(f"{application.name}: {kind.name} has no place", flush=True)
            continue
        git(root, "commit", "--quiet", "--all", "--message", kind.name)
        for way in (("--time", "none"), ("--tests",)):
            code, said = run(
                root, database, TOOL, "compare", base, "HEAD", *way, "--json", str(report)
            )
            found = json.loads(report.read_text("utf-8"))["compared"]
            number += len(found)
            names = [each["title"] for each in found if each["word"] != UNCHANGED]
            if code or names or not found:
                wrong.append(f"{kind.name}, {' '.join(names)}, exit code {code}: {said}")
            report.unlink()
    return wrong, number


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m maintenance.applications",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--application", choices=APPLICATIONS, action="append")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--harmless", action="store_true", help="compare changes that cost nothing")
    options = parser.parse_args(arguments)
    failed = False
    with in_one_line(debug=False, option="python -X dev"):
        for name in options.application or APPLICATIONS:
            for database in options.database or ("sqlite", "postgresql"):
                start = time.monotonic()
                with tempfile.TemporaryDirectory() as folder:
                    root = begun(APPLICATIONS[name], Path(folder), MEASURING[name])
                    compared = ""
                    if options.harmless:
                        problems, number = falsely(APPLICATIONS[name], database, root)
                        compared = f"{number} verdicts, {len(problems)} false: "
                    else:
                        problems = list(wrong(APPLICATIONS[name], database, root))
                failed = failed or bool(problems)
                said = compared + ("; ".join(problems) or "as it must be")
                print(f"{name} on {database}, {time.monotonic() - start:.0f} s: {said}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
