"""The causes of a difference between two commits: statements, functions and lines."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..latency import waits
from .metrics import LEFT
from .model import Compared


def of_statements(base: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[str]:
    """Differences between the statements, the lazy loads and the full scans of both sides."""
    sent = [dict(side["sql"]) for side in (base, head)]
    for sql in {**sent[1], **sent[0]}:
        before, after = (side.get(sql, 0) for side in sent)
        if before != after:
            text = shortened(sql)
            if before and after:
                yield f"statement sent {after} times, not {before}: {text}"
            else:
                yield f"statement {'sent no longer' if before else 'new'}: {text}"
    yield from of_round_trips(base, head)
    if base.get("commits") != head.get("commits"):
        yield f"committed {head.get('commits')} times, not {base.get('commits')}"
    yield from of_refreshes(base, head)
    for relationship, times in head["lazily"].items():
        if times != (before := base["lazily"].get(relationship, 0)):
            yield f"{relationship} loaded lazily, object by object: {times} times, not {before}"
    known = {sql for sql, _ in base.get("uncached", [])}
    for sql, reason in head.get("uncached", []):
        if sql not in known:
            yield f"compiled in each repetition, {reason}: {shortened(sql)}"
    if head.get("retained", 0) > base.get("retained", 0):
        types = ", ".join(f"{number} {name}" for name, number in head["types"])
        yield f"left behind by the repetitions: {types}"
    if head.get("cycles", 0) > base.get("cycles", 0):
        types = ", ".join(f"{number} {name}" for name, number in head.get("cycle types", []))
        yield f"only the garbage collector frees, of a repetition: {types}"
    scans = Counter(head["scans"])
    scans.subtract(Counter(base["scans"]))
    for table, number in scans.items():
        if number:
            yield f"{table}: {'every row read now' if number > 0 else 'no full scan any more'}"


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


def shortened(sql: str) -> str:
    return textwrap.shorten(sql, 160, placeholder=" …")


def of_places(
    compared: Compared, base: Mapping[str, dict[str, int]], head: Mapping[str, dict[str, int]]
) -> Iterator[str]:
    """Functions and lines that account for the difference, the largest first."""
    changed = {
        change.metric for change in compared.changes if change.counts or change.metric == "calls"
    }
    differences = {kind: largest_of(base[kind], head[kind]) for kind in base if kind in head}
    # The calls by the application itself come first, since the others follow from them.
    called = [*differences.get("own calls", [])[:3], *differences.get("calls", [])[:3]]
    if called and not changed.isdisjoint({"calls", "instructions"}):
        for place, number in called:
            yield f"{number:+,} calls: {place}"
    elif "instructions" in changed:
        for place, number in differences.get("built-in calls", [])[:2]:
            yield f"{number:+,} calls of a built-in function: {place}"
        for place, number in differences.get("bytecodes", [])[:2]:
            yield f"{number:+,} bytecode instructions: {place}"
        for place, number in differences.get("symbols", [])[:2]:
            yield f"{number:+,} machine instructions: {place}"
    if not changed.isdisjoint(LEFT):
        for place, number in differences.get("left", [])[:2]:
            yield f"{number:+,} bytes left behind: {place}"
    if "allocated" in changed:
        for place, number in differences.get("allocations", [])[:2]:
            yield f"{number:+,} bytes at the peak: {place}"


def largest_of(base: Mapping[str, int], head: Mapping[str, int]) -> list[tuple[str, int]]:
    differences = Counter(head)
    differences.subtract(base)
    found: Iterable[tuple[str, int]] = ((p, n) for p, n in differences.items() if n)
    return sorted(found, key=lambda pair: (-abs(pair[1]), pair[0]))
