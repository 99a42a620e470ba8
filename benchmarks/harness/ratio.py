"""Ratios that hold on a busy machine: both sides in one process, taken turn by turn."""

import gc
import statistics
import time
from collections.abc import Callable


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call, in seconds, with the garbage collector off as in `timeit`."""
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        action()
        return time.perf_counter() - start
    finally:
        gc.enable()


def ratio(first: Callable[[], object], second: Callable[[], object], *, pairs: int) -> float:
    """How many times as long the first takes as the second: the lower quartile of each, divided.

    What disturbs a sample makes it longer, so the low ones are the true ones. Needs two pairs.
    """
    samples = [(seconds(first), seconds(second)) for _ in range(pairs)]
    return low_quartile([a for a, _ in samples]) / low_quartile([b for _, b in samples])


def low_quartile(samples: list[float]) -> float:
    return statistics.quantiles(samples, n=4, method="inclusive")[0]
