"""Give recorded results the versions of benchmarks that count the same under other names.

    python -m maintenance.relabel results/commits OLD.json --void track_calls

OLD.json is the list of benchmarks (asv's `benchmarks.json`) of the code that recorded the results.
The list of the present code is beside the results (`asv run --bench just-discover` writes it). A
result with the old version of a benchmark gets the new one. Other results stay as they are, and asv
passes over them: it shows no result whose version is not that of the benchmark.

Used once, when versions began to be stated instead of hashed from the code that measures.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from asv.util import load_json, write_json
from sqlalchemy_asv.case import split
from sqlalchemy_asv.files import write_json as write_whole

RENAMED = {
    "ladder": "abstraction_levels",
    "load.Shop": "load.Ecommerce",
    "overhead.HarnessOverhead": "overhead.MeasureHomeFeed",
}
"""Old beginnings of benchmarks' names, and the present ones."""


def renamed(name: str) -> str:
    """The present name of a benchmark, or the present title of a case."""
    for old, new in RENAMED.items():
        if name.startswith(f"{old}."):
            return new + name.removeprefix(old)
    return name


def relabel(
    results: dict[str, Any],
    old: dict[str, str],
    new: dict[str, str],
    void: set[str],
) -> Counter[str]:
    """Change the results of one file, in place; returns how many of each metric got a version.

    `void` are metrics, or benchmarks, that are not the same any more.
    """
    column = results["result_columns"].index("version")
    changed: Counter[str] = Counter()
    found: dict[str, Any] = {}
    for name, values in results["results"].items():
        now = renamed(name)
        metric = split(name)[1]
        same = metric not in void and name not in void
        if now in new and old.get(name) == values[column] and same:
            values[column] = new[now]
            changed[metric] += 1
        found[now] = values
    results["results"] = dict(sorted(found.items()))
    durations = results.get("durations", {})
    results["durations"] = {renamed(name): value for name, value in durations.items()}
    return changed


def versions(file: Path) -> dict[str, str]:
    """The version of each benchmark."""
    return {name: each["version"] for name, each in load_json(str(file), 2).items()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m maintenance.relabel",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="such as results/commits")
    parser.add_argument("old", type=Path, help="benchmarks.json of the code that recorded them")
    parser.add_argument(
        "--only", nargs="*", default=[], help="beginnings of commits (default: all)"
    )
    parser.add_argument("--void", nargs="*", default=[], help="metrics or benchmarks to leave void")
    options = parser.parse_args(arguments)
    old, new = versions(options.old), versions(options.folder / "benchmarks.json")
    total: Counter[str] = Counter()
    for file in sorted(options.folder.glob("*/*-*.json")):
        if options.only and not file.name.startswith(tuple(options.only)):
            continue
        results = json.loads(file.read_text(encoding="utf-8"))
        total += relabel(results, old, new, set(options.void))
        write_json(str(file), results, compact=True)
    for file in (options.folder.parent / "statements" / options.folder.name).glob("*.json"):
        kept = json.loads(file.read_text(encoding="utf-8"))
        titles = {renamed(title): pairs for title, pairs in kept["scenarios"].items()}
        write_whole(file, kept | {"scenarios": dict(sorted(titles.items()))})
    for metric, number in sorted(total.items()):
        print(f"{metric}: {number}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
