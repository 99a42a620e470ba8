"""A profile of a scenario as text: its statements, memory and time."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any


def text(found: dict[str, Any]) -> str:
    """A report of what `benchmarks/harness/profile.py` found."""
    return "\n".join(lines(found)) + "\n"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def one_line(sql: str, width: int = 100) -> str:
    return textwrap.shorten(sql, width, placeholder=" …")


def lines(found: dict[str, Any]) -> Iterator[str]:
    params = "".join(f", {name}={value}" for name, value in found["params"].items())
    yield f"{found['scenario']}{params} on {found['database']}, scale {found['scale']:g}"
    yield found["says"]
    yield ""
    yield from statements(found["queries"])
    yield ""
    yield from memory(found["memory"])
    yield ""
    yield from times(found["times"], found["cpu"])


def statements(queries: dict[str, Any]) -> Iterator[str]:
    yield (
        f"Statements: {queries['total']}, {queries['rows']} rows fetched; in the driver"
        f" {milliseconds(queries['total_time'])}, on average"
        f" {milliseconds(queries['average_time'])}"
    )
    yield f"(with this profile on, the operation takes {queries['cost']:.2f} times as long)"
    repeated = [group for group in queries["repeated"] if group["times"] > 1]
    if any(group["n_plus_one"] for group in repeated):
        once = sum(group["times"] == 1 for group in queries["repeated"])
        for group in repeated:
            if group["n_plus_one"]:
                yield ""
                yield (
                    f"N+1: {once} + {group['times']} of the same statement, issued at"
                    f" {group['where']}, loading {group['loading']}"
                )
                yield f"  {one_line(group['sql'])}"
    for group in repeated:
        if not group["n_plus_one"]:
            yield ""
            yield f"Repeated: {group['times']} of the same statement, issued at {group['where']}"
            yield f"  {one_line(group['sql'])}"
    scanning = {sql: plan for sql, plan in queries["plans"].items() if plan and plan["full_scans"]}
    for sql, plan in scanning.items():
        yield ""
        yield f"Full scan of {', '.join(plan['full_scans'])}: every row is read"
        yield f"  {one_line(sql)}"
    yield ""
    yield "Slowest:"
    for query in queries["slowest"]:
        yield (
            f"  {milliseconds(query['seconds'])}, {query['rows']} rows, issued at {query['where']},"
            f" with {query['parameters']}"
        )
        yield textwrap.indent(query["sql"], "    ")
        plan = queries["plans"].get(query["sql"])
        yield from (f"    plan: {line}" for line in (plan["lines"] if plan else ["none"]))


def memory(found: dict[str, Any]) -> Iterator[str]:
    yield f"Memory: {found['peak']:,} bytes at the peak of the operation"
    for label, difference in found["snapshots"].items():
        yield f"  {difference:+13,} bytes at snapshot “{label}”"
    yield "Largest allocations of the operation that were still alive when it returned:"
    for each in found["top"]:
        yield f"  {each['bytes']:11,} bytes in {each['blocks']:6,} blocks  {each['where']}"


def times(found: dict[str, Any], cpu: dict[str, Any]) -> Iterator[str]:
    yield f"Time of {found['runs']} runs:"
    names = ("min", "median", "mean", "max", "stdev", "total")
    yield "  " + ", ".join(f"{name} {milliseconds(found[name])}" for name in names)
    whole = sum(cpu["layers"].values()) or 1.0
    yield f"CPU time by layer, while Python's profiler counted {cpu['calls']:,} calls:"
    yield "  " + ", ".join(f"{name} {own / whole:.0%}" for name, own in cpu["layers"].items())
    yield "Functions by their own time:"
    for each in cpu["functions"]:
        yield f"  {milliseconds(each['seconds']):>10} {each['calls']:7,} calls  {each['function']}"
