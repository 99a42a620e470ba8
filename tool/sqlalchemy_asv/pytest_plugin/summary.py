"""The counts of a run of tests, for its end."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ..words import how_often, several

MOST = 5
"""The lines of each kind."""


def lines(tests: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The tests that send most, and what they send without need."""
    counted = {name: each for name, each in tests.items() if "statements" in each}
    total = sum(each["statements"] for each in counted.values())
    sending = {name: each for name, each in counted.items() if each["statements"]}
    yield (
        f"{several(len(counted), 'test')} sent {several(total, 'statement')} and fetched"
        f" {several(sum(each['rows'] for each in counted.values()), 'row')}"
    )
    most = sorted(sending.items(), key=lambda pair: -pair[1]["statements"])
    if most:
        yield "Most statements:"
    for name, each in most[:MOST]:
        yield f"  {each['statements']:>5,}  {name}"
    yield from listed("N+1, loaded object by object:", _n_plus_ones(counted))
    yield from listed("Tables that a statement reads whole (SQLite's plans):", _scans(counted))
    yield from listed("Sent again with the same parameters:", _twice(counted))


def listed(title: str, found: dict[str, list[tuple[int, str]]]) -> Iterator[str]:
    """The worst of some things, each with the number of times in the worst test."""
    worst = sorted(found.items(), key=lambda pair: (-max(pair[1])[0], pair[0]))
    if worst:
        yield title
    for said, where in worst[:MOST]:
        times, test = max(where)
        more = f" and {len(where) - 1} more" if where[1:] else ""
        yield f"  {how_often(times):>11} {said} in {test}{more}"
    if worst[MOST:]:
        yield f"  and {len(worst) - MOST} more"


def _n_plus_ones(tests: Mapping[str, Mapping[str, Any]]) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name, each in tests.items():
        for one in each["n_plus_ones"]:
            found[f"{one['loading']} at {one['where']}"].append((one["times"], name))
    return found


def _scans(tests: Mapping[str, Mapping[str, Any]]) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name, each in tests.items():
        sent = dict(each["sql"])
        for sql, tables in each["scanned"].items():
            if " WHERE " in sql.replace("\n", " ").upper():
                for table in tables:
                    where = each["where"].get(sql, "")
                    found[f"{table} at {where}"].append((sent.get(sql, 1), name))
    return found


def _twice(tests: Mapping[str, Mapping[str, Any]]) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name, each in tests.items():
        for one in each["twice"]:
            sql = textwrap.shorten(one["sql"], 80, placeholder=" …")
            found[f"{sql} at {one['where']}"].append((one["times"], name))
    return found
