"""The comparison of tests on suites that are not ours: identical commits, and what counting costs.

    python -m maintenance.suites
    python -m maintenance.suites --suite marshmallow-sqlalchemy
    python -m maintenance.suites --off

Public suites come from the package index, as the source distribution that holds them. Applications
are those of this repository's tests. Each is put into a repository with a commit that changes
nothing that is tested.

`--off` counts the instructions of tests that send ten statements, with the plugin installed and
off, and without it; it needs valgrind.

Exit codes: 0 no test got a verdict, and counting costs less than half of a run; 1 otherwise;
2 it could not be tried.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy_asv.asv_ext.errors import in_one_line

from tests.support.applications import commit, git, regression
from tests.support.applications.library import LIBRARY
from tests.support.applications.shop import SHOP
from tests.support.applications.stock import STOCK
from tests.support.subjects import ten_statements

PUBLIC = {"marshmallow-sqlalchemy": "1.6.0", "Flask-SQLAlchemy": "3.1.1"}
APPLICATIONS = {each.name: each for each in (STOCK, SHOP, LIBRARY)}
TOOL = str(Path(sys.executable).with_name("sqlalchemy-asv"))
PAIRS = 5
MOST_OFF = 1.01
"""The most instructions that the plugin may cost where nobody asks for it."""
MOST = 1.5
"""The most that a run may cost, in plain runs."""


def public(name: str, folder: Path) -> Path:
    """A repository with the source distribution of a package, and a commit that changes nothing."""
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--no-binary", ":all:", "--dest", str(folder), f"{name}=={PUBLIC[name]}"),
        ],
        check=True,
    )
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    archive.unlink()
    (root,) = folder.iterdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, "As published")
    readme = next(root.glob("README*"))
    readme.write_text(readme.read_text("utf-8") + "\n", "utf-8")
    commit(root, "Nothing")
    return root


def compared(root: Path, base: str, head: str) -> tuple[int, str]:
    done = subprocess.run(
        [TOOL, "compare", "--tests", base, head],
        cwd=root,
        env={**os.environ, "HOME": str(root.parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def cost(root: Path) -> tuple[float, float]:
    """The median of the ratios of a counted run to the plain run before it; and plain seconds."""
    (python,) = root.glob(".asv/tests/1/head/*/bin/python")
    plain = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    counting = [
        *plain,
        "-p",
        "sqlalchemy_asv.pytest_plugin",
        "--sqlalchemy-counts-file=counts.json",
    ]
    ratios, seconds = [], []
    for _ in range(PAIRS):
        taken = []
        for command in (plain, counting):
            start = time.monotonic()
            subprocess.run(
                command,
                cwd=python.parents[1] / "project",
                env={**os.environ, "LIBRARY_DATABASE_URL": "sqlite+aiosqlite://"},
                check=True,
                stdout=subprocess.DEVNULL,
            )
            taken.append(time.monotonic() - start)
        ratios.append(taken[1] / taken[0])
        seconds.append(taken[0])
    return statistics.median(ratios), statistics.median(seconds)


def off() -> float:
    """Instructions of a test with the plugin installed and off, in those without it."""
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for how in (["-p", "no:sqlalchemy-asv"], []):
            few, many = (instructions(Path(folder), number, how) for number in (5, 45))
            found.append((many - few) / 40)
    return found[1] / found[0]


def instructions(folder: Path, tests: int, how: Sequence[str]) -> int:
    """The instructions of a run of some tests, each of which sends ten statements."""
    file = folder / "test_ten.py"
    file.write_text(ten_statements(tests), "utf-8")
    done = subprocess.run(
        [
            *("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"),
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *how, str(file)),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    (refs,) = re.findall(r"I\s+refs:\s+([\d,]+)", done.stderr)
    return int(refs.replace(",", ""))


def wrong(name: str, folder: Path) -> Iterator[str]:
    """Yields what is not as it must be, and prints a line of figures."""
    application = APPLICATIONS.get(name)
    root = application.make(folder) if application else public(name, folder)
    code, said = compared(root, "HEAD~1", "HEAD")
    summary = next((line for line in said.splitlines() if " on " in line), said)
    if code or not re.fullmatch(r".* on (\d+) tests: \1 unchanged", summary):
        yield f"identical commits: exit code {code}: {said}"
    if "once more" in said:
        yield "identical commits were run twice"
    ratio, seconds = cost(root)
    if ratio > MOST:
        yield f"a counted run takes {ratio:.2f} times a plain one"
    if application:
        code, more = compared(root, *regression(application))
        if code != 1:
            yield f"the regression: exit code {code}: {more}"
    tests = summary.partition(" on ")[2]
    print(
        json.dumps(
            {"suite": name, "identical": tests, "plain": round(seconds, 1), "cost": round(ratio, 2)}
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m maintenance.suites",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    every = [*PUBLIC, *APPLICATIONS]
    parser.add_argument("--suite", choices=every, action="append")
    parser.add_argument("--off", action="store_true")
    options = parser.parse_args(arguments)
    failed = False
    with in_one_line(debug=False, option="python -X dev"):
        if options.off:
            ratio = off()
            print(f"instructions of a test, installed and off: {ratio:.4f} times those without it")
            return int(ratio >= MOST_OFF)
        for name in options.suite or every:
            with tempfile.TemporaryDirectory() as folder:
                for problem in wrong(name, Path(folder)):
                    failed = True
                    print(f"{name}: {problem}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
