"""The causes of a difference between two commits: statements, functions and lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..latency import waits
from ..profiler import BY_GET
from ..words import how_often, several
from . import sql
from .metrics import LEFT
from .model import Compared


def of_statements(base: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[str]:
    """Differences between the statements, their plans, and the objects they load on both sides."""
    yield from sql.differences(base, head)
    yield from of_round_trips(base, head)
    if base.get("commits") != head.get("commits"):
        yield f"committed {how_often(head.get('commits') or 0)}, not {base.get('commits')}"
    yield from of_refreshes(base, head)
    for loaded, number in head["lazily"].items():
        if number != (before := base["lazily"].get(loaded, 0)):
            how = "one by one" if loaded.endswith(BY_GET) else "lazily, object by object"
            yield f"{loaded} loaded {how}: {how_often(number)}, not {before:,}"
    known = {statement for statement, _ in base.get("uncached", [])}
    by_reason: dict[str, list[str]] = {}
    for statement, reason in head.get("uncached", []):
        if statement not in known:
            by_reason.setdefault(
                f"{reason}: {sql.shortened(sql.normalized(statement))}", []
            ).append(statement)
    for said, texts in by_reason.items():
        often = f" for each of {len(texts)} texts" if len(texts) > 1 else ""
        yield f"compiled in each repetition{often}, {said}"
    if head.get("retained", 0) > base.get("retained", 0):
        types = ", ".join(f"{number} {name}" for name, number in head["types"])
        yield f"left behind by the repetitions: {types}"
    if head.get("cycles", 0) > base.get("cycles", 0):
        types = ", ".join(f"{number} {name}" for name, number in head.get("cycle types", []))
        yield f"only the garbage collector frees, of a repetition: {types}"
    yield from of_plans(base, head)


def of_plans(base: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[str]:
    """Tables that are read whole on one side only, and other plans for the same statement."""
    scans = [Counter(table for table, _ in side["scans"]) for side in (base, head)]
    rows = {
        table: "" if number is None else f" ({number:,} rows)"
        for side in (base, head)
        for table, number in side["scans"]
    }
    for table in sorted(rows):
        before, after = (side[table] for side in scans)
        if before != after:
            said = f"read whole by {several(after, 'statement')}, not {before}"
            if not (before and after):
                said = "every row is read now" if after else "no full scan any more"
            yield f"{table}{rows[table]}: {said}"
    for statement, new in head.get("plans", {}).items():
        old = base.get("plans", {}).get(statement, new)
        if old != new:
            # In the same lines, the order differs: all of them are shown.
            lost = [line.strip() for line in old if line not in new] or old
            found = [line.strip() for line in new if line not in old] or new
            said = " → ".join("; ".join(lines) for lines in (lost, found))
            yield f"another plan: {said} for {sql.shortened(statement)}"


def of_refreshes(base: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[str]:
    """Objects that are loaded again at head, of a class of which base loads fewer again."""
    before: Counter[str] = Counter()
    for kind, *_, times in base.get("refreshes", []):
        before[kind] += times
    for kind, read, method, expired, times in head.get("refreshes", []):
        if times > before[kind]:
            yield f"{times:,} {kind} refreshed at {read}, expired by {method} at {expired}"


def of_round_trips(base: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[str]:
    """The difference of waits at several latencies, if the number of round trips differs."""
    more = head.get("round_trips", 0) - base.get("round_trips", 0)
    if more:
        yield f"{more:+,} round trips: {waits(more, '+')}"


def of_places(
    compared: Compared, base: Mapping[str, dict[str, int]], head: Mapping[str, dict[str, int]]
) -> Iterator[str]:
    """Functions and lines that account for the difference, the largest first."""
    changed = {
        change.metric for change in compared.changes if change.counts or change.metric == "calls"
    }
    differences = {kind: largest_of(base[kind], head[kind]) for kind in base if kind in head}
    lines = [f"{said} at {place}" for place, said in slower_lines(base, head)]
    # Where a statement explains the difference, more calls within SQLAlchemy follow from it. The
    # application's functions say more, and so do the methods that it calls, such as `flush`.
    explained = bool(compared.causes)
    own = differences.get("own calls", [])
    called = own if not explained else [each for each in own if is_reason(each[0])]
    if not (called or explained):
        called = differences.get("calls", [])
    if called and not changed.isdisjoint({"calls", "instructions"}):
        for place, number in called[:3]:
            yield f"{number:+,} calls: {place}"
    elif "instructions" in changed:
        yield from lines[:1]
        for place, number in differences.get("bytecodes", [])[:2]:
            if is_own(place) or not explained:
                yield f"{number:+,} bytecode instructions: {place}"
        if not explained:
            for place, number in differences.get("built-in calls", [])[:2]:
                yield f"{number:+,} calls of a built-in function: {place}"
            for place, number in differences.get("symbols", [])[:2]:
                yield f"{number:+,} machine instructions: {place}"
    if not changed.isdisjoint(LEFT):
        for place, number in differences.get("left", [])[:2]:
            yield f"{number:+,} bytes left behind: {place}"
    if "allocated" in changed:
        more = any(change.metric == "allocated" and change.ratio > 1 for change in compared.changes)
        for place, number in differences.get("allocations", [])[:2]:
            if (number > 0) == more and (is_own(place) or not explained):
                yield f"{number:+,} bytes at the peak: {place}"


def slower_lines(base: Mapping[str, Any], head: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The lines of the application that take far longer, and how much; the worst first.

    These are times. Only those are named that took twice as long, and most of what was added.
    """
    before, after = (side.get("lines", {}) for side in (base, head))
    added = {place: taken - before.get(place, 0) for place, taken in after.items()}
    whole = sum(after.values()) - sum(before.values())
    found = [
        (place, more)
        for place, more in added.items()
        if more > whole / 2 > 0 and after[place] > 2 * before.get(place, 0)
    ]
    found.sort(key=lambda pair: -pair[1])
    return [
        (place, f"takes {after[place] / 1e6:.1f} ms, not {before.get(place, 0) / 1e6:.1f},")
        for place, _ in found
    ]


def is_own(place: str) -> bool:
    """Whether a function or line is the application's: not SQLAlchemy's, and of a package."""
    file = place.split(" ", 1)[0]
    return "/" in file and not file.startswith(("sqlalchemy/", "<"))


def is_reason(place: str) -> bool:
    """Whether a call is one of the application's functions, or of a public method from there."""
    called, _, caller = place.partition(", from ")
    name = called.split(" ")[-1]
    return is_own(called) or (is_own(caller) and not name.startswith(("_", "<")))


def largest_of(base: Mapping[str, int], head: Mapping[str, int]) -> list[tuple[str, int]]:
    differences = Counter(head)
    differences.subtract(base)
    found: Iterable[tuple[str, int]] = ((p, n) for p, n in differences.items() if n)
    return sorted(found, key=lambda pair: (-abs(pair[1]), pair[0]))
