"""A load test: many users at once."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import Any

import click

from . import options


@click.command(
    short_help="Simulate many users.",
    epilog="Exit codes: 0 within limits; 1 beyond one; 2 nothing was measured.",
)
@click.argument("name")
@click.option(
    "--dataset",
    metavar="NAME",
    help="The rows for a locustfile that no benchmark names.  [default: the only dataset]",
)
@click.option(
    "--worktree",
    is_flag=True,
    help="Load the working tree, in an environment of its own.  [default: what is installed]",
)
@options.database
@options.scale
@click.option(
    "--users", type=options.WHOLE, help="The number of users.  [default: the locustfile's]"
)
@click.option(
    "--seconds",
    type=options.WHOLE,
    default=300,
    show_default=True,
    help="Seconds to measure, after the warm-up.",
)
@click.option(
    "--warm-up",
    type=options.POSITIVE,
    default=5,
    show_default=True,
    help="Seconds to run before that.",
)
@click.option(
    "--pool-size",
    type=click.IntRange(0),
    default=0,
    help="Connections of each process.  [default: SQLAlchemy's five, and ten more when needed]",
)
@click.option(
    "--processes",
    type=options.WHOLE,
    default=1,
    show_default=True,
    help="The number of processes that the users are divided among.",
)
@click.option("--html", metavar="FILE", callback=options.new_file, help="Write a page.")
@click.option("--json", metavar="FILE", callback=options.new_file, help="Write JSON.")
@click.option("--web", is_flag=True, help="Start and watch on Locust's pages, port 8089.")
def command(database: str, html: str | None, json: str | None, worktree: bool, **how: Any) -> int:
    """Simulate many users of the application that is installed here.

    "Here" is the environment of this command. With --worktree, the working tree is installed in an
    environment of its own.

    NAME is the path of a locustfile, or the name without ending of one that a benchmark names, such
    as "feed". Response times run from the moment a user wants an operation to its end.
    """
    from .. import scratch
    from ..load import EXCEEDED
    from .measuring import in_working_tree, measure

    if "-" in (html, json):
        raise click.UsageError("load prints its figures in any case: name a FILE")

    for name, file in (("report", html), ("figures", json)):
        how[name] = str(Path(file).absolute()) if file else ""
    how["users"] = how["users"] or 0
    if Path(how["name"]).is_file():
        how["name"] = str(Path(how["name"]).absolute())
    # A browser that Locust opens is the user's own, and not to be ended with the run.
    own = {"TMPDIR": scratch.outside()} if how["web"] else {}
    if worktree:
        code = in_working_tree(database, "load.load", dumps(how), extra="load", env=own)
    else:
        code = measure(database, "load.load", dumps(how), env=own)
    return {0: 0, EXCEEDED: 1}.get(code, 2)
