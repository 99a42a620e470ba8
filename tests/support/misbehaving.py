"""Jobs that misbehave in every way in which an operation might."""

import os
import signal
import subprocess
import time
from typing import Any

LEFT_BEHIND = "4321.5"
"""The argument of a process that a job leaves behind."""


def nothing(asked: Any) -> list[str]:
    """Prepare nothing."""
    return []


def two_seconds(asked: Any) -> float:
    """The limit of each job."""
    return 2


def misbehave(how: str) -> dict[str, Any]:
    """Misbehave in one way; returns its name."""
    if how == "print":
        print('0 {"statements": 1}', flush=True)
        os.write(1, b'0 {"statements": 1}\n')
    elif how == "close":
        os.closerange(0, 3)
    elif how == "sleep":
        while True:
            time.sleep(1)
    elif how == "spin":
        while True:
            pass
    elif how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "leave":
        subprocess.Popen(["sleep", LEFT_BEHIND])
    elif how == "die":
        os._exit(3)
    elif how == "large":
        return {"text": "x" * 5_000_000}
    elif how == "noise":
        for _ in range(200):
            os.write(2, b"\xff" * 10_000 + b"\n")
    return {"how": how}
