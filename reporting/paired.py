"""Wall time of two commits, compared so that noise cannot pass for a difference.

Fresh processes, one for each commit, take turns on one processor, so that what disturbs the machine
disturbs both. The ratio of their lower deciles is one estimate. Where memory lies moves a process
as a whole (by up to 3%), and no sample in it shows that; so each pair of processes has a layout of
its own, and pairs follow until the interval of the mean ratio decides, or time is spent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import random
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from asv.util import UserError
from scipy import stats

from . import servers
from .sides import Side

ERROR = 0.01
"""Probability of one false verdict in all scenarios of a comparison together."""
LOOKS = (6, 8, 11, 15, 20, 27, 36, 48)
"""After how many pairs the interval is looked at. Each look is a chance to be wrong, and all
share what `ERROR` grants a scenario."""
UNCHANGED = 0.03
"""How far the whole interval may be from 1 for "unchanged"."""
PAIR_SECONDS = 1.5
"""How long a pair of processes takes turns."""
TURN_SECONDS = 0.02
"""How long one process performs before the other has its turn."""


@dataclasses.dataclass
class Estimate:
    """The ratio of two times, head over base, and an interval that holds it."""

    ratio: float
    low: float
    high: float
    pairs: int
    seconds: float
    base: float
    """Seconds of the operation at base: the median over pairs of lower deciles."""
    head: float

    def verdict(self, threshold: float) -> str:
        """A difference counts if the whole interval exceeds the threshold, a share such as 0.01."""
        if self.low > 1 + threshold:
            return "slower"
        if self.high < 1 / (1 + threshold):
            return "faster"
        if self.low > 1 / (1 + UNCHANGED) and self.high < 1 + UNCHANGED:
            return "unchanged"
        return "inconclusive"


def clear(threshold: float) -> Callable[[Estimate], bool]:
    """Whether an estimate's verdict, at a threshold, is none that more pairs could change."""
    return lambda estimate: estimate.verdict(threshold) != "inconclusive"


def interval(ratios: Sequence[float], error: float) -> tuple[float, float, float]:
    """The geometric mean of ratios, and an interval that misses the true one with probability
    `error`, by Student's t. Two ratios or more."""
    logs = [math.log(ratio) for ratio in ratios]
    mean = statistics.fmean(logs)
    width = stats.t.ppf(1 - error / 2, len(logs) - 1) * statistics.stdev(logs) / len(logs) ** 0.5
    width = min(width, 100)  # of two that differ, as good as infinite, and no overflow
    return math.exp(mean), math.exp(mean - width), math.exp(mean + width)


def compare(
    base: Side,
    head: Side,
    title: str,
    *,
    decided: Callable[[Estimate], bool],
    scenarios: int,
    seconds: float,
    layouts: random.Random | None = None,
) -> Estimate:
    """Pairs of processes until it is `decided` or `seconds` have passed.

    `scenarios` is how many are compared in all. Raises asv's `UserError` if the operation fails.
    """
    start = time.monotonic()
    pairs: list[tuple[float, float]] = []
    layouts = layouts or random.Random(title)
    error = ERROR / scenarios / len(LOOKS)
    while True:
        pairs.append(pair(base, head, title, [layouts.randrange(1, 10**6) for _ in "12"]))
        taken = time.monotonic() - start
        # The next would take as long as these did.
        last = taken + taken / len(pairs) > seconds or len(pairs) == LOOKS[-1]
        if len(pairs) < 2 or not (last or len(pairs) in LOOKS):
            continue
        ratio, low, high = interval([ours / theirs for theirs, ours in pairs], error)
        before, after = (statistics.median(side) for side in zip(*pairs, strict=True))
        estimate = Estimate(ratio, low, high, len(pairs), taken, before, after)
        if last or decided(estimate):
            return estimate


def pair(base: Side, head: Side, title: str, layouts: Sequence[int]) -> tuple[float, float]:
    """The lower deciles of both sides' seconds, from one pair of processes."""
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    samples: tuple[list[float], list[float]] = ([], [])
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(sampling(side, title, core, layout))
            for side, layout in zip((base, head), layouts, strict=True)
        ]
        both = list(zip(processes, (base, head), strict=True))
        first = [min(ask(process, side, 5)) for process, side in both]
        number = max(1, min(50, round(TURN_SECONDS / max(first))))
        end = time.monotonic() + PAIR_SECONDS
        order = list(zip(processes, (base, head), samples, strict=True))
        while time.monotonic() < end or len(samples[0]) < 3:
            for process, side, taken in order:
                taken += ask(process, side, number)
            # Whoever comes second finds what the first left in the processor's caches.
            order.reverse()
    low, high = (statistics.quantiles(taken, n=10, method="inclusive")[0] for taken in samples)
    return low, high


@contextlib.contextmanager
def sampling(
    side: Side, title: str, core: int | None, layout: int
) -> Iterator[subprocess.Popen[str]]:
    """A process that times an operation, until the block ends."""
    command = side.command("sample", title=title, core=core)
    command["env"]["SQLALCHEMY_ASV_LAYOUT"] = str(layout)
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(**command, **pipes) as process:
        try:
            answer(process, side)
            yield process
        finally:
            process.kill()


def ask(process: subprocess.Popen[str], side: Side, number: int) -> list[float]:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
    return json.loads(answer(process, side))  # type: ignore[no-any-return]


def answer(process: subprocess.Popen[str], side: Side) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    if not line:
        reason = servers.last_line(process.stderr.read())
        raise UserError(f"{side.named(side.commit)} could not be timed: {reason}")
    return line
