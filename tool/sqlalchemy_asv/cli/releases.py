"""Commits of a dependency's releases."""

from __future__ import annotations

from typing import Any

import click
from packaging.version import InvalidVersion, Version


def version(context: click.Context, option: click.Parameter, text: str | None) -> Version | None:
    try:
        return Version(text) if text else None
    except InvalidVersion as error:
        raise click.BadParameter(f"{text} is no version, such as 2.0.0") from error


@click.command(epilog="Exit codes: 0 the history is up to date; 2 it could not be made.")
@click.argument("dependency", default="sqlalchemy")
@click.option(
    "--since",
    callback=version,
    metavar="VERSION",
    help="The first release.  [default: the first of the major version that is pinned]",
)
def command(dependency: str, since: Any) -> int:
    """Make commits of a DEPENDENCY's releases for asv to measure.

    Makes or extends a repository with a commit and a tag for each release of a dependency that the
    package index has, in .asv/releases. Adds new releases and changes nothing else.
    """
    from ..asv_ext.errors import stop

    try:
        from ..asv_ext import releases
    except ModuleNotFoundError as error:
        stop(f"{error.name} is missing: `pip install sqlalchemy-asv[releases]`")
    click.echo("\n".join(releases.update(dependency, since)))
    return 0
