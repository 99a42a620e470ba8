"""The overview: the first page of the site, and the comparison of any two commits beside it."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asv.console import log
from asv.publishing import OutputPublisher
from asv.util import write_json
from packaging.version import InvalidVersion, Version

from ..asv_ext import settings
from ..case import Case, split
from ..compare.metrics import EXACT, METRICS
from ..compare.verdict import BETTER, TRADE_OFF, WORSE
from ..options import DATABASE
from ..templates import render
from . import offline, recorded, sources
from .numbers import change, shown
from .pages import copy
from .recorded import LEAST, WORTH, Commit, Environment, Recorded, Values, named

FIGURES = ("statements", "rows", "calls", "instructions", "allocated", "time_wall")
"""The columns of the tables, those that are recorded."""
UNITS = {"allocated": "bytes", "retained_bytes": "bytes", "time_wall": "seconds"}
SITES = Path(".asv/site")
PAGE = "overview.html"
WIDTH, HEIGHT = 80, 18
"""The size of a sparkline in pixels."""
FLAT = 0.02
"""A share below which a line looks flat: noise is not to look like an event."""
STEP = 0.01
"""The share from which a step of the picture is labelled."""
WORST, BEST = 5, 3
"""The numbers of changes for the worse and the better that a verdict lists."""


class Overview(OutputPublisher):  # type: ignore[misc]
    """The first page of a history, and of all histories that are published beside it."""

    name = "overview"
    button_label = "Show overview"
    description = "Display today's figures, and what changed last"
    order = 8

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        site = Path(conf.html_dir)
        found = recorded.read(conf, repo, benchmarks)
        write_json(str(site / "compare.json"), to_compare(found), compact=True)
        about = history(conf, found, benchmarks)
        write_json(str(site / "overview.json"), about, compact=True)
        sources.write(site, Path(conf.benchmark_dir), benchmarks, address(conf))
        packages = offline.fetch(Path(conf.env_dir).parent / "npm")
        write_page(site, PAGE, conf.project, [(about, "")], packages)
        if site.parent.resolve() == SITES.resolve():
            # Releases concern more readers than the commits of one repository.
            found_beside = sorted(
                beside(site.parent), key=lambda each: (not each[0]["dependency"], each[0]["name"])
            )
            write_page(site.parent, "index.html", conf.project, found_beside, packages)


def beside(folder: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The histories that are published into a folder, each with its folder in addresses.

    Those of a version with another page are left out, with a warning.
    """
    for file in sorted(folder.glob("*/overview.json")):
        about: dict[str, Any] = {}
        with contextlib.suppress(ValueError):
            about = json.loads(file.read_text(encoding="utf-8"))
        if about.get("made for") == made_for():
            yield about, f"{file.parent.name}/"
        else:
            log.warning(
                f"{file.parent.name} was published by another version of sqlalchemy-asv, so the"
                " overview leaves it out: publish it again"
            )


def made_for() -> str:
    """Names the page that the texts and tables of a history are for."""
    page = Path(__file__).parent / "templates" / "overview.html"
    return hashlib.blake2b(page.read_bytes(), digest_size=8).hexdigest()


def address(conf: Any) -> str:
    """The overview as a page of the history reaches it: that of all histories, or its own."""
    return "../index.html" if conf.project_url == "../index.html" else PAGE


def write_page(
    folder: Path,
    name: str,
    project: str,
    histories: Sequence[tuple[dict[str, Any], str]],
    packages: Path,
) -> None:
    """Write an overview, with what it needs, of histories and their folders."""
    for file in ("overview.css", "overview.js", "numbers.js"):
        copy(file, folder)
    offline.copy(packages, folder)
    told = [
        {
            "folder": prefix,
            "name": each["name"],
            "title": each["title"],
            "document": each["document"],
        }
        for each, prefix in histories
    ]
    page = render(
        "sqlalchemy_asv.site",
        "overview.html",
        project=project,
        histories=histories,
        told=told,
        timed=any(each.get("timed") for each, _ in histories),
    )
    (folder / name).write_text(page, encoding="utf-8")


# --- the tables -----------------------------------------------------------------------------------


def history(conf: Any, found: Recorded, benchmarks: Any) -> dict[str, Any]:
    """The texts and tables of a history, as JSON."""
    from ..instruments import INSTRUMENTS  # here, since asv imports this module with every command

    dependency = settings.dependency(conf)
    headlines = settings.own(conf).get("headlines", [])
    by_scenario = {split(name)[0]: one for name, one in benchmarks.items()}
    return {
        "made for": made_for(),
        "name": Path(conf.html_dir).name,
        "dependency": dependency,
        "title": f"Releases of {DEPENDENCIES.get(dependency, dependency)}"
        if dependency
        else "Commits",
        "about": "Each recorded release, measured with the same application."
        if dependency
        else "Each commit, with the requirements that it states.",
        "document": bool(settings.own(conf).get("document")),
        "timed": any("time_wall" in of_metric for of_metric in found.values.values()),
        "branch": found.branch,
        "damaged": found.damaged,
        "elsewhere": sum(found.branch not in each.branches for each in found.commits.values()),
        "picture": picture(conf, found),
        "legend": [
            (named(metric.name), metric.about)
            for instrument in INSTRUMENTS
            for metric in instrument.metrics
            if metric.name in METRICS
        ],
        "environments": [
            of_environment(found, environment, by_scenario, headlines)
            for environment in found.environments
        ],
    }


DEPENDENCIES = {"sqlalchemy": "SQLAlchemy"}
"""Names as their projects write them."""


def of_environment(
    found: Recorded,
    environment: Environment,
    by_scenario: dict[str, Any],
    headlines: Sequence[str],
) -> dict[str, Any]:
    """The tables of an environment, by domain."""
    commits = found.of_branch(environment)
    values = found.values[environment]
    metrics = [metric for metric in FIGURES if metric in values]
    counted = found.counted(environment)
    titles = sorted({title for metric in metrics for title in values[metric]})
    # The domains of the headlines come first.
    domains: dict[str, list[Any]] = {title.partition(".")[0]: [] for title in headlines}
    for title in titles:
        row = of_case(found, environment, commits, title, metrics, by_scenario)
        if row:
            domains.setdefault(title.partition(".")[0], []).append(row)
    return {
        "title": environment.title(found.environments),
        "commits": [commit.name for commit in commits],
        "counted": [commit.name for commit in ordered(found) if commit.hash in counted],
        "columns": [named(metric) for metric in metrics],
        "domains": {domain: rows for domain, rows in domains.items() if rows},
        "newest": newest(found, environment, commits),
    }


def of_case(
    found: Recorded,
    environment: Environment,
    commits: Sequence[Commit],
    title: str,
    metrics: Sequence[str],
    by_scenario: dict[str, Any],
) -> dict[str, Any] | None:
    """The row of a case; None if no commit of the branch has it."""
    case = Case.parse(title)
    # asv looks for the graphs of all databases, unless one is named.
    name_database = len({each.database for each in found.environments}) > 1
    cells: list[dict[str, Any] | None] = []
    for metric in metrics:
        series = found.values[environment][metric].get(title, {})
        line = [series.get(commit.hash) for commit in commits]
        today = next((value for value in reversed(line) if value is not None), None)
        cells.append(
            None
            if today is None
            else {
                "shown": shown(today, UNITS.get(metric, "")),
                "line": sparkline(line),
                "graph": graph(case, metric, environment, by_scenario, name_database),
            }
        )
    if not any(cells):
        return None
    return {
        "title": title,
        "cells": cells,
        "changed": last_change(found, environment, commits, title),
        "statements": f"index.html#/statements?scenario={quote(title)}",
        "source": f"{sources.PAGE}#{quote(case.scenario)}",
    }


def graph(
    case: Case,
    metric: str,
    environment: Environment,
    by_scenario: dict[str, Any],
    name_database: bool,
) -> str:
    """The address of asv's graph of a metric of a case."""
    name = f"track_{metric}" if metric in METRICS else metric
    parameters = by_scenario.get(case.scenario, {}).get("param_names", [])
    query = [
        f"p-{quote(parameter)}={quote(value)}"
        for parameter, value in zip(parameters, case.arguments, strict=False)
    ]
    if name_database:
        database = "%5Bnone%5D" if environment.database == "sqlite" else environment.database
        query.append(f"env-{DATABASE}={database}")
    return f"index.html#{quote(case.scenario)}.{name}" + ("?" + "&".join(query) if query else "")


def sparkline(line: Sequence[float | None]) -> str:
    """The path of a line of steps through values, as SVG has it; empty if all are equal."""
    known = [value for value in line if value is not None]
    if len({*known}) < 2:
        return ""
    low, high = min(known), max(known)
    middle, span = (low + high) / 2, max(high - low, FLAT * abs(high), 1e-12)
    path = []
    last: float | None = None
    for place, value in enumerate(line):
        x = round(WIDTH * place / (len(line) - 1))
        if value is None or value == last:
            continue
        y = round(HEIGHT / 2 - (HEIGHT - 4) * (value - middle) / span, 1)
        path.append(f"M{x} {y:g}" if last is None else f"H{x}V{y:g}")
        last = value
    return "".join([*path, f"H{WIDTH}"])


def counts(found: Recorded, environment: Environment, title: str, commit: str) -> dict[str, float]:
    """The counts of a case at a commit, by metric."""
    return {
        metric: values[title][commit]
        for metric, values in found.values[environment].items()
        if metric in METRICS and commit in values.get(title, {})
    }


def last_change(
    found: Recorded, environment: Environment, commits: Sequence[Commit], title: str
) -> dict[str, str] | None:
    """The last commit that changed a count of a case, and its largest change."""
    known = found.counted(environment, title)
    for commit in reversed(commits):
        before = found.before(known, commit)
        if commit.hash not in known or before is None:
            continue
        now = counts(found, environment, title, commit.hash)
        changes = recorded.changed(counts(found, environment, title, before.hash), now)
        if changes:
            return {
                "commit": commit.name,
                "text": said(changes, [*changes]),
                "from": before.name,
                "word": recorded.verdict(changes),
            }
    return None


def said(changes: Mapping[str, tuple[float, float]], among: Sequence[str]) -> str:
    """The most telling change of some metrics, and the number of the others."""
    metric = min(among, key=lambda m: (_rank(m), -_size(*changes[m])))
    more = f" (and {len(changes) - 1} more)" if len(changes) > 1 else ""
    return f"{named(metric)} {change(*changes[metric])}{more}"


def _rank(metric: str) -> int:
    """The place of a metric: those that have a column come first."""
    return FIGURES.index(metric) if metric in FIGURES else len(FIGURES)


def ordered(found: Recorded) -> list[Commit]:
    """All commits: releases by their versions, others from the oldest to the newest."""
    commits = [*found.commits.values()]
    if found.dependency:
        with contextlib.suppress(InvalidVersion):  # a commit that somebody has added
            return sorted(commits, key=lambda commit: Version(commit.name))
    return commits


def _size(base: float, head: float) -> float:
    """The size of a change: from nothing to something is the largest."""
    if base <= 0 or head <= 0:
        return float("inf")
    return max(base / head, head / base)


def newest(
    found: Recorded, environment: Environment, commits: Sequence[Commit]
) -> dict[str, Any] | None:
    """The verdict on the newest commit: how many cases are better and worse than before."""
    titles = sorted(
        {title for of_metric in found.values[environment].values() for title in of_metric}
    )
    known = {title: found.counted(environment, title) for title in titles}
    for commit in reversed(commits):
        words: Counter[str] = Counter()
        worst: list[Any] = []
        best: list[Any] = []
        base = None
        for title, of_title in known.items():
            before = found.before(of_title, commit)
            if commit.hash not in of_title or before is None:
                continue
            base = base or before
            sides = (counts(found, environment, title, each.hash) for each in (before, commit))
            changes = recorded.changed(*sides)
            verdict = recorded.verdict(changes)
            words[verdict] += 1
            if verdict in (WORSE, TRADE_OFF, BETTER):
                better = verdict == BETTER
                among = [m for m, (was, now) in changes.items() if better or now > was]
                rank = min(map(_rank, among))
                size = max(_size(*changes[m]) for m in among if _rank(m) == rank)
                (best if better else worst).append((rank, -size, title, said(changes, among)))
        if base is not None:
            return {
                "commit": commit.name,
                "subject": commit.subject,
                "before": base.name,
                "cases": words.total(),
                "better": words[BETTER],
                "worse": words[WORSE],
                "trade_offs": words[TRADE_OFF],
                "worst": [each[2:] for each in sorted(worst)[:WORST]],
                "best": [each[2:] for each in sorted(best)[:BEST]],
                "more": max(0, len(worst) - WORST),
            }
    return None


# --- the picture ----------------------------------------------------------------------------------


def picture(conf: Any, found: Recorded) -> dict[str, Any] | None:
    """Instructions of the headline cases over all commits, in percent of the first.

    Releases are in the order of their versions. None if the settings name no cases, or nothing is
    recorded of them.
    """
    headlines = settings.own(conf).get("headlines", [])
    series = next(
        (
            {title: of[title] for title in headlines if title in of}
            for environment in found.environments
            if (of := found.values[environment].get("instructions", {})).keys() & {*headlines}
        ),
        {},
    )
    drawn = [c for c in ordered(found) if any(c.hash in each for each in series.values())]
    if len(drawn) < 2:
        return None
    lines: list[str] = []
    sizes: dict[str, float] = {}
    for commit in drawn:
        said = []
        for title, values in series.items():
            before = found.before(values, commit)
            if commit.hash in values and before is not None:
                base, head = values[before.hash], values[commit.hash]
                if abs(head / base - 1) >= STEP:
                    said.append(f"{title} {change(base, head)}")
                    sizes[commit.name] = max(sizes.get(commit.name, 0.0), _size(base, head))
        if said:
            lines.append(f"{commit.name}: {', '.join(said)}")
    return {
        "about": f"Machine instructions of {len(series)} operations over"
        f" {len(drawn)} commits, in percent of {drawn[0].name}",
        "names": [commit.name for commit in drawn],
        "series": [
            {"title": title, "values": shares(values, drawn)} for title, values in series.items()
        ],
        "labels": [{"name": name, "size": size} for name, size in sizes.items()],
        "least": f"{STEP:.0%}",
        "steps": lines,
    }


def shares(values: Values, drawn: Sequence[Commit]) -> list[float | None]:
    """Values in percent of the first."""
    first = next(values[c.hash] for c in drawn if c.hash in values)
    return [round(100 * values[c.hash] / first, 2) if c.hash in values else None for c in drawn]


# --- comparing any two ----------------------------------------------------------------------------


def to_compare(found: Recorded) -> dict[str, Any]:
    """All counts, for the page that compares two commits.

    The values of a case are pairs: the number of a commit, and the value from there on. None where
    there is none.
    """
    commits = ordered(found)
    place = {commit.hash: number for number, commit in enumerate(commits)}
    environments = []
    for environment in found.environments:
        of_metrics = found.values[environment]
        metrics = [metric for metric in METRICS if metric in of_metrics]
        titles = sorted({title for metric in metrics for title in of_metrics[metric]})
        environments.append(
            {
                "title": environment.title(found.environments),
                "name": environment.name,
                "database": environment.database,
                "commits": sorted(place[commit] for commit in found.counted(environment)),
                "cases": titles,
                "metrics": [
                    {
                        "name": metric,
                        "title": named(metric),
                        "unit": UNITS.get(metric, ""),
                        "exact": metric in EXACT,
                        "threshold": 0 if metric in EXACT else WORTH.get(metric, 0),
                        "least": LEAST.get(metric, 0),
                    }
                    for metric in metrics
                ],
                "values": [
                    [recorded.runs(of_metrics[metric].get(title, {}), commits) for title in titles]
                    for metric in metrics
                ],
            }
        )
    return {
        "commits": [
            {
                "name": commit.name,
                "hash": commit.hash,
                "subject": commit.subject,
                "before": None if commit.before is None else place[commit.before],
            }
            for commit in commits
        ],
        "environments": environments,
    }
