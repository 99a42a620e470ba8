"""The command `sqlalchemy-asv`. Each of its commands has a module, which only parses and prints."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence

import click

from .. import __version__

COMMANDS = ("compare", "bisect", "profile", "budgets", "load", "releases", "clean")


class _Commands(click.Group):
    """Commands by the names of their modules, in the order in which people need them."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f".{name}", __name__).command
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 all is well; 1 something is worse, or over its limit; 2 it could not be"
    " measured.",
)
@click.version_option(__version__, prog_name="sqlalchemy-asv")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def program(debug: bool) -> None:
    """Compare commits of a SQLAlchemy application, and explain their cost.

    asv runs the benchmarks and stores their results. These commands add comparisons, explanations,
    load tests and histories of releases.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code. Every error gives one line and exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = program.main(given, prog_name="sqlalchemy-asv", standalone_mode=False)
    except click.ClickException as error:
        return _failed(error.format_message())
    except click.Abort:
        return _failed("interrupted")
    except Exception as error:
        if "--debug" in given:
            traceback.print_exc()
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return _failed(lines[0])
    return int(code or 0)


def _failed(reason: str) -> int:
    print(f"sqlalchemy-asv: {reason}", file=sys.stderr)
    return 2
