"""Ratios that hold on a busy machine: both sides in one process, taken turn by turn."""

import gc
import os
import statistics
import time
from collections.abc import Callable

from .environment import quick
from .forking import in_child
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

    Takes at least `pairs` samples of each (two or more), in turns, and more while `seconds` last;
    each after its preparation, which is not timed. What disturbs a sample makes it longer, so the
    low ones are the true ones: divides the lower decile of one side by that of the other. The
    garbage collector is off, as in `timeit`, and collects between long samples. `asv run --quick`
    takes two.
    """
    if quick():
        pairs, seconds = 2, 0
    samples: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    settle()
    gc.disable()
    try:
        while len(samples[0]) < pairs or time.perf_counter() < end:
            for before, act, times in zip(prepare, (first, second), samples, strict=True):
                before()
                start = time.perf_counter()
                act()
                times.append(time.perf_counter() - start)
                if times[-1] > 0.1:
                    gc.collect()
    finally:
        gc.enable()
    low, floor = (statistics.quantiles(s, n=10, method="inclusive")[0] for s in samples)
    return low / floor


def over_processes(estimate: Callable[[], float], *, error: float, seconds: float) -> float:
    """The median of what forks of this process estimate, each on memory of its own.

    Where memory happens to lie moves one process's ratio by a tenth, and no sample in it shows it.
    Forks three times and goes on until the standard error of the median, as a share of it, is below
    `error` or `seconds` have passed. Raises `RuntimeError` if a fork fails.
    """
    end = time.perf_counter() + seconds
    estimates: list[float] = []
    settle()
    while len(estimates) < 3 or (
        time.perf_counter() < end
        and _standard_error(estimates) > error * statistics.median(estimates)
    ):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            in_child(lambda: os.write(writing, repr(estimate()).encode()))  # noqa: B023
        os.close(writing)
        with os.fdopen(reading) as pipe:
            answer = pipe.read()
        if os.waitpid(child, 0)[1]:
            raise RuntimeError("a process that compares failed")
        estimates.append(float(answer))
    return statistics.median(estimates)


def _standard_error(estimates: list[float]) -> float:
    """Of the median of a normal distribution, whose width the quartiles tell."""
    low, _, high = statistics.quantiles(estimates, n=4, method="inclusive")
    return 1.253 * (high - low) / 1.349 / len(estimates) ** 0.5  # type: ignore[no-any-return]
