"""A comparison as text, as Markdown for a pull request, as JSON, and as a page."""

from __future__ import annotations

import dataclasses
import html
import json
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from tabulate import tabulate

from ..templates import render
from .metrics import EXACT, METRICS
from .model import ACCEPTED, WORST_FIRST, Compared, Comparison

HEADINGS = ("verdict", "scenario", *METRICS, "time")


def text(comparison: Comparison) -> str:
    """The comparison for a terminal, worst first, with the causes below."""
    lines = [summary(comparison), ""]
    lines += [table(comparison, "simple"), ""] if shown(comparison) else []
    for each in shown(comparison):
        lines += [f"{each.title}: {each.word}", *(f"  {reason}" for reason in each.reasons)]
    return "\n".join([*lines, *comparison.remarks]).rstrip() + "\n"


def markdown(comparison: Comparison) -> str:
    """The comparison for a comment on a pull request."""
    lines = [f"**{summary(comparison)}**", ""]
    lines += [table(comparison, "github"), ""] if shown(comparison) else []
    for each in shown(comparison):
        if each.reasons:
            lines += [f"<details><summary>{html.escape(each.title)}: {each.word}</summary>", ""]
            lines += [f"- {code(reason)}" for reason in each.reasons]
            lines += ["", "</details>"]
    return "\n".join([*lines, *("", *comparison.remarks)]).rstrip() + "\n"


def code(reason: str) -> str:
    """A reason in Markdown, in which the SQL or source that it quotes is not markup."""
    kind, colon, quoted = reason.partition(": ")
    return f"{kind}: ``{quoted.replace('`', chr(39))}``" if colon else reason


def as_json(comparison: Comparison) -> str:
    content = dataclasses.asdict(comparison) | {"exit_code": comparison.exit_code}
    for listed, each in zip(content["compared"], comparison.compared, strict=True):
        listed["verdict"] = each.verdict
        listed["word"] = each.word
        for counts in listed["counts"]:
            counts.pop("sql", None)
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def page(comparison: Comparison) -> str:
    """A page that needs no other file: the table, a drawing of intervals, and the causes."""
    return render(
        "sqlalchemy_asv.compare",
        "verdict.html",
        title=" and ".join(comparison.names) + " compared",
        summary=summary(comparison),
        headings=HEADINGS,
        rows=[row(each) for each in shown(comparison)],
        shown=shown(comparison),
        drawing=drawing(comparison),
        remarks=comparison.remarks,
    )


def summary(comparison: Comparison) -> str:
    numbers = Counter(each.word for each in comparison.compared)
    words = [word for verdict in WORST_FIRST for word in (verdict, f"{verdict}{ACCEPTED}")]
    said = ", ".join(f"{numbers[word]} {word}" for word in words if numbers[word])
    return (
        f"{' → '.join(comparison.names)} on {comparison.database}: {said or 'nothing was measured'}"
    )


def shown(comparison: Comparison) -> list[Compared]:
    """The cases to show. The rest is unchanged, and a number in the summary."""
    return [
        each
        for each in comparison.compared
        if each.verdict != "unchanged" or each.changes or each.time or each.causes
    ]


def table(comparison: Comparison, form: str) -> str:
    rows = [row(each) for each in shown(comparison)]
    used = [n for n in range(len(HEADINGS)) if n < 2 or any(row[n] for row in rows)]
    drawn: str = tabulate(
        [[row[n] for n in used] for row in rows],
        [HEADINGS[n] for n in used],
        tablefmt=form,
        disable_numparse=True,
        colalign=["left", "left", *["right"] * (len(used) - 2)],
    )
    return drawn


def row(each: Compared) -> tuple[str, ...]:
    """The cells of a scenario, as `HEADINGS` has them."""
    return (each.word, each.title, *(cell(each, metric) for metric in METRICS), time(each))


def cell(compared: Compared, metric: str) -> str:
    """The change of a count, as text; empty if there is none."""
    for change in compared.changes:
        if change.metric == metric:
            if metric in EXACT or not change.base:
                return f"{change.base:,} → {change.head:,}"
            small = "" if change.counts else " (within noise)"
            return percent(change.ratio) + (small if metric != "calls" else "")
    return ""


def percent(ratio: float) -> str:
    share = ratio - 1
    digits = 0 if abs(share) >= 1 else 1 if abs(share) >= 0.01 else 2
    return f"{share:+.{digits}%}"


def time(compared: Compared) -> str:
    if compared.time is None:
        return ""
    estimate = compared.time
    return f"{percent(estimate.ratio)} [{percent(estimate.low)}, {percent(estimate.high)}]"


def drawing(comparison: Comparison) -> dict[str, Any]:
    """Ratios of times, as places from 0 to 1 on a logarithmic axis; empty if nothing was timed."""
    timed = [(each, each.time) for each in comparison.compared if each.time]
    if not timed:
        return {}
    # At most a factor of 4 either way, however wide an interval is.
    widest = max(abs(math.log(end)) for _, t in timed for end in (t.ratio, t.low, t.high))
    width = min(max(widest * 1.1, math.log(1.05)), math.log(4))

    def place(ratio: float) -> float:
        return (min(max(math.log(ratio) / width, -1), 1) + 1) / 2

    return {
        "intervals": [
            {
                "title": each.title,
                "verdict": estimate.verdict(each.time_threshold),
                "text": time(each),
                "places": [place(each) for each in (estimate.ratio, estimate.low, estimate.high)],
            }
            for each, estimate in timed
        ],
        "ticks": [
            (percent(step), place(step))
            for step in (math.exp(width * share) for share in (-0.9, -0.45, 0, 0.45, 0.9))
        ],
    }


FORMS: dict[str, Callable[[Comparison], str]] = {
    "markdown": markdown,
    "json": as_json,
    "html": page,
}
