"""Ratios that hold on a busy machine: both sides in one process, taken turn by turn."""

import gc
import math
import statistics
import time
from collections.abc import Callable

from .environment import quick
from .undisturbed import settle

Action = Callable[[], object]


def nothing() -> None:
    pass


def ratio(
    first: Action,
    second: Action,
    *,
    pairs: int,
    seconds: float = 0,
    prepare: tuple[Action, Action] = (nothing, nothing),
) -> float:
    """How many times as long the first takes as the second.

    Takes samples as `samples` does, two pairs or more. What disturbs a sample makes it longer, so
    the low ones are the true ones: divides the lower decile of one side by that of the other.
    """
    taken = samples(first, second, pairs=pairs, seconds=seconds, prepare=prepare)
    low, floor = (statistics.quantiles(s, n=10, method="inclusive")[0] for s in taken)
    return low / floor


def samples(
    first: Action,
    second: Action,
    *,
    pairs: int,
    seconds: float = 0,
    most: float = math.inf,
    prepare: tuple[Action, Action] = (nothing, nothing),
) -> tuple[list[float], list[float]]:
    """Seconds that the one takes and those that the other takes, in turns.

    Takes at least `pairs` samples of each, and more while `seconds` last, up to `most`; each after
    its preparation, which is not timed. The garbage collector is off, as in `timeit`, and collects
    between long samples. `asv run --quick` takes two.
    """
    if quick():
        pairs, seconds = 2, 0
    taken: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    settle()
    gc.disable()
    try:
        while len(taken[0]) < pairs or (len(taken[0]) < most and time.perf_counter() < end):
            for before, act, times in zip(prepare, (first, second), taken, strict=True):
                before()
                start = time.perf_counter()
                act()
                times.append(time.perf_counter() - start)
                if times[-1] > 0.1:
                    gc.collect()
    finally:
        gc.enable()
    return taken
