"""The feed of regressions, with names of releases and of databases."""

from __future__ import annotations

import datetime as dt
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from asv.feed import FeedEntry, write_atom
from asv.publishing import OutputPublisher

from ..case import split
from . import numbers, recorded
from .overview import address
from .recorded import Environment, Recorded


class Feed(OutputPublisher):  # type: ignore[misc]
    """Takes the place of asv's feed, which is written from the same list.

    asv's has hashes in place of names, no databases, and what two branches share twice.
    """

    order = 9

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        site = Path(conf.html_dir)
        found = recorded.read(conf, repo, benchmarks)
        at = recorded_at(found)
        hashes = {revision: commit for commit, revision in revisions.items()}
        listed = json.loads((site / "regressions.json").read_text(encoding="utf-8"))["regressions"]
        entries = {}
        for name, _, params, _, _, _, jumps in listed:
            title = environment_of(found, params).title(found.environments)
            unit = benchmarks[name.partition("(")[0]].get("unit", "")
            for before, after, old, new in jumps:
                head = found.commits[hashes[after]]
                base = found.commits[head.before or head.hash if before is None else hashes[before]]
                told = head.name if found.dependency else f"{head.name} ({head.subject})"
                on = f" on {title}" if len(found.environments) > 1 else ""
                figures = f"{base.name} → {told}: {shown(old, unit)} → {shown(new, unit)}"
                chosen = {
                    "history": site.name,
                    "on": title,
                    "from": base.name,
                    "to": head.name,
                    "find": of_case(name),
                }
                entries[name, title, head.hash] = FeedEntry(
                    f"{name}{on}: {numbers.change(old, new)} at {head.name}",
                    at[head.hash],
                    f"{address(conf)}#compare?{urlencode(chosen, quote_via=quote)}",
                    f"<p>{html.escape(figures)}</p>",
                    id_context=[name, title, head.hash],
                    id_date=dt.datetime.fromtimestamp(head.date / 1000, dt.UTC),
                )
        write_atom(
            str(site / "regressions.xml"),
            sorted(entries.values(), key=lambda entry: entry.updated, reverse=True),
            author="sqlalchemy-asv",
            title=f"{conf.project}: regressions",
            address=f"{conf.project}.asv",
        )


def of_case(name: str) -> str:
    """The case of a benchmark with its parameters: `a.B(1)` of `a.B.track_calls(1)`."""
    benchmark, bracket, arguments = name.partition("(")
    return f"{split(benchmark)[0]}{bracket}{arguments}"


def shown(value: float, unit: str) -> str:
    """A figure with its unit: "25.0 M instructions"."""
    said = numbers.shown(value, unit)
    return said if unit in ("seconds", "bytes", "") else f"{said} {unit}"


def environment_of(found: Recorded, params: Mapping[str, Any]) -> Environment:
    """The environment of a graph, whose parameters are those that differ between graphs."""
    asked = {key: params[key] for key in ("machine", "python") if key in params}
    if "env-DATABASE" in params:
        told = params["env-DATABASE"]
        asked["database"] = "sqlite" if told in (None, "[none]") else told
    return next(
        environment
        for environment in found.environments
        if all(getattr(environment, key) == value for key, value in asked.items())
    )


def recorded_at(found: Recorded) -> dict[str, dt.datetime]:
    """The time of the newest result of each commit."""
    times: dict[str, int] = {}
    for (_, commit), results in found.results.items():
        newest = max((time or 0 for time in results.started_at.values()), default=0)
        times[commit] = max(times.get(commit, 0), newest or results.date)
    return {commit: dt.datetime.fromtimestamp(t / 1000, dt.UTC) for commit, t in times.items()}
