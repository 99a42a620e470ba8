"""Measuring here, on the data layer that is installed beside this command."""

from __future__ import annotations

import subprocess
import tempfile
from typing import Any

import click

from .. import options
from ..asv_ext import history, settings
from ..compare.checkout import checkouts
from ..environments import requirements, servers, workers


def measure(database: str, function: str, *arguments: str, **more: Any) -> int:
    """Call a function of `worker` on a database that answers; returns its exit code.

    `more` is given to `subprocess.run`.
    """
    conf = settings.load(settings.COMMITS)
    servers.prepare(conf, database)
    # Not in the current folder, which holds another data layer than the environment.
    with tempfile.TemporaryDirectory() as folder:
        more["env"] = more.pop("env", {}) | one_line()
        return workers.call(
            conf, function, *arguments, database=database, cwd=folder, **more
        ).returncode


def one_line() -> dict[str, str]:
    """The variable by which a process prints one line for an error, unless there is `--debug`."""
    context = click.get_current_context(silent=True)
    debug = context is not None and context.find_root().params.get("debug")
    return {} if debug else {options.ONE_LINE: "1"}


def in_working_tree(
    database: str, function: str, *arguments: str, extra: str = "", **more: Any
) -> int:
    """Call a function of `worker` in an environment with the working tree; returns its exit code.

    `extra` is an extra of this tool that the environment gets as well. `more` is given to
    `subprocess.run`.
    """
    conf = settings.load(settings.COMMITS)
    if extra:
        own = settings.own(conf)
        more_of_them = [*own.get("measuring_requirements", []), *requirements.of_tool(extra)]
        conf.sqlalchemy_asv = {**own, "measuring_requirements": more_of_them}
    with checkouts(conf, database) as (side, _):
        side.install(history.working_tree(conf))
        command = side.command(function, *arguments)
        command["env"] |= more.pop("env", {}) | one_line()
        return subprocess.run(**command, check=False, **more).returncode
