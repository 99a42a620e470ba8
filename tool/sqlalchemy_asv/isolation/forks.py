"""Forks of a measuring process, and the end of processes."""

import contextlib
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from . import addresses


def missing() -> str | None:
    """The reason why a process cannot be forked here."""
    if not hasattr(os, "fork"):
        return "needs a system that can fork processes, such as Linux or macOS"
    return None


def forked(action: Callable[[], object]) -> int:
    """Fork a child that performs an action and ends; returns its process id."""
    child = os.fork()
    if child == 0:
        addresses.end_with_parent()
        _in_child(action)
    return child


def _in_child(action: Callable[[], object]) -> NoReturn:
    """Perform an action and end this process, with exit code 1 if it raised."""
    failed = True
    try:
        action()
        failed = False
    except SystemExit as end:
        print(end.code, file=sys.stderr)  # a refusal says it all in its line
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(failed)


def has_ended(process: subprocess.Popen[Any], *, wait: bool = False) -> bool:
    """Whether a process has ended. Its number stays taken until `end`, which may so kill by it."""
    if process.returncode is not None:
        return True
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return (process.wait() if wait else process.poll()) is not None
    how = os.WEXITED | os.WNOWAIT | (0 if wait else os.WNOHANG)
    return os.waitid(os.P_PID, process.pid, how) is not None


def end(process: subprocess.Popen[Any]) -> int:
    """End a process that has a session of its own, with all that it has left there.

    Returns its exit code, which stays that of a process that has ended already.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def processors() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
