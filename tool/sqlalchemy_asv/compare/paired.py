"""Wall time of two commits, compared so that noise cannot pass for a difference.

Fresh processes, one for each commit, take turns on one processor, so a disturbance of the machine
affects both. The ratio of their lower deciles is one estimate. The layout of memory makes a whole
process faster or slower (by up to 3%), and none of its samples shows that. So each pair has a
layout of its own, and more pairs follow until the interval of the mean ratio decides, or the time
is spent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import random
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from asv.util import UserError

from .. import options
from ..asv_ext.errors import last_line
from ..environments import workers
from ..isolation import forks
from ..isolation.channel import Channel
from ..words import several
from . import verdict
from .checkout import Checkout

ERROR = 0.01
"""Probability of one false verdict in all scenarios of a comparison together."""
LOOKS = (6, 8, 11, 15, 20, 27, 36, 48)
"""The numbers of pairs after which the interval is examined. Each look is a chance to be wrong, so
all looks share the part of `ERROR` that a scenario has."""
UNCHANGED = 0.03
"""The distance from 1 within which the whole interval must be for "unchanged"."""
PAIR_SECONDS = 0.8
"""The time that a pair of processes takes turns with an operation. The width of an interval then
comes more from layouts of memory, which further pairs average, than from the number of samples."""
TURN_SECONDS = 0.02
"""The time that one process performs before the other has its turn."""


@dataclasses.dataclass
class Estimate:
    """The ratio of two times, head over base, and its confidence interval."""

    ratio: float
    low: float
    high: float
    pairs: int
    seconds: float
    base: float
    """Seconds of the operation at base: the median over pairs of lower deciles."""
    head: float

    def outcome(self, threshold: float) -> str:
        """A difference counts if the whole interval exceeds the threshold, a share such as 0.01.

        Fewer pairs than the first look has are no interval, and decide nothing.
        """
        if not self.is_interval:
            return verdict.UNDECIDED
        if self.low > 1 + threshold:
            return verdict.WORSE
        if self.high < 1 / (1 + threshold):
            return verdict.BETTER
        allowed = 1 + max(UNCHANGED, threshold)
        if self.low > 1 / allowed and self.high < allowed:
            return verdict.SAME
        return verdict.UNDECIDED

    @property
    def is_interval(self) -> bool:
        """Whether there are pairs enough for an interval."""
        return self.pairs >= LOOKS[0]

    def undecided(self, threshold: float) -> str:
        """What is known of the time, and what would decide it; empty if it is decided."""
        if self.outcome(threshold) != verdict.UNDECIDED:
            return ""
        pairs = several(self.pairs, "pair")
        took = f"time undecided after {pairs} of processes and {self.seconds:.0f} s"
        if not self.is_interval:
            needed = math.ceil(self.seconds / self.pairs * LOOKS[0] / 10 + 1) * 10
            return f"{took}: {LOOKS[0]} pairs are needed; give it --seconds {needed}"
        more = "more --seconds narrow that" if self.pairs < LOOKS[-1] else "no more pairs are made"
        return f"{took}: the change is between {self.low - 1:+.1%} and {self.high - 1:+.1%}; {more}"


def clear(thresholds: Mapping[str, float]) -> Callable[[str, Estimate], bool]:
    """A function that tells whether a title's estimate is conclusive at the title's threshold."""
    return lambda title, estimate: estimate.outcome(thresholds[title]) != verdict.UNDECIDED


def interval(ratios: Sequence[float], error: float) -> tuple[float, float, float]:
    """The geometric mean of ratios, and an interval that misses the true one with probability
    `error`, by Student's t. One ratio has no interval: it reaches from 0 to infinity."""
    logs = [math.log(ratio) for ratio in ratios]
    mean = statistics.fmean(logs)
    if len(logs) == 1:
        return math.exp(mean), 0.0, math.inf
    from scipy.special import stdtrit  # half a second, of a command that may time nothing

    quantile = stdtrit(len(logs) - 1, 1 - error / 2)
    width = float(quantile) * statistics.stdev(logs) / len(logs) ** 0.5
    width = min(width, 100)  # for two ratios that differ: as good as infinite, without overflow
    return math.exp(mean), math.exp(mean - width), math.exp(mean + width)


def compare(
    base: Checkout,
    head: Checkout,
    titles: Sequence[str],
    *,
    decided: Callable[[str, Estimate], bool],
    scenarios: int,
    seconds: float,
    layouts: random.Random | None = None,
    progress: Callable[[int, int, str, float], None] = lambda *_: None,
) -> dict[str, Estimate]:
    """Time pairs of processes, until each title is `decided` or has taken its `seconds`.

    One pair of processes times every title that is left, since its start takes as long as the
    timing of one. `scenarios` is the number of scenarios compared in all; `progress` is called with
    a line for each pair. Raises asv's `UserError` if an operation fails.
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
                most = sum(max(seconds - taken[t], 0) for t in titles if t not in found)
                progress(len(found), len(titles), title, most)
                number = len(pairs[title])
                # The next pair would take as long as these did on average. If the pairs that a
                # verdict needs do not fit, there is no use in any.
                needed = max(number + 1, LOOKS[0])
                last = taken[title] * needed / number > seconds or number == LOOKS[-1]
                if not (last or number in LOOKS):
                    continue
                estimate = estimated(pairs[title], error, taken[title])
                if last or decided(title, estimate):
                    found[title] = estimate
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
        process.limit(process.receive())  # once it is ready
    samples: tuple[list[float], list[float]] = ([], [])
    first = [min(process.times(5)) for process in processes]
    number = max(1, min(50, round(TURN_SECONDS / max(first))))
    end = time.monotonic() + PAIR_SECONDS
    order = list(zip(processes, samples, strict=True))
    while time.monotonic() < end or len(samples[0]) < 3:
        for process, taken in order:
            taken += process.times(number)
        # The second process finds the data of the first in the processor's caches.
        order.reverse()
    for process in processes:
        process.send(0)
        process.receive()  # that it is done
    low, high = (statistics.quantiles(taken, n=10, method="inclusive")[0] for taken in samples)
    if min(low, high) <= 0:
        raise UserError(f"{title} could not be timed: its clock stands still")
    return low, high


class Sampling:
    """A process of one checkout that times operations: see `worker.sampling`."""

    def __init__(
        self, checkout: Checkout, process: subprocess.Popen[str], channel: Channel, errors: IO[str]
    ) -> None:
        self.checkout = checkout
        self.process = process
        self._channel = channel
        self._errors = errors
        self.limit(0)

    def limit(self, seconds: float) -> None:
        """Wait for an answer no longer than a few performances of so many seconds may take."""
        self._wait = max(workers.WAIT, 10 * seconds)
        self._channel.limit(self._wait)

    def send(self, value: Any) -> None:
        with contextlib.suppress(OSError):  # `receive` gives the reason
            self._channel.send(value)

    def receive(self) -> Any:
        """The answer. Raises asv's `UserError` if there is none."""
        try:
            return self._channel.receive()
        except (EOFError, TimeoutError) as error:
            reason = f"no answer within {self._wait:g} s"
            if isinstance(error, EOFError):
                self.process.wait()
                self._errors.seek(0)
                reason = last_line(self._errors.read())
            name = self.checkout.named(self.checkout.commit)
            raise UserError(f"{name} could not be timed: {reason}") from None

    def times(self, number: int) -> list[float]:
        """The seconds of each of `number` performances."""
        self.send(number)
        found: list[float] = self.receive()
        return found


@contextlib.contextmanager
def started(base: Checkout, head: Checkout, layouts: Sequence[int]) -> Iterator[list[Sampling]]:
    """One process of each side, on one processor, each in its layout, until the block ends."""
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    with contextlib.ExitStack() as stack:
        processes = []
        for checkout, layout in zip((base, head), layouts, strict=True):
            ours, theirs = socket.socketpair()
            errors = stack.enter_context(
                tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
            )
            with theirs:
                command = checkout.command("sampling.sample", core=core, channel=theirs.fileno())
                command["env"][options.LAYOUT] = str(layout)
                process = stack.enter_context(
                    subprocess.Popen(
                        **command,
                        pass_fds=[theirs.fileno()],
                        stdin=subprocess.DEVNULL,
                        stdout=errors,
                        stderr=errors,
                        start_new_session=True,
                    )
                )
            stack.callback(forks.end, process)
            processes.append(Sampling(checkout, process, Channel(ours), errors))
        for each in processes:
            each.receive()  # that it is ready: both have started at once
        yield processes
