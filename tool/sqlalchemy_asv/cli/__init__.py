"""The command `sqlalchemy-asv`. Each of its commands has a module, which only parses and prints."""

from __future__ import annotations

import difflib
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], COMMANDS, 1)
            meant = f": did you mean {close[0]}?" if close else ""
            raise click.UsageError(
                f"there is no command {args[0]}{meant or ':'} `sqlalchemy-asv --help` lists all"
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 all is well; 1 something is worse, or over its limit; 2 it could not be"
    " measured; 3, of compare and upgrade, an operation or a test fails that worked.",
)
@click.version_option(__version__, prog_name="sqlalchemy-asv")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def program(context: click.Context, debug: bool) -> None:
    """Compare commits of a SQLAlchemy application, and explain their cost.

    asv (airspeed velocity) runs benchmarks and stores their results. These commands add
    comparisons, explanations, load tests and histories of releases.

    A scenario is an operation of the application on given rows, a class in the folder of
    benchmarks. `init` writes a first one. `init`, and `compare --tests` and `upgrade` for an
    application's tests, need no settings. Call the others in the folder that has asv.conf.json.
    """
    whole.apply()
    context.with_resource(scratch.run())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code. Every error gives one line and exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with in_one_line(debug="--debug" in given, option="`sqlalchemy-asv --debug …`"):
        try:
            code = program.main(given, prog_name="sqlalchemy-asv", standalone_mode=False)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            return 2
        except click.ClickException as error:
            stop(" ".join(error.format_message().split()))
        except click.Abort:
            raise KeyboardInterrupt from None
        except SystemExit as end:
            if end.code == 1:  # click's only way to say that nobody reads stdout
                raise BrokenPipeError from None
            raise
        sys.stdout.flush()  # a full disk is an error of this command, not of Python's end
    return int(code or 0)
