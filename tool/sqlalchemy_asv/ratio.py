"""Ratios of wall times that repeat on a busy machine: both sides take turns in one process."""

import gc
import statistics
from collections.abc import Callable

from . import clock
from .isolation.collector import settle
from .options import quick

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
    """The wall time of the first action, divided by that of the second.

    Samples both in turns: at least `pairs` times (two or more), and further while `seconds` last.
    The preparation before a sample is not timed. The garbage collector is off, as in `timeit`, and
    collects between long samples. `asv run --quick` takes two pairs.

    Disturbances only make samples longer, so this is the ratio of the lower deciles.
    """
    if quick():
        pairs, seconds = 2, 0
    taken: tuple[list[float], list[float]] = ([], [])
    end = clock.seconds() + seconds
    settle()
    gc.disable()
    try:
        while len(taken[0]) < pairs or clock.seconds() < end:
            for before, act, times in zip(prepare, (first, second), taken, strict=True):
                before()
                start = clock.seconds()
                act()
                times.append(clock.seconds() - start)
                if times[-1] > 0.1:
                    gc.collect()
    finally:
        gc.enable()
    ours, theirs = (statistics.quantiles(s, n=10, method="inclusive")[0] for s in taken)
    return ours / theirs
