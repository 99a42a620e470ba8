"""Stored results of a commit, compared with the limits that scenarios state."""

from __future__ import annotations

import dataclasses

import click

from . import options


@click.command(
    short_help="Compare stored results with limits.",
    epilog="Exit codes: 0 all limits are kept; 1 one is exceeded; 2 nothing was measured.",
)
@click.argument("commit", default="HEAD")
@click.option(
    "--machine", help="The machine whose results are read.  [default: this one, or the only one]"
)
@options.config
@options.as_json
def command(commit: str, machine: str | None, config: str | None, json: str | None) -> int:
    """Compare the stored results of a COMMIT with their limits.

    Statistics of times need `asv run --record-samples`.
    """
    from ..asv_ext import history, settings
    from ..asv_ext.errors import stop
    from ..site import budgets

    conf = settings.load(config or settings.COMMITS)
    hash = history.commit_hash(conf, commit)
    machine = history.machine_of(conf, machine)
    stated = budgets.stated(conf)
    benchmarks = history.benchmarks(conf)
    found = {
        results.env_name: list(budgets.verdicts(results, stated, benchmarks))
        for results in history.results_of(conf, machine, hash)
    }
    verdicts = [verdict for each in found.values() for verdict in each]
    if all(verdict.value is None for verdict in verdicts):
        if not stated:
            stop("no scenario states a `budget`: there is nothing to compare")
        stop(
            f"{hash[:8]} has no results for any budget on {machine}: `asv run {hash[:8]}^!`"
            " measures it"
        )
    listed = {
        environment: [{**dataclasses.asdict(v), "verdict": v.word} for v in each]
        for environment, each in found.items()
    }
    text = "".join(
        f"Budgets at {hash[:8]} on {machine}, {environment}:\n{budgets.table(each)}\n"
        for environment, each in found.items()
    )
    content = {"commit": hash, "machine": machine, "environments": listed}
    options.put_json(text, json, content)
    return int(any(verdict.word == "EXCEEDED" for verdict in verdicts))
