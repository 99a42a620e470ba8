"""How many times as many machine instructions an operation executes as the bare driver does for the
same statements.

Says what a ratio of times says, however busy the machine: neighbours crowd what is measured out of
the processor's caches, and so make it take longer, but the processor executes the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import callgrind, instructions
from .counting import Counts, counted
from .floor import SILENT
from .replay import check, replay
from .undisturbed import undisturbed

if TYPE_CHECKING:
    from .database import Images
    from .scenario import Scenario

METRICS = ("track_instructions_driver",)
ASYNCHRONOUS = "a fork lacks the threads that do the work of asyncio"


def instructions_driver(scenario: type[Scenario], images: Images, params: tuple[Any, ...]) -> float:
    """The ratio. Raises what `instructions.instructions` raises."""
    operation = instructions.instructions(scenario, images, params)
    floor = counted(count, METRICS, scenario, images, params, instructions.command())
    return float(operation / floor["instructions"])


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
    driver = scenario.bare()
    counting = callgrind.Instrumentation()

    def replayed() -> None:
        counting.start()
        replay(driver, tape)
        counting.stop()

    with undisturbed():
        child = instructions.forked(replayed)
    return {"instructions": instructions.executed(child)}
