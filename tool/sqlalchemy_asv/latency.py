"""Waits at several latencies of a server: arithmetic on a number of round trips, not measured."""

LATENCIES = (0.5, 2, 20)
"""Milliseconds: a server in the same rack, in another zone, and in another region."""


def waits(round_trips: int, sign: str = "") -> str:
    """The wait of that many round trips at each of the latencies. The sign may be "+"."""
    first, *others = (f"{round_trips * each:{sign},g} ms at {each} ms" for each in LATENCIES)
    return ", ".join([f"{first} of latency", *others]) + " (arithmetic, not measured)"
