"""The commit that changed a scenario."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from ..compare.metrics import METRICS
from . import options


class Metric(click.Choice[str]):
    """A metric by its name, or as tables write it: "round trips" is round_trips."""

    def normalize_choice(self, choice: Any, ctx: click.Context | None) -> str:
        return super().normalize_choice(choice, ctx).replace("_", " ")


@click.command(
    short_help="Find the commit that changed a scenario.",
    epilog="Exit codes: 0 it was found; 2 it was not.",
)
@click.argument("scenario")
@click.argument("good")
@click.argument("bad", default="HEAD")
@options.database
@click.option(
    "--metric",
    # Of tests alone there are checkouts.
    type=Metric([*(metric for metric in METRICS if metric != "checkouts"), "time"]),
    help="The metric that changed, as `compare` names it.  [default: the first of these that"
    " differs]",
)
@options.seconds("a step by time")
@options.fresh
@options.as_json
@options.config
def command(
    scenario: str,
    good: str,
    bad: str,
    database: str,
    fresh: bool,
    json: str | None,
    config: str | None,
    **how: Any,
) -> int:
    """Find the commit between GOOD and BAD that changed a SCENARIO.

    A scenario is named as compare names it, such as "social.HomeFeed('lazy')". The first count that
    differs decides, or wall time if none does.
    """
    from ..asv_ext import history, settings
    from ..asv_ext.errors import printable
    from ..compare import bisect
    from ..compare.checkout import checkouts

    conf = settings.with_commits(config, good, bad)
    ends = history.commit_hash(conf, good), history.commit_hash(conf, bad)
    commits, turn = bisect.between(conf, *ends)
    with checkouts(conf, database, fresh=fresh) as both:
        found = bisect.find(*both, scenario, commits, turn=turn, **how)
    listed = bisect.lines(conf, found)
    text = printable("\n".join([*listed, ""]))
    options.put_json(text, json, dataclasses.asdict(found))
    return 0 if len(found.suspects) == 1 else 2
