"""The metrics that are compared, by the names of the benchmarks `track_statements` and so on."""

from collections.abc import Collection

from .verdict import DIMENSIONS

EXACT = (
    *("statements", "rows", "round_trips", "full scans", "refreshed", "compiled", "cache_entries"),
    *("retained", "cycles", "checkouts"),
)
"""Small numbers, of which each is shown, and any difference counts. "full scans" is the number of
large tables of which plans read every row."""
LAID_OUT = ("calls", "instructions", "allocated")
"""Counts that can follow from the layout of memory."""
MATTERS = {
    "calls": 0.002,
    "instructions": 0.002,
    "allocated": 0.01,
    "retained_bytes": 0.2,
    "database steps": 0.1,
}
"""The shares up to which a difference is not worth a verdict."""
LEAST = {"database steps": 500, "allocated": 512, "retained_bytes": 1_000}
"""The differences below which a metric is not worth a verdict, whatever the share. Some hundred
bytes of a small operation depend on when a server answered. Bytes that requests of a web framework
left behind varied by 5.2%, with the same objects, which are exact."""
TIME_MATTERS = 0.01
"""The share for times."""
CERTAIN = 10
"""A difference of so many times the share that matters is beyond what any layout of memory does."""
LEFT = ("retained", "retained_bytes")
"""Left behind by repetitions, as objects and as bytes."""
METRICS = tuple(metric for metrics in DIMENSIONS.values() for metric in metrics)


def unexplained(changes: Collection[tuple[str, bool]]) -> set[tuple[str, bool]]:
    """The changes that decide, as metric and whether it rose: without what others explain.

    More statements make more cycles; cycles of the same statements are a leak until the garbage
    collector runs. An INSERT of one row returns none, one of many returns each.
    """
    explained = set()
    if {metric for metric, _ in changes if metric in EXACT} != {"cycles"}:
        explained |= {("cycles", True), ("cycles", False)}
    if {("statements", True), ("round_trips", True)} & {*changes}:
        explained.add(("rows", False))
    return {*changes} - explained
