"""The comparison of two commits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..compare.verdict import FAIL_ON
from . import options


def ends(base: str, head: str | None) -> tuple[str, str]:
    """The two commits that are meant; BASE..HEAD is both. Raises `UsageError` for other ranges."""
    names = [base, head or "HEAD"]
    if head is None and base.count("..") == 1 and "..." not in base:
        names = base.split("..")
    if not all(names) or any(".." in name or name.startswith("^") for name in names):
        said = " ".join(filter(None, (base, head)))
        raise click.UsageError(f"{said} is not two commits: name BASE and HEAD, or BASE..HEAD")
    return names[0], names[1]


@click.command(
    epilog="Exit codes: 0 nothing is worse, or commits accept it; 1 something is worse; 2 something"
    " could not be measured; 3 an operation fails at HEAD that worked at BASE.",
)
@click.argument("base")
@click.argument("head", required=False)
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
@options.fresh
@click.option(
    "--markdown", metavar="FILE", callback=options.new_file, help="Write Markdown; '-' prints it."
)
@click.option(
    "--json", metavar="FILE", callback=options.new_file, help="Write JSON; '-' prints it."
)
@click.option(
    "--html", metavar="FILE", callback=options.new_file, help="Write a page; '-' prints it."
)
@options.config
def command(
    base: str,
    head: str | None,
    config: str | None,
    database: str,
    scenarios: tuple[str, ...],
    no_instructions: bool,
    time: str,
    seconds: float,
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
    from ..asv_ext.errors import printable
    from ..compare import output, running
    from ..compare.checkout import checkouts
    from ..files import write_text

    base, head = ends(base, head)
    conf = settings.with_commits(config, base, head)
    commits = history.commit_hash(conf, base), history.commit_hash(conf, head)
    running.say_what_is_not_committed(conf, commits)
    how: Any = {"instructions": not no_instructions, "time": time, "seconds": seconds}
    with checkouts(conf, database, fresh=fresh) as both:
        found = running.compare(*both, commits, list(scenarios), **how)
    found.fail_on = fail_on
    # The verdict first: it is not lost if a file cannot be written.
    if "-" not in forms.values():
        click.echo(printable(output.text(found)), nl=False)
    for form, file in forms.items():
        if file == "-":
            click.echo(output.FORMS[form](found), nl=False)
        elif file:
            write_text(Path(file), output.FORMS[form](found))
    return found.exit_code
