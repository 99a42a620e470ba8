"""The page of growth: the class of each count over the sizes of a scenario, newest commit first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asv.publishing import OutputPublisher
from asv.results import Results
from asv.util import write_json

from ..case import Case, split
from ..growth import Growth, by_size
from . import recorded
from .pages import add_page

METRICS = ("statements", "rows", "round_trips", "calls", "instructions")
"""The exact counts of which the page tells the growth."""


def classes(results: Results, benchmarks: Any) -> dict[str, dict[str, Growth]]:
    """The growth of each metric, by title, in one file of results."""
    found: dict[str, dict[str, Growth]] = {}
    for name in results.get_result_keys(benchmarks):  # not those of another version
        _, metric = split(name)
        if metric.removeprefix("track_") not in METRICS:
            continue
        params = results.get_result_params(name)
        values = results.get_result_value(name, params)
        names = benchmarks[name]["param_names"]
        for title, one in of_benchmark(name, names, params, values).items():
            found.setdefault(title, {})[metric.removeprefix("track_")] = one
    return found


def of_benchmark(
    name: str, names: Sequence[str], params: Sequence[Sequence[str]], values: Sequence[float]
) -> dict[str, Growth]:
    """The growth of a benchmark's values over each of its numeric parameters, by title."""
    scenario, _ = split(name)
    cases = [case.arguments for case in Case.of_benchmark(name, params)]
    found = by_size(names, zip(cases, values, strict=True))
    return {Case(scenario, arguments).title: one for arguments, one in found.items()}


class GrowthOfCounts(OutputPublisher):  # type: ignore[misc]
    name = "growth"
    button_label = "Show growth"
    description = "Display how counts grow with the size of their input"
    order = 7

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        found = recorded.read(conf, repo, benchmarks)
        tables = []
        for environment in found.environments:
            commits = found.of_branch(environment)
            rows = table([classes(found.results[environment, c.hash], benchmarks) for c in commits])
            if rows:
                newest = commits[-1]
                about = newest.name if found.dependency else f"{newest.name} {newest.subject}"
                where = environment.title(found.environments)
                tables.append({"where": where, "commit": about, "rows": rows})
        site = Path(conf.html_dir)
        write_json(str(site / "growth.json"), {"metrics": METRICS, "tables": tables}, compact=True)
        add_page(site, cls.name, "Growth")


def table(history: list[dict[str, dict[str, Growth]]]) -> list[dict[str, Any]]:
    """Each title with the newest class of each metric, and the class before the last change."""
    rows = []
    for title in sorted({title for found in history for title in found}):
        cells = []
        for metric in METRICS:
            known = [one for found in history if (one := found.get(title, {}).get(metric))]
            before = next((one for one in reversed(known) if one.rank != known[-1].rank), None)
            cells.append(
                {
                    "class": str(known[-1]) if known else "—",
                    "before": str(before) if before else "",
                    "worse": bool(before and known[-1].exceeds(before)),
                }
            )
        rows.append({"scenario": title, "cells": cells})
    return rows
