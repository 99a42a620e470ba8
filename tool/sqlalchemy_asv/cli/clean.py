"""Tidying up on a server."""

from __future__ import annotations

import os

import click

from .. import options


@click.command(
    short_help="Drop this tool's databases on a server.",
    epilog="Exit codes: 0 it is tidy; 2 the server does not answer.",
)
@click.option(
    "--database",
    type=click.Choice([*options.SERVERS]),
    required=True,
    help="The kind of server; POSTGRESQL_URL or MARIADB_URL names it.",
)
def command(database: str) -> int:
    """Drop the databases that this tool keeps on a server.

    They hold filled datasets; the next run fills them again. Their names begin with
    sqlalchemy_asv_. Those in use stay.
    """
    from ..asv_ext.errors import stop
    from .measuring import measure

    variable = options.SERVERS[database]
    if not os.environ.get(variable):
        stop(f"{variable} is not set: give it the URL of the server to clean")
    return 2 * bool(measure(database, "database.drop_all"))
