"""The profile of an operation."""

from __future__ import annotations

import signal
import tempfile
from json import dumps, loads
from pathlib import Path
from typing import Any

import click

from . import options


def parameters(_: Any, __: Any, texts: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE pairs as a dictionary."""
    if wrong := [text for text in texts if "=" not in text]:
        raise click.BadParameter(f"{wrong[0]} is not NAME=VALUE")
    return dict(text.split("=", 1) for text in texts)


@click.command(
    short_help="Show what a scenario does, and what it costs.",
    epilog="Exit codes: 0 it was profiled; 2 it could not be.",
)
@click.argument("scenario")
@click.option(
    "--param",
    "params",
    multiple=True,
    callback=parameters,
    metavar="NAME=VALUE",
    help="A parameter of the scenario. May be given several times.  [default: the first value of"
    " each]",
)
@click.option(
    "--worktree",
    is_flag=True,
    help="Profile the working tree, in an environment of its own.  [default: what is installed]",
)
@options.database
@options.scale
@click.option("--runs", type=options.WHOLE, default=20, show_default=True, help="Runs to time.")
@click.option(
    "--top", type=options.WHOLE, default=10, show_default=True, help="Lines of each list."
)
@options.as_json
def command(database: str, json: str | None, worktree: bool, **how: Any) -> int:
    """Profile a SCENARIO on the application that is installed here.

    "Here" is the environment of this command. With --worktree, the working tree is installed in an
    environment of its own. The profile has statements with their plans, N+1 and full scans,
    allocations, and time by function.
    """
    from ..asv_ext.errors import stop
    from ..templates import render
    from .measuring import in_working_tree, measure

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "profile.json")
        # To stderr: an operation may print, and only the profile belongs on stdout.
        measured = in_working_tree if worktree else measure
        code = measured(database, "profile.profile", dumps(how | {"file": str(file)}), stdout=2)
        if code == -signal.SIGALRM:
            stop(f"{how['scenario']} takes longer than its `timeout` allows")
        if code:
            return 2
        found = loads(file.read_text(encoding="utf-8"))
    options.put_json(render("sqlalchemy_asv.cli", "profile.txt", found=found), json, found)
    return 0
