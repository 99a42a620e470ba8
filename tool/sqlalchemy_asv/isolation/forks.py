"""Forks of a measuring process."""

import os
import traceback
from collections.abc import Callable
from typing import NoReturn


def missing() -> str | None:
    """The reason why a process cannot be forked here."""
    if not hasattr(os, "fork"):
        return "needs a system that can fork processes, such as Linux or macOS"
    return None


def forked(action: Callable[[], object]) -> int:
    """Fork a child that performs an action and ends; returns its process id."""
    child = os.fork()
    if child == 0:
        _in_child(action)
    return child


def _in_child(action: Callable[[], object]) -> NoReturn:
    """Perform an action and end this process, with exit code 1 if it raised."""
    failed = True
    try:
        action()
        failed = False
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(failed)


def processors() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
