"""Options and their types that commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import click

from .. import options
from ..asv_ext import settings

Command = TypeVar("Command", bound=Callable[..., object])
POSITIVE = click.FloatRange(min=0, min_open=True)
WHOLE = click.IntRange(min=1)


def database(command: Command) -> Command:
    """`--database`, by default SQLite."""
    return click.option(
        "--database",
        type=click.Choice(options.DATABASES),
        default=lambda: os.environ.get(options.DATABASE) or "sqlite",
        show_default="sqlite",
        help="POSTGRESQL_URL and MARIADB_URL tell where the server is.",
    )(command)


def config(command: Command) -> Command:
    """`--config`, with asv's settings."""
    return click.option(
        "--config",
        metavar="FILE",
        help=f"asv's settings.  [default: {settings.COMMITS}, or those of the releases with these"
        " names]",
    )(command)


def seconds(what: str) -> Callable[[Command], Command]:
    """`--seconds`, the longest time that something may take."""
    return click.option(
        "--seconds", type=POSITIVE, default=60, show_default=True, help=f"The most for {what}."
    )


def fresh(command: Command) -> Command:
    """`--fresh`, without counts of earlier comparisons."""
    return click.option(
        "--fresh", is_flag=True, help="Count anew what an earlier comparison has counted."
    )(command)


def scale(command: Command) -> Command:
    """`--scale`, a factor of the dataset's size."""
    return click.option(
        "--scale", type=POSITIVE, default=1, show_default=True, help="Size of the dataset."
    )(command)


def as_json(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
