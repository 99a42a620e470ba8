"""Stored results, compared with the limits that scenarios state, and the page of the verdicts."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from asv.publishing import OutputPublisher
from asv.results import Results
from asv.util import write_json
from tabulate import tabulate

from ..asv_ext import history
from ..asv_ext.errors import last_line, stop
from ..budget import GROWTH
from ..case import Case
from ..environments import workers
from ..growth import Growth
from . import recorded
from .growth import of_benchmark
from .pages import add_page
from .recorded import Environment

STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "stdev": statistics.stdev,
    "max": max,
    "p50": statistics.median,
    "p95": lambda samples: statistics.quantiles(samples, n=100, method="inclusive")[94],
    "p99": lambda samples: statistics.quantiles(samples, n=100, method="inclusive")[98],
}
"""Statistics of a benchmark's samples, two or more."""


@dataclasses.dataclass
class Verdict:
    """One figure of one combination of parameters, against its limit."""

    scenario: str
    """With its parameters."""
    figure: str
    limit: float
    value: float | None
    """None if it was not measured."""
    why: str = ""
    """The reason why it was not measured."""

    @property
    def word(self) -> str:
        if self.value is None:
            return "not measured"
        if self.figure.startswith(GROWTH):
            return "kept" if Growth(self.value).rank <= self.limit else "EXCEEDED"
        return "kept" if self.value < self.limit else "EXCEEDED"


def stated(conf: Any) -> list[dict[str, Any]]:
    """All budgets, as the benchmarks state them. Ends with one line if they cannot be read."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "budgets.json")
        try:
            done = workers.call(
                conf,
                "budgets.listing",
                str(file),
                database="sqlite",
                stderr=subprocess.PIPE,
                timeout=workers.WAIT,
            )
        except subprocess.TimeoutExpired:
            stop(f"the budgets could not be read within {workers.WAIT} s: an import does not end")
        if done.returncode:
            stop(f"the budgets could not be read: {last_line(done.stderr)}")
        found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def verdicts(
    results: Results, budgets: Sequence[dict[str, Any]], benchmarks: Mapping[str, Any]
) -> Iterator[Verdict]:
    """The verdicts of one file of results on each budget, for every combination of parameters.

    Results of another version of a benchmark than that of `benchmarks` are none.
    """
    measured = set(results.get_result_keys(benchmarks))
    for budget in budgets:
        name = budget["benchmark"]
        if name not in measured:
            yield Verdict(budget["scenario"], budget["figure"], budget["limit"], None, "never run")
            continue
        params = results.get_result_params(name)
        values = results.get_result_value(name, params)
        samples = results.get_result_samples(name, params)
        if budget["figure"].startswith(GROWTH):
            yield from of_growth(budget, params, values)
            continue
        for case, value, sample in zip(
            Case.of_benchmark(name, params), values, samples, strict=True
        ):
            verdict = Verdict(case.title, budget["figure"], budget["limit"], None)
            if name.endswith(".time_wall"):
                if budget["figure"] not in STATISTICS:
                    verdict.why = "a figure of load tests alone"
                elif sample and len(sample) > 1:
                    verdict.value = STATISTICS[budget["figure"]](sample)
                else:
                    verdict.why = "no samples: use `asv run --record-samples`"
            elif value is None or math.isnan(value):
                verdict.why = "failed" if value is None else "n/a"
            else:
                verdict.value = value
            yield verdict


def of_growth(
    budget: dict[str, Any], params: Sequence[Sequence[str]], values: Sequence[float]
) -> Iterator[Verdict]:
    """The verdicts on a promised class of growth, over each numeric parameter."""
    found = of_benchmark(budget["benchmark"], budget["parameters"], params, values)
    for title, one in found.items():
        yield Verdict(title, budget["figure"], budget["limit"], one.exponent)
    if not found:
        why = "its sizes do not tell: three over a decade are needed"
        yield Verdict(budget["scenario"], budget["figure"], budget["limit"], None, why)


def shown(figure: str, value: float | None) -> str:
    """A figure with its unit."""
    if value is None:
        return "—"
    if figure.startswith(GROWTH):
        return str(Growth(value))
    if figure == "error_rate":
        return f"{value:.2%}"
    if figure in STATISTICS or figure == "average":
        return f"{value * 1000:.4g} ms"
    return f"{value:,.0f}"


def table(found: Sequence[Verdict]) -> str:
    """Verdicts as a table for a terminal."""
    rows = [
        (v.scenario, v.figure, shown(v.figure, v.value), shown(v.figure, v.limit), v.word, v.why)
        for v in found
    ]
    drawn: str = tabulate(
        rows,
        ("scenario", "figure", "measured", "limit", "verdict", ""),
        disable_numparse=True,
        colalign=("left", "left", "right", "right", "left", "left"),
    )
    return drawn


class Budgets(OutputPublisher):  # type: ignore[misc]
    name = "budgets"
    button_label = "Show budgets"
    description = "Display whether limits are kept"
    order = 5

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        budgets = stated(conf)
        columns: list[dict[str, Any]] = []
        rows: dict[tuple[str, str, float], dict[int, Verdict]] = {}
        known = recorded.read(conf, repo, benchmarks)
        environments = {environment for environment, _ in known.results}

        def place(recorded: tuple[Environment, str]) -> tuple[str, str, int]:
            environment, commit = recorded
            return environment.machine, environment.name, -revisions[commit]  # the newest first

        # A range of commits may have been named to publish.
        among = [each for each in known.results if each[1] in revisions]
        for environment, hash in sorted(among, key=place):
            results = known.results[environment, hash]
            judged = list(verdicts(results, budgets, benchmarks))
            if all(verdict.value is None for verdict in judged):
                continue
            for verdict in judged:
                key = (verdict.scenario, verdict.figure, verdict.limit)
                rows.setdefault(key, {})[len(columns)] = verdict
            commit = known.commits[hash]
            columns.append(
                {
                    "commit": commit.name,
                    "subject": commit.subject,
                    "date": results.date,
                    "where": environment.title(environments),
                }
            )
        measured = {k: c for k, c in rows.items() if any(v.value is not None for v in c.values())}
        never = [key for key in rows if key not in measured and "(" not in key[0]]
        costs = history.accepted(conf, "--no-walk", *revisions) if revisions else []
        content = {
            "accepted": [
                {**cost._asdict(), "commit": cost.commit[: conf.hash_length]} for cost in costs
            ],
            "columns": columns,
            "rows": [
                {
                    "scenario": scenario,
                    "figure": figure,
                    "limit": shown(figure, limit),
                    "cells": [
                        {"shown": shown(figure, v.value), "word": v.word, "why": v.why}
                        if (v := cells.get(index))
                        else {"shown": "—", "word": "not measured", "why": ""}
                        for index in range(len(columns))
                    ],
                }
                for (scenario, figure, limit), cells in sorted(measured.items())
            ],
            "never": sorted({f"{scenario} ({figure})" for scenario, figure, _ in never}),
        }
        site = Path(conf.html_dir)
        write_json(str(site / "budgets.json"), content, compact=True)
        add_page(site, cls.name, "Budgets")
