"""The command `sqlalchemy-asv`: what asv has no word for.

Exit codes: 0 all is well, 1 something is exceeded or slower, 2 it could not be measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from asv.util import UserError
from packaging.version import InvalidVersion, Version

from . import bisecting, budgets, comparison, history, profiles, releases, servers, verdicts
from .sides import sides

BENCHMARKS = Path("benchmarks")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="sqlalchemy-asv",
        description="Whether a commit is slower and why, whether it is within limits, and how it"
        " does with many users.",
        epilog="Exit codes: 0 all is well, 1 something is exceeded or slower, 2 it could not be"
        " measured.",
    )
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_compare(subcommands)
    add_bisect(subcommands)
    add_profile(subcommands)
    add_budgets(subcommands)
    add_load(subcommands)
    add_releases(subcommands)
    add_clean(subcommands)
    options = parser.parse_args(arguments)
    if not (BENCHMARKS / servers.PROCESS).exists():
        servers.stop("there is no folder benchmarks/ here; change to the clone of this project")
    try:
        code: int = options.run(options)
    except UserError as error:
        servers.stop(str(error))
    return code


def positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value


def whole(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def add_database_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database",
        choices=servers.DATABASES,
        default=os.environ.get(servers.CHOICE) or "sqlite",
        help="where it is, on a server, tell POSTGRESQL_URL and MARIADB_URL (default: sqlite)",
    )


def add_database(parser: argparse.ArgumentParser) -> None:
    add_database_choice(parser)
    parser.add_argument(
        "--scale", type=positive, default=1, help="size of the dataset, as a factor (default: 1)"
    )


def add_config(parser: argparse.ArgumentParser, otherwise: str = "") -> None:
    parser.add_argument("--config", help=f"asv's settings (default: {history.COMMITS}{otherwise})")


def add_compare(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "compare",
        help="whether one commit is slower than another, by how much and why",
        description="Compare two commits: their counts, which are exact, and the wall time of what"
        " changed, by pairs of processes that take turns. Measures both, and reads no stored"
        " results.",
        epilog="Exit codes: 0 nothing is slower, 1 something is slower or more work, 2 something"
        " could not be measured.",
    )
    parser.add_argument("base", help="the commit before")
    parser.add_argument("head", nargs="?", default="HEAD", help="the commit after (default: HEAD)")
    parser.add_argument(
        "--scenario",
        action="append",
        metavar="REGEX",
        help="such as social.HomeFeed; may be given several times (default: all)",
    )
    add_database_choice(parser)
    parser.add_argument(
        "--time",
        choices=("changed", "all", "none"),
        default="changed",
        help="of what to compare wall time as well (default: of what changed)",
    )
    parser.add_argument(
        "--seconds",
        type=positive,
        default=60,
        help="to compare the times of one scenario (default: at most 60)",
    )
    parser.add_argument(
        "--no-instructions",
        action="store_true",
        help="leave machine instructions out, which take most of the time",
    )
    for form in verdicts.FORMS:
        parser.add_argument(f"--{form}", metavar="FILE", help=f"write {form} ('-': print it)")
    add_config(parser, ", or those of the releases with these names")
    parser.set_defaults(run=compare)


def compare(options: argparse.Namespace) -> int:
    conf = history.settings_with(options.config, options.base, options.head)
    commits = history.commit_hash(conf, options.base), history.commit_hash(conf, options.head)
    with sides(conf, options.database, BENCHMARKS) as (base, head):
        found = comparison.compare(
            base,
            head,
            commits,
            options.scenario or [""],
            instructions=not options.no_instructions,
            time=options.time,
            seconds=options.seconds,
        )
    forms = {form: getattr(options, form) for form in verdicts.FORMS if getattr(options, form)}
    for form, file in forms.items():
        written = verdicts.FORMS[form](found)
        if file == "-":
            print(written, end="")
        else:
            Path(file).write_text(written, encoding="utf-8")
    if "-" not in forms.values():
        print(verdicts.text(found), end="")
    return found.exit_code


def add_bisect(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "bisect",
        help="the commit that changed a scenario",
        description="Find the commit between a good and a bad one that changed a scenario: by the"
        " first of its counts that differs, or by wall time where none does.",
        epilog="Exit codes: 0 it was found, 2 it was not.",
    )
    parser.add_argument("scenario", help="such as \"social.HomeFeed('lazy')\", as compare names it")
    parser.add_argument("good", help="a commit before the change")
    parser.add_argument("bad", nargs="?", default="HEAD", help="one after (default: HEAD)")
    add_database_choice(parser)
    parser.add_argument(
        "--metric",
        choices=(*comparison.METRICS, "time"),
        help="what changed (default: the first of these that differs)",
    )
    parser.add_argument(
        "--seconds", type=positive, default=60, help="a step by time (default: at most 60)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_config(parser, ", or those of the releases with these names")
    parser.set_defaults(run=bisect)


def bisect(options: argparse.Namespace) -> int:
    conf = history.settings_with(options.config, options.good, options.bad)
    good, bad = (history.commit_hash(conf, name) for name in (options.good, options.bad))
    commits, turn = bisecting.between(conf, good, bad)
    with sides(conf, options.database, BENCHMARKS) as (base, head):
        found = bisecting.find(
            base,
            head,
            options.scenario,
            commits,
            turn=turn,
            metric=options.metric,
            seconds=options.seconds,
        )
    if options.json:
        print(json.dumps(dataclasses.asdict(found), indent=1))
    else:
        print("\n".join(bisecting.lines(conf, found)))
    return 0 if len(found.suspects) == 1 else 2


def parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value


def add_profile(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "profile",
        help="why an operation takes what it takes: statements, memory, time",
        description="Profile a scenario on the data layer installed here: its statements with"
        " their plans, N+1 and full scans; what it allocates; where its time goes.",
    )
    parser.add_argument("scenario", help="such as social.HomeFeed, or one of its benchmarks")
    parser.add_argument(
        "--param",
        type=parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the scenario (default: the first value of each)",
    )
    add_database(parser)
    parser.add_argument("--runs", type=whole, default=20, help="to time (default: 20)")
    parser.add_argument("--top", type=whole, default=10, help="lines of each list (default: 10)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=profile)


def profile(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "profile.json")
        how = {
            "scenario": options.scenario,
            "params": dict(options.param),
            "scale": options.scale,
            "runs": options.runs,
            "top": options.top,
            "file": str(file),
        }
        if measure(options.database, "profile", "main", json.dumps(how)):
            return 2
        found = file.read_text(encoding="utf-8")
    print(found if options.json else profiles.text(json.loads(found)), end="")
    return 0


def add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--machine", help="whose results (default: this one's, or the only ones)")
    add_config(parser)


def add_budgets(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "budgets",
        help="whether stored results of a commit are within the limits that scenarios state",
        description="Compare what asv stored of a commit with the limits that scenarios state."
        " Statistics of times need `asv run --record-samples`.",
    )
    parser.add_argument("commit", nargs="?", default="HEAD", help="(default: HEAD)")
    add_results(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=judge)


def judge(options: argparse.Namespace) -> int:
    conf = history.settings(options.config or history.COMMITS)
    commit = history.commit_hash(conf, options.commit)
    machine = history.machine_of(conf, options.machine)
    stated = budgets.stated(BENCHMARKS)
    found = {
        results.env_name: list(budgets.verdicts(results, stated))
        for results in history.results_of(conf, machine, commit)
    }
    verdicts = [verdict for each in found.values() for verdict in each]
    if all(verdict.value is None for verdict in verdicts):
        servers.stop(f"of the budgets nothing was measured at {commit[:8]} on {machine}")
    if options.json:
        listed = {
            environment: [{**dataclasses.asdict(v), "verdict": v.word} for v in each]
            for environment, each in found.items()
        }
        print(json.dumps({"commit": commit, "machine": machine, "environments": listed}, indent=1))
    else:
        for environment, each in found.items():
            print(f"Budgets at {commit[:8]} on {machine}, {environment}:")
            print("\n".join(budgets.table(each)))
    return int(any(verdict.word == "EXCEEDED" for verdict in verdicts))


def add_load(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "load",
        help="simulate many users at once",
        description="Simulate many users at once on the data layer installed here, and say how"
        " long they waited from wish to answer. Limits: see load/feed.py and load/shop.py.",
    )
    parser.add_argument("name", choices=("feed", "shop"), help="50 users read, or 100 shop")
    add_database(parser)
    parser.add_argument("--users", type=whole, default=0, help="how many (default: 50 and 100)")
    parser.add_argument(
        "--seconds", type=whole, default=300, help="how long, after warm-up (default: 300)"
    )
    parser.add_argument("--warm-up", type=positive, default=5, help="seconds (default: 5)")
    parser.add_argument(
        "--pool-size",
        type=whole,
        default=0,
        help="connections of each process (default: SQLAlchemy's five, and ten when needed)",
    )
    parser.add_argument(
        "--processes", type=whole, default=1, help="among which users are divided (default: 1)"
    )
    parser.add_argument("--report", default="", metavar="FILE", help="write a page to this file")
    parser.add_argument("--json", default="", metavar="FILE", help="write figures to this file")
    parser.add_argument(
        "--web", action="store_true", help="start and watch on Locust's pages, port 8089"
    )
    parser.set_defaults(run=load)


def load(options: argparse.Namespace) -> int:
    how = {
        "name": options.name,
        "users": options.users,
        "seconds": options.seconds,
        "warm_up": options.warm_up,
        "pool_size": options.pool_size,
        "processes": options.processes,
        "report": str(Path(options.report).absolute()) if options.report else "",
        "figures": str(Path(options.json).absolute()) if options.json else "",
        "web": options.web,
        "scale": options.scale,
    }
    return measure(options.database, "load", "main", json.dumps(how))


def measure(database: str, module: str, function: str, *arguments: str) -> int:
    """Call a function of the harness on a database that answers; returns its exit code."""
    servers.prepare(database, BENCHMARKS, Path(".asv"))
    # Not from here: this folder holds a data layer as well as the environment does.
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = servers.call(BENCHMARKS, database, module, function, *arguments, cwd=folder)
        except KeyboardInterrupt:
            return 2
    return done.returncode


def version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise argparse.ArgumentTypeError(f"{text} is no version, such as 2.0.0") from error


def add_releases(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "releases",
        help="make commits of a dependency's releases, which asv then measures",
        description="Make or extend a repository with a commit and a tag for each release of a"
        " dependency that the package index has, in .asv/releases. Adds what is new and changes"
        " nothing else.",
    )
    parser.add_argument(
        "dependency",
        nargs="?",
        default="sqlalchemy",
        help="what pyproject.toml pins (default: sqlalchemy)",
    )
    parser.add_argument(
        "--since",
        type=version,
        metavar="VERSION",
        help="the first release (default: the first of the major version that is pinned)",
    )
    parser.set_defaults(run=make_releases)


def make_releases(options: argparse.Namespace) -> int:
    print("\n".join(releases.update(options.dependency, options.since)))
    return 0


def add_clean(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "clean",
        help="drop the datasets that runs left on a server for later runs",
        description="Drop the databases whose names begin with sqlalchemy_asv_ on the server that"
        " POSTGRESQL_URL or MARIADB_URL tells, but for those that somebody works on.",
    )
    parser.add_argument("--database", choices=servers.DATABASES[1:], required=True)
    parser.set_defaults(
        run=lambda options: 2 * bool(measure(options.database, "server", "drop_all"))
    )
