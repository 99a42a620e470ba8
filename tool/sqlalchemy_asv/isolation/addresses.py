"""Start programs so that they have the same addresses in memory every time.

The order of a set of objects depends on their addresses. So does the work of SQLAlchemy on such
sets, sometimes even its number of calls.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import sys
from collections.abc import Iterator

from .. import options

_ADDR_NO_RANDOMIZE = 0x0040000
"""From Linux's <sys/personality.h>."""
_PERSONALITY_ASKED = 0xFFFFFFFF
_SET_DEATH_SIGNAL = 1
"""From Linux's <sys/prctl.h>."""
_displacing: list[bytes] = []


def missing() -> str | None:
    """The reason why addresses cannot be fixed here."""
    if sys.platform != "linux":
        return f"needs Linux, where addresses in memory can be fixed; this is {sys.platform}"
    return None


@contextlib.contextmanager
def fixed_addresses() -> Iterator[None]:
    """Let Linux load programs started by the block at the same addresses every time.

    If the system forbids it, as some containers do, counts that depend on addresses differ by a few
    thousandths from run to run.
    """
    if missing():
        yield
        return
    personality = ctypes.CDLL(None).personality
    before = personality(_PERSONALITY_ASKED)
    personality(before | _ADDR_NO_RANDOMIZE)
    try:
        yield
    finally:
        personality(before)


def end_with_parent() -> None:
    """Let Linux kill this process when the one that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def displace() -> None:
    """Take some memory, so that objects have other addresses in another layout."""
    layout = random.Random(int(os.environ.get(options.LAYOUT, "0")))
    _displacing[:] = [bytes(layout.randrange(480)) for _ in range(layout.randrange(1000, 20_000))]
