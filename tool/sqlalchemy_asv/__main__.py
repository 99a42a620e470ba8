"""The program `sqlalchemy-asv`, which Ctrl-C ends from its first moment on."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def end_when_interrupted() -> None:
    """Let Ctrl-C end this process at once, until a run begins: nothing has been started.

    Python would raise `KeyboardInterrupt` in the middle of an import, where libraries may drop it.
    """

    def end(number: int, frame: FrameType | None) -> None:
        os.write(2, b"sqlalchemy-asv: interrupted\n")
        os._exit(2)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # nobody ignores it
        signal.signal(signal.SIGINT, end)


def main() -> int:
    """Run a command; returns its exit code."""
    end_when_interrupted()
    from .cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
