"""The comparison of two commits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..compare.verdict import FAIL_ON
from . import options

if TYPE_CHECKING:
    from ..compare.model import Comparison


def ends(base: str, head: str | None) -> tuple[str, str]:
    """The two commits that are meant; BASE..HEAD is both. Raises `UsageError` for other ranges."""
    names = [base, head or "HEAD"]
    if head is None and base.count("..") == 1 and "..." not in base:
        names = base.split("..")
    if not all(names) or any(".." in name or name.startswith("^") for name in names):
        said = " ".join(filter(None, (base, head)))
        raise click.UsageError(f"{said} is not two commits: name BASE and HEAD, or BASE..HEAD")
    return names[0], names[1]


class WithPytest(click.Command):
    """A command that keeps what follows `--` for pytest, in the context's `meta`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            place = args.index("--")
            ctx.meta["pytest"] = args[place + 1 :]
            args = args[:place]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- PYTEST ARGUMENTS]"]


@click.command(
    short_help="Tell whether a commit is worse than another, and why.",
    cls=WithPytest,
    epilog="Exit codes: 0 nothing is worse, or commits accept it; 1 something is worse; 2 something"
    " could not be measured; 3 an operation fails at HEAD that worked at BASE.",
)
@click.argument("base", required=False)
@click.argument("head", required=False)
@click.option(
    "--worktree",
    is_flag=True,
    help="Compare BASE, by default HEAD, with the working tree: changes that are not committed"
    " count, and new files.",
)
@click.option(
    "--tests",
    is_flag=True,
    help="Compare the application's own tests, each with itself. Needs no settings and no scenario;"
    " arguments after -- go to pytest.",
)
@click.option("--calls", is_flag=True, help="With --tests: count calls of functions as well.")
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="NAME",
    help="A scenario such as HomeFeed or social.HomeFeed('lazy'), or a regular expression. May be"
    " given several times.  [default: all]",
)
@options.database
@click.option(
    "--time",
    type=click.Choice(["changed", "all", "none"]),
    default="changed",
    show_default=True,
    help="The scenarios whose wall time is compared as well.",
)
@options.seconds("timing one scenario")
@click.option(
    "--no-instructions",
    is_flag=True,
    help="Leave machine instructions out, which take most of the time.",
)
@click.option(
    "--fail-on",
    multiple=True,
    type=click.Choice(FAIL_ON),
    help="The dimension that makes exit code 1 if it is worse. May be given several times."
    " `undecided` makes it 1 as well if something is undecided.  [default: all dimensions]",
)
@click.option(
    "--freeze",
    type=click.Choice(["base", "head"], case_sensitive=False),
    help="The side whose packages are installed on both, so that code alone differs.  [default:"
    " each commit's own]",
)
@options.fresh
@options.forms
@options.config
def command(
    base: str | None,
    head: str | None,
    worktree: bool,
    tests: bool,
    calls: bool,
    config: str | None,
    database: str,
    scenarios: tuple[str, ...],
    no_instructions: bool,
    time: str,
    seconds: float,
    freeze: str | None,
    fail_on: tuple[str, ...],
    fresh: bool,
    **forms: str | None,
) -> int:
    """Tell whether HEAD is worse than BASE, by how much and why.

    BASE and HEAD are commits; BASE..HEAD names both as well. Without a second name, HEAD is git's
    HEAD.

    Counts of both commits come first: they are exact. The wall time of each scenario that changed
    is compared by pairs of processes that take turns. Both commits are measured; results of asv are
    not read. Counts of an earlier comparison are used again.
    """
    from ..asv_ext import history, settings
    from ..compare import running, suites
    from ..compare.checkout import checkouts
    from ..init import suite

    context = click.get_current_context()
    one_on_stdout(forms)
    arguments = context.meta.get("pytest", [])
    if tests:
        for name in ("scenarios", "no_instructions", "time", "seconds", "fresh", "database"):
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                option = name.removesuffix("s") if name == "scenarios" else name
                hint = ": arguments for pytest choose tests, such as -- -k NAME"
                raise click.UsageError(
                    f"--tests takes no --{option.replace('_', '-')}"
                    + (hint if option == "scenario" else "")
                )
    elif arguments or calls:
        raise click.UsageError("arguments for pytest, and --calls, need --tests")
    if not all(scenarios):
        raise click.UsageError("--scenario is empty: name a scenario")
    if worktree and head is not None:
        raise click.UsageError("--worktree takes the place of HEAD: name BASE alone")
    if not worktree and base is None:
        raise click.UsageError("name BASE and HEAD, or --worktree")
    first, second = (base or "HEAD", None) if worktree else ends(str(base), head)
    if tests:
        conf = suite.settings_for(Path.cwd(), config)
    elif second is None:
        conf = settings.load(config or settings.COMMITS)
    else:
        conf = settings.with_commits(config, first, second)
    if second is None:
        commits = history.commit_hash(conf, first), history.working_tree(conf)
    else:
        commits = history.commit_hash(conf, first), history.commit_hash(conf, second)
        running.say_what_is_not_committed(conf, commits)
    if commits[0] == commits[1]:
        same = "nothing is uncommitted" if worktree else f"{first} and {second} are the same commit"
        raise click.UsageError(f"{same}: name an older BASE, such as HEAD~1")
    how: Any = {
        "instructions": not no_instructions,
        "time": time,
        "seconds": seconds,
        "freeze": freeze,
    }
    if tests:
        with checkouts(conf, "sqlite", place="tests") as both:
            found = suites.compare(*both, commits, arguments, calls=calls, freeze=freeze)
    else:
        with checkouts(conf, database, fresh=fresh) as both:
            found = running.compare(*both, commits, list(scenarios), **how)
    found.fail_on = fail_on
    return printed(found, forms)


def one_on_stdout(forms: Mapping[str, str | None]) -> None:
    """Raise `UsageError` if two forms are to be printed."""
    if list(forms.values()).count("-") > 1:
        raise click.UsageError("one form can be printed: give the others a FILE")


def printed(found: Comparison, forms: Mapping[str, str | None]) -> int:
    """Print a comparison, and write it in the forms that are asked for; returns the exit code."""
    from ..asv_ext.errors import printable
    from ..compare import output

    options.put(printable(output.text(found)), forms, lambda form: output.FORMS[form](found))
    return found.exit_code
