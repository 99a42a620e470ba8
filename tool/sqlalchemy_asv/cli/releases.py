"""Commits of a dependency's releases."""

from __future__ import annotations

import re
from typing import Any

import click
from packaging.version import InvalidVersion, Version

from ..words import install


def version(context: click.Context, option: click.Parameter, text: str | None) -> Version | None:
    try:
        return Version(text) if text else None
    except InvalidVersion as error:
        raise click.BadParameter(f"{text} is no version, such as 2.0.0") from error


def part(context: click.Context, option: click.Parameter, text: str) -> tuple[int, int]:
    """Such as (2, 8) from "2/8"."""
    match = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    which, parts = map(int, match.groups()) if match else (0, 0)
    if not 1 <= which <= parts:
        raise click.BadParameter(f"{text} is no part, such as 2/8")
    return which, parts


@click.command(
    short_help="Make commits of a dependency's releases.",
    epilog="Exit codes: 0 the history is up to date; 2 it could not be made.",
)
@click.argument("dependency", default="sqlalchemy")
@click.option(
    "--since",
    callback=version,
    metavar="VERSION",
    help="The first release.  [default: the first of the major version that pyproject.toml pins]",
)
@click.option(
    "--pre",
    is_flag=True,
    help="Pre-releases as well.  [default: as `pre_releases` in the settings says]",
)
@click.option(
    "--part",
    default="1/1",
    callback=part,
    metavar="K/N",
    help="List the K-th of N parts to be measured, for N machines.  [default: all]",
)
def command(dependency: str, since: Any, pre: bool, part: Any) -> int:
    """Make commits of a DEPENDENCY's releases, by default SQLAlchemy's, for asv to measure.

    Makes or extends a repository with a commit and a tag for each release of a dependency that the
    package index has, in .asv/releases. Adds new releases and changes nothing else.
    """
    from ..asv_ext.errors import stop

    try:
        from ..asv_ext import releases
    except ModuleNotFoundError as error:
        stop(f"{error.name} is missing: {install('releases')}")
    click.echo("\n".join(releases.update(dependency, since, pre=pre, part=part)))
    return 0
