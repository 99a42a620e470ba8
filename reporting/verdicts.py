"""A comparison as text, as Markdown for a pull request, as JSON, and as a page."""

from __future__ import annotations

import dataclasses
import html
import io
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from tabulate import tabulate

from .comparison import METRICS, WORST_FIRST, Compared, Comparison

HEADINGS = ("verdict", "scenario", *METRICS, "time")


def text(comparison: Comparison) -> str:
    """For a terminal, worst first, with the causes below."""
    lines = [summary(comparison), ""]
    lines += [table(comparison, "simple"), ""] if shown(comparison) else []
    for each in shown(comparison):
        reasons = [*([each.note] if each.note else []), *each.causes]
        lines += [f"{each.title}: {each.verdict}", *(f"  {reason}" for reason in reasons)]
    return "\n".join([*lines, *comparison.remarks]).rstrip() + "\n"


def markdown(comparison: Comparison) -> str:
    """For a comment on a pull request."""
    lines = [f"**{summary(comparison)}**", ""]
    lines += [table(comparison, "github"), ""] if shown(comparison) else []
    for each in shown(comparison):
        reasons = [*([each.note] if each.note else []), *each.causes]
        if reasons:
            lines += [f"<details><summary>{html.escape(each.title)}: {each.verdict}</summary>", ""]
            lines += [f"- {code(reason)}" for reason in reasons]
            lines += ["", "</details>"]
    return "\n".join([*lines, *("", *comparison.remarks)]).rstrip() + "\n"


def code(reason: str) -> str:
    """Text in which nothing is markup, whatever SQL or source it quotes."""
    kind, colon, quoted = reason.partition(": ")
    return f"{kind}: ``{quoted.replace('`', chr(39))}``" if colon else reason


def as_json(comparison: Comparison) -> str:
    content = dataclasses.asdict(comparison) | {"exit_code": comparison.exit_code}
    for listed, each in zip(content["compared"], comparison.compared, strict=True):
        listed["verdict"] = each.verdict
        for counts in listed["counts"]:
            counts.pop("sql", None)
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def page(comparison: Comparison) -> str:
    """A page of its own that needs no other file: the table, intervals drawn, and the causes."""
    body = [f"<h1>{html.escape(summary(comparison))}</h1>"]
    if any(each.time for each in comparison.compared):
        body.append(f"<figure>{drawing(comparison)}</figure>")
    if shown(comparison):
        body.append(table(comparison, "html"))
    for each in shown(comparison):
        reasons = [*([each.note] if each.note else []), *each.causes]
        body.append(f"<h2>{html.escape(each.title)}: {each.verdict}</h2><ul>")
        body += [f"<li><code>{html.escape(reason)}</code></li>" for reason in reasons]
        body.append("</ul>")
    body += [f"<p>{html.escape(remark)}</p>" for remark in comparison.remarks]
    title = f"{' and '.join(comparison.names)} compared"
    return f"{PAGE.replace('TITLE', title)}{chr(10).join(body)}\n</body></html>\n"


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>TITLE</title>
<meta name="viewport" content="width=device-width">
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.3em } h2 { font-size: 1em; margin: 1.5em 0 0 }
table { border-collapse: collapse } td, th { padding: .2em .8em; border-bottom: 1px solid #ddd }
td { white-space: nowrap } code { overflow-wrap: anywhere; font-size: .9em }
figure { margin: 1em 0 } svg { max-width: 100%; height: auto }
</style></head><body>
"""


def summary(comparison: Comparison) -> str:
    numbers = Counter(each.verdict for each in comparison.compared)
    said = ", ".join(f"{numbers[word]} {word}" for word in WORST_FIRST if numbers[word])
    return (
        f"{' → '.join(comparison.names)} on {comparison.database}: {said or 'nothing was measured'}"
    )


def shown(comparison: Comparison) -> list[Compared]:
    """What has something to say; the rest is a number in the summary."""
    return [
        each
        for each in comparison.compared
        if each.verdict != "unchanged" or each.changes or each.time or each.causes
    ]


def table(comparison: Comparison, form: str) -> str:
    rows = [
        (each.verdict, each.title, *(cell(each, metric) for metric in METRICS), time(each))
        for each in shown(comparison)
    ]
    used = [n for n in range(len(HEADINGS)) if n < 2 or any(row[n] for row in rows)]
    drawn: str = tabulate(
        [[row[n] for n in used] for row in rows],
        [HEADINGS[n] for n in used],
        tablefmt=form,
        disable_numparse=True,
        colalign=["left", "left", *["right"] * (len(used) - 2)],
    )
    return drawn


def cell(compared: Compared, metric: str) -> str:
    """How a count changed; empty where it did not."""
    for change in compared.changes:
        if change.metric == metric:
            if metric in ("statements", "rows", "full scans") or not change.base:
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


def drawing(comparison: Comparison) -> str:
    """Ratios of times with their intervals, as SVG."""
    # Takes a second to import, and most calls draw nothing.
    from matplotlib.figure import Figure

    timed = [each for each in comparison.compared if each.time][::-1]
    figure = Figure(figsize=(9, 0.9 + 0.32 * len(timed)), layout="constrained")
    axes: Any = figure.subplots()
    colours = {"slower": "tab:red", "faster": "tab:green", "unchanged": "tab:blue"}
    for place, each in enumerate(timed):
        estimate = each.time
        assert estimate is not None
        colour = colours.get(estimate.verdict(each.time_threshold), "tab:gray")
        spread = [[estimate.ratio - estimate.low], [estimate.high - estimate.ratio]]
        axes.errorbar(estimate.ratio, place, xerr=spread, fmt="o", capsize=3, color=colour)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(timed)), [each.title for each in timed], parse_math=False)
    axes.set_xlabel("wall time, head / base, with its interval")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:.3g}")
    axes.xaxis.set_minor_formatter("{x:.3g}")
    output = io.StringIO()
    figure.savefig(output, format="svg", metadata={"Date": None})
    return output.getvalue()[output.getvalue().index("<svg") :]


FORMS: dict[str, Callable[[Comparison], str]] = {
    "markdown": markdown,
    "json": as_json,
    "html": page,
}
