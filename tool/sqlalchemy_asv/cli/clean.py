"""Tidying up on a server."""

from __future__ import annotations

import click

from .. import options


@click.command(epilog="Exit codes: 0 it is tidy; 2 the server does not answer.")
@click.option("--database", type=click.Choice([*options.SERVERS]), required=True)
def command(database: str) -> int:
    """Drop the datasets that runs left on a server for later runs.

    Drops the databases whose names begin with sqlalchemy_asv_ on the server of POSTGRESQL_URL or
    MARIADB_URL, except those in use.
    """
    from .measuring import measure

    return 2 * bool(measure(database, "database.drop_all"))
