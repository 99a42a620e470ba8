"""An application with two versions of a package, or on two servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ..words import install
from . import options
from .compare import WithPytest, one_on_stdout, printed

SERVERS = ("the base server", "the head server")


@click.command(
    short_help="Tell what another version of a package changes.",
    cls=WithPytest,
    epilog="Exit codes: 0 nothing is worse; 1 something is worse; 2 something could not be"
    " measured; 3 a test fails with HEAD that passes with BASE. Of --bisect: 0 the release was"
    " found; 2 it was not.",
)
@click.argument("base", required=False)
@click.argument("head", required=False)
@click.option("--commit", default="HEAD", show_default=True, help="The commit of the application.")
@click.option(
    "--worktree", is_flag=True, help="The working tree in place of a commit, changes included."
)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="NAME",
    help="A scenario to compare in place of the tests, as compare takes it; '.' is all. May be"
    " given several times.",
)
@click.option("--bisect", metavar="TEST", help="Find the release that changed this test.")
@options.database
@click.option("--base-url", metavar="URL", help="The URL of the one server; needs --database.")
@click.option("--head-url", metavar="URL", help="The URL of the other server.")
@options.forms
@options.config
def command(
    base: str | None,
    head: str | None,
    commit: str,
    worktree: bool,
    scenarios: tuple[str, ...],
    bisect: str | None,
    database: str,
    base_url: str | None,
    head_url: str | None,
    config: str | None,
    **forms: str | None,
) -> int:
    """Tell what an upgrade of a package, or of a database's server, does to the application.

    BASE and HEAD are requirements as pip takes them, such as sqlalchemy==2.0.58 and
    sqlalchemy==2.1.9: releases, paths, or "NAME @ git+URL". The application's tests are run with
    both; arguments after -- go to pytest. Or, with --base-url and --head-url, its scenarios are
    counted on both servers.
    """
    from ..asv_ext import history, settings
    from ..compare import running, upgrade
    from ..compare.checkout import checkouts
    from ..environments import requirements, servers
    from ..init import suite

    one_on_stdout(forms)
    arguments = click.get_current_context().meta.get("pytest", [])
    urls = [each for each in (base_url, head_url) if each]
    of_tests = not (scenarios or urls)
    given = click.get_current_context().get_parameter_source
    for reason, refused in {
        "--base-url takes no BASE and HEAD": urls and base,
        "--base-url takes no --bisect": urls and bisect,
        "name both servers, by --base-url and --head-url": len(urls) == 1,
        "--base-url needs --database postgresql or mariadb": urls and database == "sqlite",
        "name BASE and HEAD, such as sqlalchemy==2.0.58 sqlalchemy==2.1.9": not urls
        and not (base and head),
        "scenarios take no arguments for pytest": arguments and not of_tests,
        "--bisect takes one test, and no arguments for pytest": bisect and arguments,
        "--bisect takes no --scenario: name a test": bisect and scenarios,
        "--bisect takes no --html, --json or --markdown": bisect and any(forms.values()),
        "--worktree takes the place of --commit: give one of them": worktree
        and given("commit") is ParameterSource.COMMANDLINE,
        "tests use their own database: --database needs --scenario": of_tests
        and given("database") is ParameterSource.COMMANDLINE,
    }.items():
        if refused:
            raise click.UsageError(reason)
    if of_tests:
        conf = suite.settings_for(Path.cwd(), config)
    else:
        conf = settings.load(config or settings.COMMITS)
    hash = history.working_tree(conf) if worktree else history.commit_hash(conf, commit)
    asked = [name for name in scenarios if name != "."]
    how: Any = {"time": "none", "instructions": False}
    if urls:
        with (
            servers.several(conf, database, urls) as variables,
            # Counts are kept by what is installed, which is the same for both.
            checkouts(conf, database, fresh=True) as both,
        ):
            for side, variable, title in zip(both, variables, SERVERS, strict=True):
                side.variables, side.title = variable, title
            found = running.compare(*both, (hash, hash), asked, **how)
        return printed(found, forms)
    pair = requirements.of_argument(str(base)), requirements.of_argument(str(head))
    upgrade.name_of(pair)
    with checkouts(conf, "sqlite" if of_tests else database, place="tests") as both:
        if bisect:
            good, bad, changed = upgrade.bisect(*both, hash, pair, bisect, releases)
            click.echo(f"{changed.title}: {changed.verdict} since {bad}; {good} is as {base}")
            for reason in changed.reasons:
                click.echo(f"  {reason}")
            return 0
        if of_tests:
            found = upgrade.compare(*both, hash, pair, arguments)
        else:
            for side, requirement in zip(both, pair, strict=True):
                side.replace([str(requirement)])
            found = running.compare(*both, (hash, hash), asked, **how)
            found.names = upgrade.named(both[0], pair[0]), upgrade.named(both[1], pair[1])
            found.remarks += upgrade.others(found.packages, pair)
    return printed(found, forms)


def releases(name: str) -> list[Any]:
    """The releases of a package that this Python can install, lowest first."""
    from asv.util import UserError

    try:
        from ..asv_ext.releases import published
    except ImportError as error:
        raise UserError(
            f"{error.name} is missing, which reads the package index: {install('releases')}"
        ) from error
    return sorted(each.version for each in published(name) if each.installable and not each.yanked)
