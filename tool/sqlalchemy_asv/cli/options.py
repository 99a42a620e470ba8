"""Options and their types that commands share."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from .. import options
from ..asv_ext import settings
from ..files import write_text

Command = TypeVar("Command", bound=Callable[..., object])


class Finite(click.FloatRange):
    """A number in a range that is neither infinite nor "nan", which every range contains."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is no size", param, ctx)
        return found


POSITIVE = Finite(min=0, min_open=True)
SCALE = Finite(min=0.001, max=10_000)
WHOLE = click.IntRange(min=1)


def database(command: Command) -> Command:
    """`--database`, by default that of the environment, or SQLite."""
    return click.option(
        "--database",
        type=click.Choice(options.DATABASES),
        default=chosen_database,
        show_default="$DATABASE, or sqlite",
        help="The database to measure on. POSTGRESQL_URL and MARIADB_URL name its server; without"
        " POSTGRESQL_URL, a server is started.",
    )(command)


def chosen_database() -> str:
    """The database of the environment. Raises `UsageError` if it is none."""
    found = options.database()
    if found not in options.DATABASES:
        said = options.unknown(found)
        raise click.UsageError(f"{said}; unset this variable of your shell, or correct it")
    return found


def config(command: Command) -> Command:
    """`--config`, with asv's settings."""
    return click.option(
        "--config",
        metavar="FILE",
        help=f"asv's settings.  [default: {settings.COMMITS} in this folder; for releases such as"
        " 2.0.58, those of their history]",
    )(command)


def seconds(what: str) -> Callable[[Command], Command]:
    """`--seconds`, the longest time that something may take."""
    return click.option(
        "--seconds",
        type=POSITIVE,
        default=60,
        show_default=True,
        help=f"The most seconds for {what}.",
    )


def fresh(command: Command) -> Command:
    """`--fresh`, without counts of earlier comparisons."""
    return click.option(
        "--fresh", is_flag=True, help="Count anew what an earlier comparison has counted."
    )(command)


def scale(command: Command) -> Command:
    """`--scale`, a factor of the dataset's size."""
    return click.option(
        "--scale",
        type=SCALE,
        default=1,
        show_default=True,
        help="A factor for the number of rows: 10 is ten times as many.",
    )(command)


def new_file(context: click.Context, option: click.Parameter, file: str | None) -> str | None:
    """Refuse, before anything is measured, a file that cannot be written at the end."""
    if not file or file == "-":
        return file
    path = Path(file).absolute()
    if path.is_dir():
        raise click.BadParameter(f"{file} is a folder: name a file")
    if not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.BadParameter(f"{file} cannot be written")
    return file


def form(name: str, said: str) -> Callable[[Command], Command]:
    """An option for a file in one form, such as `--html`."""
    return click.option(
        f"--{name}",
        metavar="FILE",
        callback=new_file,
        help=f"Write {said}; '-' prints it in place of the text.",
    )


as_json = form("json", "JSON")
as_html = form("html", "a page")
as_markdown = form("markdown", "Markdown")


def forms(command: Command) -> Command:
    """`--markdown`, `--json` and `--html`, the files for a comparison."""
    for each in (as_html, as_json, as_markdown):
        command = each(command)
    return command


def put(text: str, forms: Mapping[str, str | None], made: Callable[[str], str]) -> None:
    """Print a text, or one of the forms in its place; write the others into their files.

    `made` returns the text of a form. Raises `OSError` if a file cannot be written.
    """
    # The text first: it is not lost if a file cannot be written.
    if "-" not in forms.values():
        click.echo(text, nl=False)
    for name, file in forms.items():
        if file == "-":
            click.echo(made(name), nl=False)
        elif file:
            write_text(Path(file), made(name))


def put_json(text: str, file: str | None, found: Any) -> None:
    """Print a text, and write JSON into a file; '-' prints it in place of the text."""
    put(text, {"json": file}, lambda _: f"{json.dumps(found, indent=1)}\n")
