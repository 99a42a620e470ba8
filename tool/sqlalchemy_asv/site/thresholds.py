"""The thresholds of asv's pages of regressions, from what each history shows.

Settings need no pattern for each scenario: an exact count has no threshold, and another one that of
its own noise.
"""

from __future__ import annotations

import functools
import itertools
import re
import statistics
from collections.abc import Callable, Iterable
from typing import Any

from asv.plugins.regressions import _GraphDataFilter

from ..case import Case, split
from ..compare.metrics import EXACT, TIME_MATTERS
from .recorded import WORTH

NOISE = 4
"""How many times the typical step from one commit to the next counts as noise."""
PROCESS = 0.03
"""The share by which the size of a process varies."""


def threshold(benchmark: str, values: Iterable[float | None]) -> float:
    """The share by which a benchmark may rise, from its values in the order of commits.

    Few commits change a count, so the median of all steps is the size of a step that means nothing.
    """
    _, name = split(benchmark)
    metric = name.removeprefix("track_")
    if name.startswith("track_") and metric in EXACT:
        return 0.0
    known = [value for value in values if value]
    steps = [abs(after / before - 1) for before, after in itertools.pairwise(known)]
    noise = NOISE * statistics.median(steps) if steps else 0.0
    least = {"peakmem_process": PROCESS}.get(name, WORTH.get(metric, TIME_MATTERS))
    return max(least, noise)


def _of_graphs(plain: Callable[..., float]) -> Callable[..., float]:
    """Thresholds for asv's pages, unless its settings have one that fits."""

    @functools.wraps(plain)
    def get_threshold(self: Any, graph: Any, benchmark: Any, entry: str) -> float:
        if any(re.match(pattern, entry) for pattern in self.conf.regressions_thresholds):
            return plain(self, graph, benchmark, entry)
        cases = Case.of_benchmark(benchmark["name"], benchmark["params"])
        titles = [f"{benchmark['name']}{case.argument_list}" for case in cases]
        rows = [value for _, value, *_ in sorted(graph.get_data())]
        place = titles.index(entry)
        series = [row[place] if isinstance(row, (list, tuple)) else row for row in rows]
        return threshold(benchmark["name"], series)

    return get_threshold


_GraphDataFilter._get_threshold = _of_graphs(_GraphDataFilter._get_threshold)
