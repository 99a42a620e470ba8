"""Draw the cost of headline scenarios over the releases of SQLAlchemy, from recorded results.

    python -m maintenance.picture docs/releases.svg

Exit codes: 0 it was drawn, 2 there is nothing to draw.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from asv.repo import get_repo
from asv.util import UserError
from matplotlib.figure import Figure
from packaging.version import Version
from sqlalchemy_asv.asv_ext import history, releases, settings
from sqlalchemy_asv.asv_ext.errors import stop
from sqlalchemy_asv.case import Case, split

HEADLINES = (
    "social.HomeFeed('lazy')",
    "social.HomeFeed('selectin')",
    "social.HomeFeed('joined')",
    "social.ActiveUsersWithThreads('selectin')",
    "social.CreateUser",
    "social.AddComment",
    "social.UpdateProfile",
    "ecommerce.BrowseProducts(1)",
    "ecommerce.OpenProduct",
    "ecommerce.SearchOrders('selectin')",
    "ecommerce.CreateOrder",
    "ecommerce.ProcessOrder",
)
"""A dozen operations that applications perform all day: reading in several ways, and writing."""

Series = dict[Version, float]


def counts(conf: Any, machine: str, metric: str) -> dict[str, Series]:
    """A metric by case and release, for all measured releases."""
    found: dict[str, Series] = {}
    for tag, commit in get_repo(conf).get_tags().items():
        if not list(Path(conf.results_dir, machine).glob(f"{commit[:8]}-*.json")):
            continue
        for results in history.results_of(conf, machine, commit):
            for name in results.get_all_result_keys():
                if split(name)[1] != metric:
                    continue
                params = results.get_result_params(name)
                values = results.get_result_value(name, params)
                for case, value in zip(Case.of_benchmark(name, params), values, strict=False):
                    if value is not None and not math.isnan(value):
                        found.setdefault(case.title, {})[Version(tag)] = value
    return found


def draw(series: dict[str, Series], first: Version) -> Figure:
    """Lines over the releases, in order of their versions; the `first` release is 100%."""
    versions = sorted({version for each in series.values() for version in each})
    places = {version: place for place, version in enumerate(versions)}
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.axhline(100, color="0.7", linewidth=0.8)
    colours = mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]
    for (title, values), colour in zip(series.items(), colours, strict=False):
        drawn = sorted(values)
        axes.plot(
            [places[version] for version in drawn],
            [100 * values[version] / values[first] for version in drawn],
            label=title,
            color=colour,
            linewidth=1.4,
            drawstyle="steps-post",
        )
    axes.set_xticks(range(len(versions)), [str(v) for v in versions], rotation=90, fontsize=7)
    axes.set_ylabel(f"instructions per operation, {first} = 100%")
    axes.set_title("Machine instructions of a dozen operations over the releases of SQLAlchemy")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m maintenance.picture", description=__doc__)
    parser.add_argument("file", type=Path, help="an SVG file")
    parser.add_argument("--machine", default="reference", help="whose results (default: reference)")
    options = parser.parse_args(arguments)
    try:
        conf = settings.load(releases.SETTINGS)
        found = counts(conf, history.machine_of(conf, options.machine), "track_instructions")
    except UserError as error:
        stop(str(error))
    headlines = {title: found[title] for title in HEADLINES if title in found}
    if not headlines:
        stop(f"no instructions of {HEADLINES[0]} and its like in {conf.results_dir}")
    first = min(version for each in headlines.values() for version in each)
    # The same results give the same file.
    with mpl.rc_context({"svg.hashsalt": "sqlalchemy-asv", "svg.fonttype": "none"}):
        figure = draw({t: each for t, each in headlines.items() if first in each}, first)
        figure.savefig(options.file, format="svg", metadata={"Date": None})
    return 0


if __name__ == "__main__":
    sys.exit(main())
