"""How many times as long an operation takes as its statements, sent again by the bare driver.

What moves such a ratio is less chance within a process, which more samples mend, than where memory
happens to lie, which is the process's own, and how much neighbours slow the processor, which stays
for minutes and slows Python more than a driver. So all operations are gone through several times,
each time in another process whose memory is displaced otherwise, and those whose ratios still
differ too much several times more. The highest and the lowest are left out (docs/measurements.md).
"""

from __future__ import annotations

import json
import math
import os
import pickle
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .counting import PROCESS, Counts, counted, title
from .environment import quick
from .instructions import LAYOUT
from .ratio import ratio
from .replay import check, replay

if TYPE_CHECKING:
    from .database import Images
    from .recording import Tape
    from .scenario import Scenario

METRICS = ("track_times_driver",)
LEAST, MOST = 5, 16
"""How often an operation is measured, in as many layouts of memory."""
ERROR = 0.008
"""The standard error, as a share, at which its ratios are enough."""
TAPES = "SQLALCHEMY_ASV_TAPES"
"""Environment variable with the folder of what is recorded in the first layout, for all others."""


def times_driver(scenario: type[Scenario], images: Images, params: tuple[Any, ...]) -> float:
    """The mean of ratios in several layouts of memory. Raises what `counted` raises."""
    command = [sys.executable, str(PROCESS), "floor", "in_layouts"]
    return float(counted(count, METRICS, scenario, images, params, command)["times"])


def in_layouts(*command: str) -> None:
    """Run a command that prints ratios of the jobs in a file, on one processor, in many layouts.

    The file is the command's last argument; it is written again with the jobs whose ratios are not
    enough. Prints the mean of all but the extremes for each. Ends as the command does if it fails.
    """
    # A process for each operation, as many at a time as there are processors to run on.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    file = Path(command[-1])
    *what, jobs = pickle.loads(file.read_bytes())  # noqa: S301 (our own)
    found: dict[int, list[float]] = {}
    # Those through asyncio are n/a (`Scenario.track_times_driver`), though asv was asked for them.
    left = [number for number, (_, _, params) in enumerate(jobs) if "asyncio" not in params]
    for layout in range(1 if quick() else MOST):
        file.write_bytes(pickle.dumps((*what, [jobs[number] for number in left])))
        environment = os.environ | {LAYOUT: str(layout), TAPES: str(file.parent)}
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            sys.exit(done.returncode)
        for line in done.stdout.splitlines():
            place, _, text = line.partition(" ")
            counts = json.loads(text)
            if isinstance(counts, str):
                print(left[int(place)], text)
            else:
                found.setdefault(left[int(place)], []).append(counts["times"])
        left = [number for number in left if number in found and not enough(found[number])]
        if not left:
            break
    for number, times in found.items():
        kept = sorted(times)[1:-1] or times
        print(number, json.dumps({"times": statistics.fmean(kept)}))


def enough(times: Sequence[float]) -> bool:
    """Whether more ratios would hardly move their mean."""
    error = statistics.stdev(times) / len(times) ** 0.5 if len(times) >= LEAST else math.inf
    return error <= ERROR * statistics.fmean(times)


def count(scenario: Scenario) -> Counts:
    """The ratio of a scenario that has been set up.

    Raises `NotImplementedError` if it sends nothing, `AssertionError` unless the replay fetches
    what the operation did.
    """
    tape = recorded(scenario)
    if not tape.statements:
        raise NotImplementedError("the operation sends no statement")
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
    times = ratio(
        scenario.perform,
        lambda: replay(driver, tape),
        prepare=(scenario.again, bare),
        pairs=3,
        most=20,
        seconds=0.2,
    )
    return {"times": times}


def recorded(scenario: Scenario) -> Tape:
    """What its operation sends and fetches, recorded where no other layout has done so yet."""
    kept = Path(os.environ[TAPES], quote(title(scenario.job), safe=""))
    if not kept.exists():
        # On an engine that was listened to, SQLAlchemy does more ever after.
        twin = scenario.twin()
        kept.write_bytes(pickle.dumps(twin.recorded()))
        twin.close()
        twin.database.close()
    return pickle.loads(kept.read_bytes())  # type: ignore[no-any-return]  # noqa: S301 (our own)
