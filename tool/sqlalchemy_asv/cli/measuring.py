"""Measuring here, on the data layer that is installed beside this command."""

from __future__ import annotations

import tempfile
from typing import Any

from ..asv_ext import settings
from ..environments import servers, workers


def measure(database: str, function: str, *arguments: str, **more: Any) -> int:
    """Call a function of `worker` on a database that answers; returns its exit code.

    `more` is given to `subprocess.run`.
    """
    conf = settings.load(settings.COMMITS)
    servers.prepare(conf, database)
    # Not in the current folder, which holds another data layer than the environment.
    with tempfile.TemporaryDirectory() as folder:
        return workers.call(
            conf, function, *arguments, database=database, cwd=folder, **more
        ).returncode
