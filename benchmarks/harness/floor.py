"""How many times as long an operation takes as its statements, sent again by the bare driver.

What moves such a ratio is less chance within a process, which more samples mend, than where memory
happens to lie, which is the process's own, and how much neighbours slow the processor, which stays
for minutes and slows Python more than a driver. So all operations are gone through several times,
each time in another process whose memory is displaced otherwise, and an operation's estimates lie
minutes apart. The highest and the lowest of them are left out (docs/measurements.md).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from .counting import PROCESS, Counts, counted
from .environment import quick
from .instructions import LAYOUT
from .ratio import ratio
from .replay import check, replay

if TYPE_CHECKING:
    from .database import Images
    from .scenario import Scenario

METRICS = ("track_times_driver",)
LAYOUTS = 6
"""How often all operations are gone through."""


def times_driver(scenario: type[Scenario], images: Images, params: tuple[Any, ...]) -> float:
    """The mean of ratios in several layouts of memory. Raises what `counted` raises."""
    command = [sys.executable, str(PROCESS), "floor", "in_layouts"]
    return float(counted(count, METRICS, scenario, images, params, command)["times"])


def in_layouts(*command: str) -> None:
    """Run a command that prints counts by number, on one processor, once for each layout.

    Prints the mean of all but the extremes for each. Ends as the command does if that fails.
    """
    # A process for each operation, as many at a time as there are processors to run on.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found: dict[str, list[float]] = {}
    missing: dict[str, str] = {}
    for layout in range(1 if quick() else LAYOUTS):
        environment = os.environ | {LAYOUT: str(layout)}
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            sys.exit(done.returncode)
        for line in done.stdout.splitlines():
            number, _, text = line.partition(" ")
            counts = json.loads(text)
            if isinstance(counts, str):
                missing[number] = text
            else:
                found.setdefault(number, []).append(counts["times"])
    for number, text in missing.items():
        print(number, text)
    for number, times in found.items():
        kept = sorted(times)[1:-1] or times
        print(number, json.dumps({"times": statistics.fmean(kept)}))


def count(scenario: Scenario) -> Counts:
    """The ratio of a scenario that has been set up.

    Raises `NotImplementedError` if it sends nothing, `AssertionError` unless the replay fetches
    what the operation did.
    """
    # On an engine that was listened to, SQLAlchemy does more ever after.
    tape = scenario.twin().recorded()
    if not tape.statements:
        raise NotImplementedError("the operation sends no statement")
    driver = scenario.database.driver

    def bare() -> None:
        scenario.again()
        # What is sent is sent on a connection without a transaction, as the operation's is.
        scenario.close()

    bare()
    check(tape, replay(driver, tape))
    times = ratio(
        scenario.perform,
        lambda: replay(driver, tape),
        prepare=(scenario.again, bare),
        pairs=3,
        most=20,
        seconds=0.2,
    )
    return {"times": times}
