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
from collections.abc import Callable, Iterator, Mapping, Sequence
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
PAIR_SECONDS = 0.8
"""How long a pair of processes takes turns with an operation. What is left of an interval then owes
more to where memory lies, which further pairs average, than to the number of samples."""
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


def clear(thresholds: Mapping[str, float]) -> Callable[[str, Estimate], bool]:
    """Whether a title's verdict, at its threshold, is none that more pairs could change."""
    return lambda title, estimate: estimate.verdict(thresholds[title]) != "inconclusive"


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
    titles: Sequence[str],
    *,
    decided: Callable[[str, Estimate], bool],
    scenarios: int,
    seconds: float,
    layouts: random.Random | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Estimate]:
    """Pairs of processes, until each title is `decided` or has taken its `seconds`.

    A pair of processes has a turn for every title that is left: to start it takes as long as to
    time one of them. `scenarios` is how many are compared in all; `progress` is told a line for
    each pair. Raises asv's `UserError` if an operation fails.
    """
    layouts = layouts or random.Random(" ".join(titles))
    error = ERROR / scenarios / len(LOOKS)
    pairs: dict[str, list[tuple[float, float]]] = {title: [] for title in titles}
    taken = dict.fromkeys(titles, 0.0)
    found: dict[str, Estimate] = {}
    while left := [title for title in titles if title not in found]:
        start = time.monotonic()
        with started(base, head, [layouts.randrange(1, 10**6) for _ in "12"]) as processes:
            shared = (time.monotonic() - start) / len(left)
            for title in left:
                start = time.monotonic()
                pairs[title].append(pair(processes, title))
                taken[title] += shared + time.monotonic() - start
                number = len(pairs[title])
                # The next would take as long as these did.
                last = taken[title] * (1 + 1 / number) > seconds or number == LOOKS[-1]
                if number < 2 or not (last or number in LOOKS):
                    continue
                estimate = estimated(pairs[title], error, taken[title])
                if last or decided(title, estimate):
                    found[title] = estimate
        progress(f"{len(found)} of {len(titles)} decided after {number} pairs of processes")
    return found


def estimated(pairs: Sequence[tuple[float, float]], error: float, seconds: float) -> Estimate:
    ratio, low, high = interval([ours / theirs for theirs, ours in pairs], error)
    before, after = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Estimate(ratio, low, high, len(pairs), seconds, before, after)


def pair(processes: Sequence[Sampling], title: str) -> tuple[float, float]:
    """The lower deciles of both sides' seconds for an operation, in one pair of processes."""
    for process in processes:
        process.send(title)
    for process in processes:
        process.receive()  # that it is ready
    samples: tuple[list[float], list[float]] = ([], [])
    first = [min(process.times(5)) for process in processes]
    number = max(1, min(50, round(TURN_SECONDS / max(first))))
    end = time.monotonic() + PAIR_SECONDS
    order = list(zip(processes, samples, strict=True))
    while time.monotonic() < end or len(samples[0]) < 3:
        for process, taken in order:
            taken += process.times(number)
        # Whoever comes second finds what the first left in the processor's caches.
        order.reverse()
    for process in processes:
        process.send("")
        process.receive()  # that it is done
    low, high = (statistics.quantiles(taken, n=10, method="inclusive")[0] for taken in samples)
    return low, high


class Sampling:
    """A process of one side that times operations: the harness's `side.sample`."""

    def __init__(self, side: Side, process: subprocess.Popen[str]) -> None:
        self.side = side
        self.process = process

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the answer tells why
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()

    def receive(self) -> str:
        """The next line. Raises asv's `UserError` if there is none."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        line = self.process.stdout.readline()
        if not line:
            reason = servers.last_line(self.process.stderr.read())
            raise UserError(f"{self.side.named(self.side.commit)} could not be timed: {reason}")
        return line

    def times(self, number: int) -> list[float]:
        self.send(str(number))
        return json.loads(self.receive())  # type: ignore[no-any-return]


@contextlib.contextmanager
def started(base: Side, head: Side, layouts: Sequence[int]) -> Iterator[list[Sampling]]:
    """A process of each side, on one processor and each in a layout of its own, until the end."""
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    with contextlib.ExitStack() as stack:
        processes = []
        for side, layout in zip((base, head), layouts, strict=True):
            command = side.command("sample", core=core)
            command["env"]["SQLALCHEMY_ASV_LAYOUT"] = str(layout)
            pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
            process = stack.enter_context(subprocess.Popen(**command, **pipes))
            stack.callback(process.kill)
            processes.append(Sampling(side, process))
        for each in processes:
            each.receive()  # that it is ready: both have started at once
        yield processes
