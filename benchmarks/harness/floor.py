"""How many times as long an operation takes as its statements, sent again by the bare driver.

What moves such a ratio is less chance within a process, which more samples mend, than where memory
happens to lie, which is the process's own, and how much neighbours slow the processor, which goes
on for seconds and slows Python more than a driver. So all operations are gone through several
times, each time in another process whose memory is displaced otherwise, and those whose ratios
still differ too much several times more. Whatever disturbs makes longer: of each visit the lower
quarter of either side's samples counts, and of the visits those count less that took longer than
the shortest (docs/measurements.md).

Nor are all visits alike while neighbours crowd the caches that processors share: then operations of
more than some milliseconds wait, and their visits beside such neighbours count only for want of
others.

None is set up while another is measured: a batch of them is set up, and then measured in turns, so
that the samples of each are of several moments.

A restore within this process empties the processor's caches, and how fast they fill again depends
on neighbours more than on anything. So what an operation changes in such a database is undone
before each sample, row by row.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import itertools
import json
import math
import os
import pickle
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from . import caches
from .counting import PROCESS, Counts, counted, imported, report, title
from .database import chosen
from .environment import quick
from .forking import in_child
from .instructions import LAYOUT
from .ratio import samples
from .recording import Tape
from .replay import check, replay
from .undisturbed import settle

if TYPE_CHECKING:
    from .database import Images
    from .scenario import Scenario
    from .undo import Undo

METRICS = ("track_times_driver",)
LEAST, MOST = 6, 16
"""How often an operation is visited, in as many layouts of memory."""
BATCH = 8
"""How many operations are set up at a time, and then measured in turns."""
TURNS, SECONDS, PAIRS = 3, 0.022, (2, 20)
"""How many turns each has, and how long samples are taken in a turn, so many at least and most."""
LONG = 0.25
"""What has been measured for so many seconds in its turns has no more of them."""
WARM_UP = 0.02
"""For so many seconds the same is done before the first turn: Python is still learning then."""
VISITS = "SQLALCHEMY_ASV_VISITS"
"""Environment variable with another number than `MOST`."""
DISTURBED = 0.1
"""A visit in which operation and driver took so much longer (the logarithm of the product of both)
than in the shortest counts half, one with twice that a fifth."""
ERROR = 0.008
"""The standard error of a ratio, as a share, at which it needs no more visits."""
ALLOWED = 0.75
"""Seconds for each operation, on average: what neighbours disturb gets as many visits as these
allow, at least `LEAST`. With another number than `MOST`, as many times more or less."""
LASTING = 0.002
"""Both sides of what takes more seconds are visited while neighbours leave the caches alone."""
QUIET, PATIENCE = 3, 180.0
"""How many such visits are enough, and for how many seconds a dataset's operations wait for them;
with another number than `MOST`, for as many times more or fewer."""
CROWDED = (
    "neighbours crowded this machine's caches all the while: when they rest, the ratio may be"
    " another, by up to a quarter"
)
TAPES = "SQLALCHEMY_ASV_TAPES"
"""Environment variable with the folder of what is recorded in the first layout, for all others."""


class Visit(NamedTuple):
    """What was measured in one layout of memory."""

    operation: float
    """Seconds that the operation takes."""
    driver: float
    """Seconds that its statements take, sent by the bare driver."""
    crowded: bool = False
    """Whether it may be another while neighbours leave the caches alone."""

    @property
    def lasting(self) -> bool:
        """Whether it takes so long that neighbours crowd it out of caches meanwhile."""
        return self.operation + self.driver > LASTING


Stage = tuple[int, int]
"""A pipe's two ends, which all forks of a batch have open until they reach it."""


def times_driver(scenario: type[Scenario], images: Images, params: tuple[Any, ...]) -> float:
    """The ratio, from several layouts of memory. Raises what `counted` raises."""
    layouts = 1 if quick() else int(os.environ.get(VISITS, MOST))
    limits = [str(layouts), *(str(limit * layouts / MOST) for limit in (ALLOWED, PATIENCE))]
    command = [sys.executable, str(PROCESS), "floor", "in_layouts", *limits]
    made = counted(count, METRICS, scenario, images, params, command)
    if made["crowded"]:
        print(f"asv: {CROWDED}", file=sys.stderr)
    return float(made["times"])


def in_layouts(most: str, allowed: str, patience: str, *command: str) -> None:
    """Measure the jobs in the file with which a command of `counted` ends.

    In up to so many layouts, and beyond `LEAST` of them only while the seconds allowed for each job
    last; what waits for the caches does so for `patience` seconds at most. The file is written
    again with the jobs of each layout. Prints the ratio of each, as `fork_for_each` prints counts.
    Ends as the process of a layout does if it fails.
    """
    python, process, *_, file = command
    *what, jobs = pickle.loads(Path(file).read_bytes())  # noqa: S301 (our own)
    visits: dict[int, list[Visit]] = {}
    # Those through asyncio are n/a (`Scenario.track_times_driver`), though asv was asked for them.
    left = [number for number, (_, _, params) in enumerate(jobs) if "asyncio" not in params]
    seconds, patient = float(allowed) * len(left), float(patience)
    layout = 0
    while left:
        start = time.monotonic()
        now = due(left, visits) if patient > 0 else left
        if not now:
            time.sleep(caches.PAUSE)
            patient -= time.monotonic() - start
            continue
        Path(file).write_bytes(pickle.dumps((*what, [jobs[number] for number in now])))
        done = subprocess.run(
            [python, process, "floor", "in_layout", file],
            env=os.environ | {LAYOUT: str(layout), TAPES: str(Path(file).parent)},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(done.returncode)
        usable = set(left).difference(now)
        for line in done.stdout.splitlines():
            place, _, text = line.partition(" ")
            counts = json.loads(text)
            if isinstance(counts, str):
                print(now[int(place)], text)
            else:
                visits.setdefault(now[int(place)], []).append(Visit(**counts))
                usable.add(now[int(place)])
        layout += 1
        seconds -= time.monotonic() - start
        at_most = int(most) if seconds > 0 else min(LEAST, int(most))
        # What fails is not tried again.
        left = [
            number
            for number in left
            if number in usable and len(visits[number]) < at_most and not enough(visits[number])
        ]
    for number, made in visits.items():
        crowded = any(visit.crowded for visit in telling(made))
        print(number, json.dumps({"times": estimate(made)[0], "crowded": crowded}))


def due(left: list[int], visits: Mapping[int, Sequence[Visit]]) -> list[int]:
    """Those worth a visit now: what lasts is not while neighbours crowd it out of the caches.

    What has not been visited yet always is, since nobody knows how long it takes.
    """
    short = [number for number in left if number not in visits or not visits[number][-1].lasting]
    return left if len(short) == len(left) or caches.left_alone() else short


def lowest(times: Sequence[float]) -> float:
    """The mean of their lower quarter."""
    return statistics.fmean(sorted(times)[: math.ceil(len(times) / 4)])


def quiet(visits: Sequence[Visit]) -> list[Visit]:
    """Those beside which nobody crowded the caches."""
    return [visit for visit in visits if not visit.crowded]


def telling(visits: Sequence[Visit]) -> Sequence[Visit]:
    """Those that count: two or more beside which caches were not crowded, for want of them all."""
    return quiet(visits) if len(quiet(visits)) > 1 else visits


def estimate(visits: Sequence[Visit]) -> tuple[float, float]:
    """The ratio, and its standard error; of one visit no error is known, so it is infinite."""
    counting = telling(visits)
    ratios = [visit.operation / visit.driver for visit in counting]
    taken = [math.log(visit.operation * visit.driver) for visit in counting]
    weights = [1 / (1 + ((it - min(taken)) / DISTURBED) ** 2) for it in taken]
    ratio = statistics.fmean(ratios, weights)
    variance = statistics.fmean([(it - ratio) ** 2 for it in ratios], weights)
    # As many visits as would tell as much if all of them counted alike.
    effective = sum(weights) ** 2 / sum(weight**2 for weight in weights)
    return ratio, math.sqrt(variance / (effective - 1)) if effective > 1 else math.inf


def enough(visits: Sequence[Visit]) -> bool:
    """Whether more of them would hardly move what they say."""
    ratio, error = estimate(visits)
    return len(visits) >= LEAST and len(quiet(visits)) >= QUIET and error <= ERROR * ratio


def in_layout(file: str) -> None:
    """Visit each job in a file once, in this process's layout; prints what `count` returns.

    A batch of forks is set up on all processors, then measured in turns.
    """
    from .scenario import Scenario  # which imports this module

    Scenario.warm_ups = 1  # `count` warms up as well
    chosen()  # imports its driver, once for all forks
    caches.reader()
    _, images, jobs, scenarios = imported(file)
    settle()
    numbered = list(enumerate(zip(scenarios, jobs, strict=True)))
    while numbered:
        batch, numbered = numbered[:BATCH], numbered[BATCH:]
        stages = [os.pipe() for _ in range(1 if quick() else TURNS)]
        children = []
        for number, (scenario, (_, _, params)) in batch:
            child = os.fork()
            if child == 0:
                counter = functools.partial(count, stages=stages)
                in_child(lambda: report(number, counter, scenario(), images, params))  # noqa: B023
            children.append(child)
        for end in itertools.chain(*stages):
            os.close(end)
        for child in children:
            os.waitpid(child, 0)


def reached(stage: Stage) -> None:
    """Wait until all forks that share a stage have reached it, or ended."""
    reading, writing = stage
    os.close(writing)
    os.read(reading, 1)  # ends when no process has the other end open
    os.close(reading)


@contextlib.contextmanager
def measuring() -> Iterator[None]:
    """The block runs on the processor that measures, on which no other fork of its parent runs."""
    before = os.sched_getaffinity(0)
    with Path(os.environ[TAPES], "measuring").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.sched_setaffinity(0, {max(os.sched_getaffinity(os.getppid()))})
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)


def count(scenario: Scenario, stages: Sequence[Stage] = ()) -> Counts:
    """A `Visit` of a scenario that has been set up, in this layout of memory.

    Has a turn for each stage, fewer if they are long, or one. Raises `NotImplementedError` if it
    sends nothing, `AssertionError` unless the replay fetches what the operation did.
    """
    tape, undo = recorded(scenario)
    if not tape.statements:
        raise NotImplementedError("the operation sends no statement")
    scenario.keep()
    scenario.database.use_undo(undo)
    driver: Any = None

    def bare() -> None:
        nonlocal driver
        scenario.again()
        # What is sent is sent on a connection without a transaction, as the operation's is.
        scenario.close()
        # On a server, to restore takes a new connection.
        driver = scenario.database.driver

    bare()
    check(tape, replay(driver, tape))
    turn = functools.partial(
        samples, scenario.perform, lambda: replay(driver, tape), prepare=(scenario.again, bare)
    )
    rehearsed = turn(pairs=1, seconds=WARM_UP)
    look = Visit(min(rehearsed[0]), min(rehearsed[1])).lasting and not quick()
    least, most = PAIRS
    taken: tuple[list[float], list[float]] = ([], [])
    crowded = False
    for stage in stages or [os.pipe()]:
        reached(stage)
        with measuring():
            crowded |= look and caches.crowded()
            made = turn(pairs=least, seconds=SECONDS, most=most)
            for times, more in zip(taken, made, strict=True):
                times += more
        if sum(map(sum, taken)) >= LONG:
            break
    # Nor has anything that it reads changed since. Meanwhile nobody else is measured.
    with measuring():
        crowded |= look and caches.crowded()
        bare()
        check(tape, replay(driver, tape))
    return Visit(lowest(taken[0]), lowest(taken[1]), crowded)._asdict()


def recorded(scenario: Scenario) -> tuple[Tape, Undo]:
    """What its operation sends and fetches, and what undoes it within this process.

    Recorded where no other layout has done so yet.
    """
    kept = Path(os.environ[TAPES], quote(title(scenario.job), safe=""))
    if not kept.exists():
        # On an engine that was listened to, SQLAlchemy does more ever after.
        twin = scenario.twin()
        twin.keep()
        tape = twin.recorded()
        twin.close()
        kept.write_bytes(pickle.dumps((tape, twin.database.undo())))
        twin.database.close()
    return pickle.loads(kept.read_bytes())  # type: ignore[no-any-return]  # noqa: S301 (our own)
