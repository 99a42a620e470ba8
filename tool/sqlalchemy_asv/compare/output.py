"""A comparison as text, as Markdown for a pull request, as JSON, and as a page."""

from __future__ import annotations

import dataclasses
import html
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from tabulate import tabulate

from ..templates import render
from ..words import several
from .metrics import EXACT
from .model import ACCEPTED, Change, Compared, Comparison
from .verdict import DIMENSIONS, UNCHANGED, UNDECIDED, WORDS

HEADINGS = ("verdict", "scenario", *DIMENSIONS)
LEGEND = (
    "*Worse*: in one of the dimensions. *Trade-off*: worse in one, and better in another."
    " *Undecided*: time, or a cache, needs another try. Database: statements, round trips, rows,"
    " compilations, plans. Processor: calls of Python functions, machine instructions. Memory:"
    " bytes at the peak, objects left behind. Growth: the class of a count over sizes. Time: of"
    " pairs of processes, with its interval."
)

OF_TESTS = (
    " *Other statements*: as many, but others. *Unstable*: a count differs from run to run, so it"
    " decides nothing."
)


def text(comparison: Comparison) -> str:
    """The comparison for a terminal, worst first, with the causes below."""
    lines = [summary(comparison), ""]
    lines += [table(comparison, "simple"), ""] if shown(comparison) else []
    for each in shown(comparison):
        lines += [f"{each.title}: {each.verdict}", *(f"  {reason}" for reason in each.reasons)]
    return "\n".join([*lines, *remarks(comparison)]).rstrip() + "\n"


def markdown(comparison: Comparison) -> str:
    """The comparison for a comment on a pull request: why in a line, the rest folded."""
    lines = [f"**{plain(summary(comparison))}**", ""]
    lines += [table(comparison, "github", plain), ""] if shown(comparison) else []
    for each in shown(comparison):
        if each.reasons:
            first, *others = each.reasons
            title = f"{tagged(each.title)}: {tagged(first)}"
            if others:
                lines += [f"<details><summary>{title}</summary>", ""]
                lines += [f"- {code(reason)}" for reason in others]
                lines += ["", "</details>"]
            else:
                lines += [f"<p>{title}</p>"]
            lines += [""]
    legend = LEGEND + (OF_TESTS if comparison.heading == "test" else "")
    lines += [legend] if shown(comparison) else []
    return "\n".join([*lines, *("", *map(plain, remarks(comparison)))]).rstrip() + "\n"


def remarks(comparison: Comparison) -> list[str]:
    """The measurements that were not made, with the reasons."""
    left_out = [f"{number} left out: {why}" for why, number in comparison.left_out.items()]
    return [*comparison.remarks, *left_out]


def code(reason: str) -> str:
    """A reason as code in Markdown, in which nothing is markup, and nobody is mentioned."""
    return f"`` {_line(reason.replace('`', chr(39)))} ``"


def tagged(text: str) -> str:
    """Text as code in a block of HTML, in which Markdown means nothing."""
    return f"<code>{html.escape(_line(text))}</code>"


def plain(text: str) -> str:
    """Text in Markdown, in which nothing is markup, and nobody is mentioned."""
    escaped = re.sub(r"(?<!\w)_|_(?!\w)|[\\`*\[\]<>|~&$]", r"\\\g<0>", _line(text))
    # GitHub looks for people and issues in what Markdown has made, so only another text helps.
    return re.sub(r"[@#](?=\w)|\bGH(?=-\d)|:(?=//)", "\\g<0>\N{ZERO WIDTH SPACE}", escaped)


def _line(text: str) -> str:
    return " ".join(text.split())


def as_json(comparison: Comparison) -> str:
    content = dataclasses.asdict(comparison) | {"exit_code": comparison.exit_code}
    for listed, each in zip(content["compared"], comparison.compared, strict=True):
        listed |= {"word": each.word, "verdict": each.verdict, "outcomes": each.outcomes}
        if each.time and not each.time.is_interval:
            listed["time"] |= {"low": None, "high": None}
        for counts in listed["counts"]:
            for name in ("sql", "plans", "where", "limits"):
                counts.pop(name, None)
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def page(comparison: Comparison) -> str:
    """A page that needs no other file: the table, a drawing of intervals, and the causes."""
    headings, rows = columns(comparison)
    return render(
        "sqlalchemy_asv.compare",
        "verdict.html",
        title=" and ".join(comparison.names) + " compared",
        summary=summary(comparison),
        headings=headings,
        rows=rows,
        shown=shown(comparison),
        drawing=drawing(comparison),
        remarks=remarks(comparison),
    )


def summary(comparison: Comparison) -> str:
    numbers = Counter((each.word, each.is_accepted) for each in comparison.compared)
    said = ", ".join(
        f"{numbers[word, accepted]} {word}{ACCEPTED if accepted else ''}"
        for word in WORDS
        for accepted in (False, True)
        if numbers[word, accepted]
    )
    compared = " → ".join(comparison.names)
    named = f"{comparison.dependency} {compared}".lstrip()
    return f"{named} on {comparison.database}: {said or 'nothing was measured'}"


def shown(comparison: Comparison) -> list[Compared]:
    """The cases to show. The rest is unchanged, and a number in the summary."""
    return [each for each in comparison.compared if each.word != UNCHANGED]


def columns(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """The headings and rows of the table, without columns that have no cell."""
    rows = [row(each) for each in shown(comparison)]
    used = [n for n in range(len(HEADINGS)) if n < 2 or any(row[n] for row in rows)]
    headings = [HEADINGS[0], comparison.heading, *HEADINGS[2:]]
    return [headings[n] for n in used], [[row[n] for n in used] for row in rows]


def table(comparison: Comparison, form: str, cell: Callable[[str], str] = str) -> str:
    headings, rows = columns(comparison)
    rows = [[cell(each) for each in row] for row in rows]
    drawn: str = tabulate(rows, headings, tablefmt=form, disable_numparse=True)
    return drawn


def row(each: Compared) -> tuple[str, ...]:
    """The cells of a scenario, as `HEADINGS` has them."""
    accepted = ACCEPTED if each.is_accepted else ""
    cells = [cell(each, dimension) for dimension in DIMENSIONS]
    return (each.word + accepted, each.title, *cells)


def cell(compared: Compared, dimension: str) -> str:
    """What changed in a dimension, as text; empty if nothing did."""
    if dimension == "time":
        return time(compared)
    if dimension == "growth":
        return compared.growth
    changes = [c for c in compared.changes if c.metric in DIMENSIONS[dimension] and c.counts]
    said = [f"{change.metric.replace('_', ' ')} {difference(change)}" for change in changes]
    if compared.outcomes.get(dimension) == UNDECIDED:
        said.append(UNDECIDED)
    return ", ".join(said)


def difference(change: Change) -> str:
    if change.metric in EXACT or not change.base:
        return f"{change.base:,} → {change.head:,}"
    return percent(change.ratio)


def percent(ratio: float) -> str:
    share = ratio - 1
    digits = 0 if abs(share) >= 1 else 1 if abs(share) >= 0.01 else 2
    return f"{share:+.{digits}%}"


def time(compared: Compared) -> str:
    if compared.time is None:
        return ""
    estimate = compared.time
    if not estimate.is_interval:
        return f"{UNDECIDED} ({several(estimate.pairs, 'pair')})"
    return f"{percent(estimate.ratio)} [{percent(estimate.low)}, {percent(estimate.high)}]"


def drawing(comparison: Comparison) -> dict[str, Any]:
    """Ratios of times, as places from 0 to 1 on a logarithmic axis; empty if nothing was timed."""
    timed = [(e, e.time) for e in comparison.compared if e.time and e.time.is_interval]
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
                "verdict": estimate.outcome(each.time_threshold),
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
