"""The first files for an application in its own repository."""

from __future__ import annotations

from pathlib import Path

import click

from ..words import several


@click.command(
    short_help="Write settings and a first scenario.",
    epilog="Exit codes: 0 the first scenario runs; 2 something is missing.",
)
@click.option(
    "--workflow",
    is_flag=True,
    help="Also write a workflow of GitHub that compares each pull request with its base.",
)
def command(workflow: bool) -> int:
    """Begin in the repository of your application: write settings and a first scenario.

    Call it in the application's folder. It installs the current commit in an environment of its
    own, looks for the tables of SQLAlchemy, and writes asv.conf.json and a folder of benchmarks. It
    overwrites nothing.
    """
    from ..asv_ext import git, settings
    from ..compare.checkout import checkouts
    from ..init import writing

    started = writing.start(Path.cwd(), workflow=workflow)
    found = started.found
    click.echo(f"Found: an application in {found.folder.name}, installed by {found.source}")
    click.echo(f"  {several(started.tables, 'table')}: {', '.join(started.metadata)}")
    if found.alembic:
        click.echo(f"  migrations: {found.alembic}")
    if found.addresses:
        click.echo(f"  the address of the database: {', '.join(found.addresses)}")
    click.echo(f"Wrote: {', '.join(started.written)}")
    for name in started.kept:
        click.echo(f"Left as it was: {name}")
    for note in found.notes:
        click.echo(f"Left to you: {note}")
    conf = settings.load(settings.COMMITS)
    with checkouts(conf, "sqlite") as (side, _):
        counts = writing.tried(side, git.git(".", "rev-parse", "HEAD"))
    for title, each in counts.items():
        statements, rows = several(each["statements"], "statement"), several(each["rows"], "row")
        click.echo(f"It runs: {title} ({statements}, {rows})")
    folder = Path(conf.benchmark_dir).name
    click.echo(
        f"\nNext: put a call of your application into {folder}/first.py, then\n"
        "  sqlalchemy-asv compare HEAD~1 HEAD    did the last commit make it slower, and why?\n"
        "  sqlalchemy-asv compare --worktree     the same for what is not committed yet"
    )
    return 0
