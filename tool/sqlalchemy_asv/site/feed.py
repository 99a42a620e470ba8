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
from asv.results import Results

from ..case import Case, split
from ..options import DATABASE
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
        at = {place: recorded_at(results) for place, results in found.results.items()}
        hashes = {revision: commit for commit, revision in revisions.items()}
        listed = json.loads((site / "regressions.json").read_text(encoding="utf-8"))["regressions"]
        entries = {}
        for name, _, params, _, _, _, jumps in listed:
            environment = environment_of(found, params)
            title = environment.title(found.environments)
            case = Case.parse(name)
            unit = benchmarks[case.scenario].get("unit", "")
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
                    "find": Case(split(case.scenario)[0], case.arguments).title,
                }
                entries[name, title, head.hash] = FeedEntry(
                    f"{name}{on}: {numbers.change(old, new)} at {head.name}",
                    at[environment, head.hash],
                    f"{address(conf)}#compare?{urlencode(chosen, quote_via=quote)}",
                    f"<p>{html.escape(figures)}</p>",
                    id_context=[name, title, head.hash],
                    id_date=dt.datetime.fromtimestamp(head.date / 1000, dt.UTC),
                )
        write_atom(
            str(site / "regressions.xml"),
            sorted(entries.values(), key=lambda entry: (-entry.updated.timestamp(), entry.title)),
            author="sqlalchemy-asv",
            title=f"{conf.project}: regressions",
            address=f"{conf.project}.asv",
        )


def shown(value: float, unit: str) -> str:
    """A figure with its unit: "25.0 M instructions"."""
    said = numbers.shown(value, unit)
    return said if unit in ("seconds", "bytes", "") else f"{said} {unit}"


def environment_of(found: Recorded, params: Mapping[str, Any]) -> Environment:
    """The environment of a graph, whose parameters are those that differ between graphs."""
    asked = {key: params[key] for key in ("machine", "python") if key in params}
    if (name := f"env-{DATABASE}") in params:
        asked["database"] = "sqlite" if params[name] in (None, "[none]") else params[name]
    return next(
        environment
        for environment in found.environments
        if all(getattr(environment, key) == value for key, value in asked.items())
    )


def recorded_at(results: Results) -> dt.datetime:
    """The time of the newest of these results."""
    newest = max((time or 0 for time in results.started_at.values()), default=0)
    return dt.datetime.fromtimestamp((newest or results.date) / 1000, dt.UTC)
