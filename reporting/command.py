"""The command `sqlalchemy-asv`: what asv has no word for.

Exit codes: 0 all is well, 1 something is exceeded or slower, 2 it could not be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import servers

BENCHMARKS = Path("benchmarks")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="sqlalchemy-asv",
        description="Load tests of this data layer.",
        epilog="Exit codes: 0 all is well, 1 something is exceeded, 2 it could not be measured.",
    )
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_load(subcommands)
    options = parser.parse_args(arguments)
    if not (BENCHMARKS / servers.PROCESS).exists():
        servers.stop("there is no folder benchmarks/ here; change to the clone of this project")
    code: int = options.run(options)
    return code


def positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value


def whole(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database",
        choices=servers.DATABASES,
        default=os.environ.get(servers.CHOICE) or "sqlite",
        help="where it is, on a server, tell POSTGRESQL_URL and MARIADB_URL (default: sqlite)",
    )
    parser.add_argument(
        "--scale", type=positive, default=1, help="size of the dataset, as a factor (default: 1)"
    )


def add_load(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "load",
        help="simulate many users at once",
        description="Simulate many users at once on the data layer installed here, and say how"
        " long they waited from wish to answer. Limits: see load/feed.py and load/shop.py.",
    )
    parser.add_argument("name", choices=("feed", "shop"), help="50 users read, or 100 shop")
    add_database(parser)
    parser.add_argument("--users", type=whole, help="how many (default: 50 and 100)")
    parser.add_argument(
        "--seconds", type=whole, default=300, help="how long, after warm-up (default: 300)"
    )
    parser.add_argument("--warm-up", type=positive, default=5, help="seconds (default: 5)")
    parser.add_argument(
        "--pool-size",
        type=whole,
        default=0,
        help="connections of each process (default: SQLAlchemy's five, and ten when needed)",
    )
    parser.add_argument(
        "--processes", type=whole, default=1, help="among which users are divided (default: 1)"
    )
    parser.add_argument("--report", default="", metavar="FILE", help="write a page to this file")
    parser.add_argument("--json", default="", metavar="FILE", help="write figures to this file")
    parser.add_argument(
        "--web", action="store_true", help="start and watch on Locust's pages, port 8089"
    )
    parser.set_defaults(run=load)


def load(options: argparse.Namespace) -> int:
    how = {
        "name": options.name,
        "users": options.users or {"feed": 50, "shop": 100}[options.name],
        "seconds": options.seconds,
        "warm_up": options.warm_up,
        "pool_size": options.pool_size,
        "processes": options.processes,
        "report": str(Path(options.report).absolute()) if options.report else "",
        "figures": str(Path(options.json).absolute()) if options.json else "",
        "web": options.web,
        "scale": options.scale,
    }
    return measure(options.database, "load", "main", json.dumps(how))


def measure(database: str, *arguments: str) -> int:
    """Call a function of `benchmarks/harness` in a process of its own; returns its exit code."""
    servers.prepare(database, BENCHMARKS, Path(".asv"))
    command = [sys.executable, str((BENCHMARKS / servers.PROCESS).absolute()), *arguments]
    environment = {**os.environ, servers.CHOICE: database, "PYTHONHASHSEED": "0"}
    # Not from here: this folder holds a data layer as well as the environment does.
    with tempfile.TemporaryDirectory() as folder:
        try:
            return subprocess.run(command, env=environment, cwd=folder, check=False).returncode
        except KeyboardInterrupt:
            return 2
