"""The command `sqlalchemy-asv`. Each of its commands has a module, which only parses and prints."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from .. import __version__, scratch
from ..asv_ext import whole
from ..asv_ext.errors import in_one_line, stop

COMMANDS = (
    "init",
    "compare",
    "upgrade",
    "bisect",
    "profile",
    "budgets",
    "load",
    "releases",
    "clean",
)


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
    " measured; 3, of compare, an operation fails that worked.",
)
@click.version_option(__version__, prog_name="sqlalchemy-asv")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def program(context: click.Context, debug: bool) -> None:
    """Compare commits of a SQLAlchemy application, and explain their cost.

    asv runs the benchmarks and stores their results. These commands add comparisons, explanations,
    load tests and histories of releases.
    """
    whole.apply()
    context.with_resource(scratch.run())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code. Every error gives one line and exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with in_one_line(debug="--debug" in given, option="`sqlalchemy-asv --debug …`"):
        try:
            code = program.main(given, prog_name="sqlalchemy-asv", standalone_mode=False)
        except click.ClickException as error:
            stop(error.format_message())
        except click.Abort:
            raise KeyboardInterrupt from None
        except SystemExit as end:
            if end.code == 1:  # click's only way to say that nobody reads stdout
                raise BrokenPipeError from None
            raise
        sys.stdout.flush()  # a full disk is an error of this command, not of Python's end
    return int(code or 0)
