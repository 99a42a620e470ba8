"""Machine instructions of an operation's statements, sent again by the bare driver.

How many times as many the operation executes says what a ratio of times says, however busy the
machine: neighbours crowd what is measured out of the processor's caches, and so make it take
longer, but the processor executes the same.
"""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from . import instructions
from .counting import Counts, counted
from .floor import SILENT
from .replay import check, replay

if TYPE_CHECKING:
    from .database import Images
    from .scenario import Scenario

METRICS = ("track_instructions_driver",)
ASYNCHRONOUS = "a fork lacks the threads that do the work of asyncio"


def of_driver(scenario: type[Scenario], images: Images, params: tuple[Any, ...]) -> int:
    """Instructions of the replay. Raises what `instructions.instructions` raises."""
    made = counted(count, METRICS, scenario, images, params, instructions.command())
    return int(made["instructions"])


def count(scenario: Scenario) -> Counts:
    """Instructions of replaying a scenario that has been set up, in a process under valgrind.

    Raises `NotImplementedError` if it sends nothing, `AssertionError` unless the replay fetches
    what the operation did.
    """
    if "asyncio" in scenario.job[2]:
        # Such jobs are n/a (`Scenario.track_instructions_driver`), though asv was asked for them.
        raise NotImplementedError(ASYNCHRONOUS)
    tape = scenario.recorded()
    if not tape.statements:
        raise NotImplementedError(SILENT)
    check(tape, replay(scenario.bare(), tape))
    # A scenario need only be performed to be counted.
    floor: Any = SimpleNamespace(perform=functools.partial(replay, scenario.bare(), tape))
    return instructions.count(floor)
