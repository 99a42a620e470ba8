"""The report of a load test: a table, figures as JSON, a page with the distribution drawn."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

from tabulate import tabulate

from ..files import write_text
from ..templates import render
from ..words import how_often, several
from .response_times import Figures, ResponseTimes

COLUMNS = (
    *("requests", "failed", "requests/s", "average", "p50", "p95", "p99", "max"),
    *("for the pool", "in the database"),
)
"""The last two are averages; the rest of a response time is Python, and waiting for it."""
DRAWN = [0, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.9, 100]
"""Percentiles."""


@dataclasses.dataclass(frozen=True)
class Result:
    users: int
    seconds: float
    operations: dict[str, Figures]
    """By name; "all" is all of them together."""
    limits: dict[str, float]
    """Limits for all operations together, by name of the figure."""
    notes: list[str]

    @property
    def exceeded(self) -> list[str]:
        together = self.operations.get("all")
        if together is None:
            return []
        return [name for name, limit in self.limits.items() if getattr(together, name) >= limit]

    @property
    def exit_code(self) -> int:
        """0 within limits, 1 beyond one, 2 if nothing was measured."""
        return 2 if not self.operations else int(bool(self.exceeded))

    def as_json(self) -> str:
        return json.dumps(dataclasses.asdict(self) | {"exceeded": self.exceeded}, indent=1)

    def verdicts(self) -> list[str]:
        together = self.operations["all"]
        return [
            f"{name} {shown(name, getattr(together, name))},"
            f" limit {shown(name, limit)}: {'EXCEEDED' if name in self.exceeded else 'kept'}"
            for name, limit in self.limits.items()
        ]


def shown(name: str, value: float) -> str:
    return f"{value:.2%}" if name == "error_rate" else f"{value * 1000:.1f} ms"


def row(figures: Figures) -> list[str]:
    times = (figures.average, figures.p50, figures.p95, figures.p99, figures.max)
    waits = (figures.pool, figures.database)
    return [
        f"{figures.requests}",
        f"{figures.failures} ({figures.error_rate:.2%})",
        f"{figures.throughput:.1f}",
        *(f"{seconds * 1000:.1f} ms" for seconds in (*times, *waits)),
    ]


def show(result: Result) -> None:
    """Print a result."""
    if not result.operations:
        print("Nothing was measured: no request ended after the warm-up.")
        return
    users = several(result.users, "user")
    print(f"\n{users}, {result.seconds:.0f} s after warm-up. From wish to answer:\n")
    rows = [[name, *row(figures)] for name, figures in result.operations.items()]
    align = ["left", *["right"] * len(COLUMNS)]
    print(tabulate(rows, ["", *COLUMNS], disable_numparse=True, colalign=align))
    print()
    for error, count in result.operations["all"].errors.items():
        print(f"failed {how_often(count)}: {error}")
    for line in (*result.verdicts(), *result.notes):
        print(line)


def write_html(path: Path, title: str, result: Result, times: ResponseTimes) -> None:
    """Write a page that needs no other file."""
    together = result.operations.get("all")
    errors = together.errors.items() if together else ()
    page = render(
        "sqlalchemy_asv.load",
        "load.html",
        title=title,
        result=result,
        columns=COLUMNS,
        rows={name: row(figures) for name, figures in result.operations.items()},
        lines=[
            *(result.verdicts() if together else ["Nothing was measured."]),
            *(f"failed {how_often(count)}: {error}" for error, count in errors),
            *result.notes,
        ],
        drawing=drawing(times) if together else "",
    )
    write_text(path, page)


def drawing(times: ResponseTimes) -> str:
    """The distribution of each operation, by percentile, as SVG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for name, operation in sorted(times.operations.items()):
        at = [operation.histogram.get_value_at_percentile(p) / 1000 for p in DRAWN]
        axes.plot(range(len(DRAWN)), at, marker=".", label=name)
    axes.set(yscale="log", ylabel="response time, ms", xlabel="percentile of requests")
    axes.set_xticks(range(len(DRAWN)), [f"{p:g}" for p in DRAWN])
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    file = io.StringIO()
    figure.savefig(
        file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
    )
    svg = file.getvalue()
    return svg[svg.index("<svg") :]
