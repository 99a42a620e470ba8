"""The growth of a count with the size of its input: constant, linear, quadratic, or in between."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Sequence

CLASSES = {0: "constant", 1: "linear", 2: "quadratic"}
"""The names of growth by its exponent."""
ENOUGH, DECADE = 3, 10
"""The number of sizes from which growth is told, and the ratio of the largest to the smallest."""
SHARE, ONE = 0.05, 1
"""A class holds if it misses no count by more than this share, or by more than one."""
NEAR = 0.1
"""An exponent this near to that of a class has its name."""


@dataclasses.dataclass(frozen=True)
class Growth:
    """A count is a + b · size ** exponent."""

    exponent: float

    @property
    def rank(self) -> float:
        """0 for constant, 1 for linear, 2 for quadratic, and halves between and beyond."""
        for exponent in CLASSES:
            if self.exponent < exponent - NEAR:
                return exponent - 0.5
            if self.exponent <= exponent + NEAR:
                return exponent
        return max(CLASSES) + 0.5

    def exceeds(self, other: Growth) -> bool:
        """Whether its class is a higher one, and not by a hair."""
        return self.rank > other.rank and self.exponent - other.exponent > 2 * NEAR

    def __str__(self) -> str:
        if self.rank in CLASSES:
            return CLASSES[int(self.rank)]
        power = f"size^{self.exponent:.1f}"
        below, above = (CLASSES.get(int(self.rank + half)) for half in (-0.5, 0.5))
        return f"between {below} and {above} ({power})" if above else f"beyond {below} ({power})"


def tell(sizes: Sequence[float]) -> bool:
    """Whether sizes in rising order are enough to tell growth."""
    return len(sizes) >= ENOUGH and sizes[-1] >= DECADE * sizes[0]


def growth(sizes: Sequence[float], counts: Sequence[float]) -> Growth | None:
    """The growth of counts with sizes in rising order; None if they do not tell.

    The lowest class that explains all counts, else the exponent that explains them best.
    """
    if not tell(sizes):
        return None
    for exponent in CLASSES:
        if max(_misses(sizes, counts, exponent)) <= 1:
            return Growth(exponent)
    if counts[-1] < counts[0]:
        return None
    steps = [step / 20 for step in range(1, 81)]
    return Growth(min(steps, key=lambda exponent: sum(_squares(sizes, counts, exponent))))


def _squares(sizes: Sequence[float], counts: Sequence[float], exponent: float) -> list[float]:
    return [miss * miss for miss in _misses(sizes, counts, exponent)]


def _misses(sizes: Sequence[float], counts: Sequence[float], exponent: float) -> list[float]:
    """The distances of counts from a + b · size ** exponent, over those that a class allows.

    By weighted least squares, with a and b from 0 up.
    """
    allowed = [max(ONE, SHARE * count) for count in counts]
    powers = [size**exponent if exponent else 0.0 for size in sizes]
    weights = [1 / each**2 for each in allowed]

    def mean(values: Iterable[float]) -> float:
        return sum(w * value for w, value in zip(weights, values, strict=True)) / sum(weights)

    x, y = mean(powers), mean(counts)
    spread = mean((p - x) ** 2 for p in powers)
    together = mean((p - x) * (c - y) for p, c in zip(powers, counts, strict=True))
    slope = max(0.0, together / spread) if spread else 0.0
    start = y - slope * x
    if start < 0:
        start = 0.0
        slope = mean(p * c for p, c in zip(powers, counts, strict=True)) / mean(
            p * p for p in powers
        )
    fitted = zip(powers, counts, allowed, strict=True)
    return [abs(start + slope * p - c) / each for p, c, each in fitted]


def by_size(
    names: Sequence[str], counted: Iterable[tuple[Sequence[str], float | None]]
) -> dict[tuple[str, ...], Growth]:
    """The growth of a benchmark's counts over each numeric parameter.

    `names` are the parameters; each count comes with its arguments, as asv writes them. The keys
    are arguments, with the name of the parameter in the place of its value.
    """
    groups: dict[tuple[str, ...], dict[float, float]] = {}
    for arguments, count in counted:
        for place, argument in enumerate(arguments):
            size = _number(argument)
            if size > 0 and count is not None and not math.isnan(count):
                key = (*arguments[:place], names[place], *arguments[place + 1 :])
                groups.setdefault(key, {})[size] = count
    found = {}
    for key, counts in groups.items():
        sizes = sorted(counts)
        if one := _known(tuple(sizes), tuple(counts[size] for size in sizes)):
            found[key] = one
    return found


_known = functools.cache(growth)
"""Most commits change no count, so pages ask for the same growth again."""


def _number(text: str) -> float:
    """The number that a text is, or 0."""
    try:
        return float(text)
    except ValueError:
        return 0.0
