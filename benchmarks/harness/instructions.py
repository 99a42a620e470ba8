"""Machine instructions of one operation, as valgrind's cachegrind counts them.

The process that counts runs under valgrind. Once a scenario is set up, it forks twice: one child
performs the operation and ends, the other only ends. Both have executed the same before, so the
difference of their counts is the operation alone.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .counting import Counts, counted
from .forking import in_child
from .undisturbed import undisturbed

if TYPE_CHECKING:
    from .database import Images
    from .scenario import Scenario

MISSING = "valgrind is missing: install Debian's package valgrind"
METRICS = ("track_instructions",)
LOGS = Path("valgrind")
"""Where each process under valgrind leaves its count, below the current folder."""


def instructions(scenario: type[Scenario], images: Images, params: tuple[Any, ...]) -> int:
    """Instructions of one operation, C and Python alike.

    Raises `FileNotFoundError` where there is no valgrind, else what `counted` raises.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise FileNotFoundError(MISSING)
    LOGS.mkdir(exist_ok=True)
    command = [valgrind, "--tool=cachegrind", "--cache-sim=no"]
    command += ["--cachegrind-out-file=/dev/null", f"--log-file={LOGS}/%p.log"]
    return int(counted(count, METRICS, scenario, images, params, command)["instructions"])


def count(scenario: Scenario) -> Counts:
    """Instructions of a scenario that has been set up, in a process under valgrind."""
    with undisturbed():
        # Nothing between the two: what this process does there would count for the second.
        idle = forked(lambda: None)
        busy = forked(scenario.perform)
    before, after = executed(idle), executed(busy)
    return {"instructions": after - before}


def forked(action: Callable[[], object]) -> int:
    """The process id of a child that does something and ends."""
    child = os.fork()
    if child == 0:
        in_child(action)
    return child


def executed(child: int) -> int:
    """All instructions of a child, once it has ended, those before the fork included."""
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the operation failed under valgrind")
    # At the end of the log, such as `I   refs:      1,234`.
    found = re.search(r"I\s+refs:\s+([\d,]+)", (LOGS / f"{child}.log").read_text("utf-8"))
    if found is None:
        raise RuntimeError("valgrind counted nothing")
    return int(found[1].replace(",", ""))
