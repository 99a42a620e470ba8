"""Cases that differ in one number alone: the sizes over which counts grow."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping

from ..case import Case
from ..growth import DECADE, tell
from ..instruments import Calls, Counts, Instrument, StatementsAndRows
from .scenarios import Combination

GROWING = ("statements", "rows", "round_trips", "calls", "instructions")
"""The counts whose growth is told. One decade more has no instructions."""
INSTRUMENTS: tuple[Instrument, ...] = (StatementsAndRows(), Calls())
"""The instruments that count them."""
AFFORDABLE = 100_000
"""Calls of the largest size up to which one decade more is counted: a second of work if linear."""
SCALE = "scale"
"""The parameter that is the size of the dataset; a larger one would have to be built first."""

Series = dict[str, tuple[list[float], list[float]]]
"""The sizes and the counts of each metric."""


@dataclasses.dataclass
class Sizes:
    """Cases by size, the smallest first. They have one numeric parameter, and all others alike."""

    name: str
    """A title with the name of the parameter in the place of its value."""
    parameter: str
    cases: dict[float, Combination]

    def beyond(self, calls: float) -> dict[float, Combination]:
        """One decade more than the largest size, if it is affordable after so many calls."""
        largest = max(self.cases)
        if self.parameter == SCALE or calls > AFFORDABLE or largest != int(largest):
            return {}
        scenario, values = self.cases[largest]
        place = list(scenario.parameters()).index(self.parameter)
        size = int(largest) * DECADE
        return {size: Combination(scenario, (*values[:place], size, *values[place + 1 :]))}


def of_sizes(combinations: Iterable[Combination]) -> list[Sizes]:
    """The groups of cases over which growth can be told."""
    found: dict[str, Sizes] = {}
    for each in combinations:
        names = list(each.scenario.parameters())
        for place, value in enumerate(each.values):
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
                case = each.case
                arguments = [*case.arguments]
                arguments[place] = names[place]
                name = Case(case.scenario, tuple(arguments)).title
                found.setdefault(name, Sizes(name, names[place], {})).cases[value] = each
    return [
        dataclasses.replace(each, cases={size: each.cases[size] for size in sizes})
        for each in found.values()
        if tell(sizes := sorted(each.cases))
    ]


def series(
    groups: Iterable[Sizes],
    made: Mapping[str, Counts | str],
    count: Callable[[list[Combination]], Mapping[str, Counts | str]],
) -> dict[str, Series]:
    """The counts by size of each group, with one decade more than the largest if affordable.

    `made` has the counts of the groups' cases by title; `count` counts others.
    """
    counted: dict[str, dict[float, Counts]] = {}
    further: dict[str, dict[float, Combination]] = {}
    for group in groups:
        of_sizes = {size: made.get(each.case.title) for size, each in group.cases.items()}
        known = {size: found for size, found in of_sizes.items() if isinstance(found, dict)}
        if len(known) == len(group.cases):
            counted[group.name] = known
            further[group.name] = group.beyond(known[max(known)].get("calls", math.inf))
    more = count([each for cases in further.values() for each in cases.values()])
    for name, cases in further.items():
        for size, each in cases.items():
            found = more.get(each.case.title)
            if isinstance(found, dict) and not _exhausted(counted[name], found):
                counted[name][size] = found
    return {
        name: {metric: of_metric(of_sizes, metric) for metric in GROWING}
        for name, of_sizes in counted.items()
    }


def of_metric(counted: Mapping[float, Counts], metric: str) -> tuple[list[float], list[float]]:
    """The sizes that have a count of a metric, and the counts."""
    known = {size: found[metric] for size, found in counted.items() if metric in found}
    return list(known), list(known.values())


def _exhausted(counted: Mapping[float, Counts], beyond: Counts) -> bool:
    """Whether the dataset has no more rows for one decade more."""
    *_, before, largest = (counts["rows"] for counts in counted.values())
    return bool(beyond["rows"] < (2 * largest if largest > before else largest))
