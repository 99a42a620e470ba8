"""How many times as long an operation takes as its statements, sent again by the bare driver.

What moves such a ratio is less chance within a process, which more samples mend, than where memory
happens to lie, which is the process's own, and how much neighbours take of the processor and its
caches, which goes on for seconds and slows Python more than a driver. So all operations are gone
through several times, each time in another process whose memory is displaced otherwise, and those
that last, or whose ratios still differ too much, several times more. Whatever disturbs makes
longer: of each visit the lower quarter of either side's samples counts, and of the visits those
count less that took longer than the shortest (docs/measurements.md).

None is set up while another is measured: a large batch of them is set up, and then measured in
turns. So a visit's samples are of moments seconds apart, which neighbours hardly ever disturb all.

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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote

from .counting import PROCESS, Counts, counted, imported, report, title
from .database import chosen
from .environment import quick
from .forking import in_child
from .instructions import LAYOUT
from .ratio import Action, nothing, samples
from .recording import Tape
from .replay import check, replay
from .undisturbed import settle

if TYPE_CHECKING:
    from .database import Images
    from .scenario import Scenario
    from .undo import Undo

METRICS = ("track_times_driver",)
LEAST, MOST = 5, 16
"""How often an operation is visited, in as many layouts of memory."""
LASTING, LEAST_LASTING = 0.001, 9
"""What takes more seconds, both sides together, is visited so often at least: the longer it takes,
the more of it has left the caches before it is used again, and these are shared with neighbours."""
BATCH = 72
"""How many operations are set up at a time, and then measured in turns; each takes some 30 MB."""
TURNS, SECONDS, PAIRS = 3, 0.022, (2, 20)
"""How many turns each has, and how long samples are taken in a turn, so many at least and most."""
LONG = 0.5
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
ALLOWED = 0.8
"""Seconds for each operation, on average: what neighbours disturb gets as many visits as these
allow, but no fewer than it must have. With another number than `MOST`, as many times more or less.
"""
SILENT = "the operation sends no statement"
"""Why it has no floor."""
TAPES = "SQLALCHEMY_ASV_TAPES"
"""Environment variable with the folder of what is recorded in the first layout, for all others."""


Visit = tuple[float, float]
"""Seconds that the operation takes, and those that the driver takes, in one layout of memory."""
Stage = tuple[int, int]
"""A pipe's two ends, which all forks of a batch have open until they reach it."""


def times_driver(scenario: type[Scenario], images: Images, params: tuple[Any, ...]) -> float:
    """The ratio, from several layouts of memory. Raises what `counted` raises."""
    layouts = 1 if quick() else int(os.environ.get(VISITS, MOST))
    limits = [str(layouts), str(ALLOWED * layouts / MOST)]
    command = [sys.executable, str(PROCESS), "floor", "in_layouts", *limits]
    return float(counted(count, METRICS, scenario, images, params, command)["times"])


def in_layouts(layouts: str, allowed: str, python: str, process: str, *command: str) -> None:
    """Measure the jobs in the file with which a command of `counted` ends.

    In up to so many layouts, and beyond `least` of them only while the seconds allowed for each job
    last; the file is written again with the jobs that need more. Prints the ratio of each, as
    `fork_for_each` prints counts. Ends as the process of a layout does if it fails.
    """
    file = Path(command[-1])
    *what, jobs = pickle.loads(file.read_bytes())  # noqa: S301 (our own)
    visits: dict[int, list[Visit]] = {}
    # Those through asyncio are n/a (`Scenario.track_times_driver`), though asv was asked for them.
    left = [number for number, (_, _, params) in enumerate(jobs) if "asyncio" not in params]
    end = time.monotonic() + float(allowed) * len(left)
    for layout in range(int(layouts)):
        file.write_bytes(pickle.dumps((*what, [jobs[number] for number in left])))
        done = subprocess.run(
            [python, process, "floor", "in_layout", str(file)],
            env=os.environ | {LAYOUT: str(layout), TAPES: str(file.parent)},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(done.returncode)
        for line in done.stdout.splitlines():
            place, _, text = line.partition(" ")
            counts = json.loads(text)
            if isinstance(counts, str):
                print(left[int(place)], text)
            else:
                visits.setdefault(left[int(place)], []).append(
                    (counts["operation"], counts["driver"])
                )
        late = time.monotonic() > end
        left = [
            number
            for number in left
            if number in visits
            and not (enough(visits[number]) or (late and layout + 1 >= least(visits[number])))
        ]
        if not left:
            break
    for number, made in visits.items():
        print(number, json.dumps({"times": estimate(made)[0]}))


def lowest(times: Sequence[float]) -> float:
    """The mean of their lower quarter."""
    return statistics.fmean(sorted(times)[: math.ceil(len(times) / 4)])


def estimate(visits: Sequence[Visit]) -> tuple[float, float]:
    """The ratio, and its standard error; of one visit no error is known, so it is infinite."""
    ratios = [operation / driver for operation, driver in visits]
    taken = [math.log(operation * driver) for operation, driver in visits]
    weights = [1 / (1 + ((it - min(taken)) / DISTURBED) ** 2) for it in taken]
    ratio = statistics.fmean(ratios, weights)
    variance = statistics.fmean([(it - ratio) ** 2 for it in ratios], weights)
    # As many visits as would tell as much if all of them counted alike.
    effective = sum(weights) ** 2 / sum(weight**2 for weight in weights)
    return ratio, math.sqrt(variance / (effective - 1)) if effective > 1 else math.inf


def least(visits: Sequence[Visit]) -> int:
    """How many of them there must be, by how long they took."""
    return LEAST_LASTING if min(map(sum, visits)) > LASTING else LEAST


def enough(visits: Sequence[Visit]) -> bool:
    """Whether more of them would hardly move what they say."""
    ratio, error = estimate(visits)
    return len(visits) >= least(visits) and error <= ERROR * ratio


def in_layout(file: str) -> None:
    """Visit each job in a file once, in this process's layout; prints what `count` returns.

    A batch of forks is set up, one on each processor at a time, then measured in turns.
    """
    from .scenario import Scenario  # which imports this module

    Scenario.warm_ups = 1  # `count` warms up as well
    chosen()  # imports its driver, once for all forks
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
                room = locked(f"room-{number % len(os.sched_getaffinity(0))}")
                counter = functools.partial(count, stages=stages, ready=room.close)
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


def locked(name: str) -> TextIO:
    """A file that no other fork in any layout has open; waits until that is so."""
    file = Path(os.environ[TAPES], name).open("w")  # noqa: SIM115 (who has it closes it)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


@contextlib.contextmanager
def measuring() -> Iterator[None]:
    """The block runs on the processor that measures, on which no other fork of its parent runs."""
    before = os.sched_getaffinity(0)
    with locked("measuring"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(os.getppid()))})
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)


def count(scenario: Scenario, stages: Sequence[Stage] = (), ready: Action = nothing) -> Counts:
    """A `Visit` of a scenario that has been set up, in this layout of memory.

    Says when it is `ready` to be measured. Has a turn for each stage, fewer if they are long, or
    one. Raises `NotImplementedError` if it sends nothing, `AssertionError` unless the replay
    fetches what the operation did.
    """
    tape, undo = recorded(scenario)
    if not tape.statements:
        raise NotImplementedError(SILENT)
    scenario.keep()
    scenario.database.use_undo(undo)
    driver: Any = None

    def bare() -> None:
        nonlocal driver
        driver = scenario.bare()  # on a server, to restore takes a new connection

    bare()
    check(tape, replay(driver, tape))
    turn = functools.partial(
        samples, scenario.perform, lambda: replay(driver, tape), prepare=(scenario.again, bare)
    )
    turn(pairs=1, seconds=WARM_UP)
    fewest, most = PAIRS
    taken: tuple[list[float], list[float]] = ([], [])
    ready()
    for stage in stages or [os.pipe()]:
        reached(stage)
        with measuring():
            made = turn(pairs=fewest, seconds=SECONDS, most=most)
            for times, more in zip(taken, made, strict=True):
                times += more
        if sum(map(sum, taken)) >= LONG:
            break
    # Nor has anything that it reads changed since. Meanwhile nobody else is measured.
    with measuring():
        bare()
        check(tape, replay(driver, tape))
    operation, driver_took = map(lowest, taken)
    return {"operation": operation, "driver": driver_took}


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
