"""Figures as people read them: 25.0 M, not 2.50e+7. `static/numbers.js` writes the same."""

from __future__ import annotations

import math

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
WHOLE = 10_000
"""The least number that is shortened."""
LEAST = 0.0005
"""The least change that is no "+0.0%"."""


def shown(value: float, unit: str) -> str:
    """A figure with its unit, if the unit is one of time or of memory; else the number alone."""
    if unit == "seconds":
        size, name = next((t for t in TIMES if abs(value) >= t[0]), TIMES[-1])
        return f"{digits(value / size)} {name}"
    end = "B" if unit == "bytes" else ""
    if value == int(value) and abs(value) < WHOLE:
        return f"{int(value):,} {end}".strip()
    for size, prefix in PREFIXES:
        if abs(value) >= size:
            return f"{digits(value / size)} {prefix}{end}"
    return f"{digits(value)} {end}".strip()


def digits(value: float) -> str:
    """Three significant digits, without an exponent."""
    whole = math.floor(math.log10(abs(value))) + 1 if value else 1
    return f"{value:.{max(0, 3 - whole)}f}"


def grouped(value: float) -> str:
    """All digits of a whole number, three of another one."""
    return f"{value:,.0f}" if value == int(value) else digits(value)


def change(base: float, head: float) -> str:
    """The change of a figure; both figures from or to 0, and where a share has too few digits."""
    if base <= 0 or head == 0 or 0 < abs(head / base - 1) < LEAST:
        return f"{grouped(base)} → {grouped(head)}"
    return factor(head / base)


def factor(ratio: float) -> str:
    """A ratio in words: a share up to twice as much, a factor beyond."""
    if ratio <= 2:
        share = 100 * (ratio - 1)
        return f"{share:+.{1 if abs(share) < 10 or share < -99 else 0}f}%"
    return f"{digits(ratio)}x"
