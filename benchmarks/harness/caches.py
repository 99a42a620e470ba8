"""Whether neighbours leave the processor's caches to what is measured.

A processor shares caches with whoever else works on the machine, other virtual machines included.
While these go through much memory, what has not been used for some milliseconds has to be read from
main memory again, in several times the time. A short operation never notices. A longer one does,
and one side of a ratio more than the other, by up to a quarter (docs/measurements.md).
"""

import functools
import operator
import random
import time
from collections.abc import Callable

BYTES, LINE = 4 << 20, 64
"""How much is read: more than the caches of one processor hold, less than the shared one."""
UNUSED = 0.02
"""Seconds for which it is left alone."""
CROWDED = 2
"""How many times as long it may take to read it again. Left to us it takes as long as before;
beside a process that writes to 64 MB at random it takes five times as long."""

LOOKS, PAUSE = 4, 0.1
"""How often is looked before they are taken to rest, and the seconds between."""


@functools.cache
def reader() -> Callable[[], object]:
    """Reads a byte of each line, in an order that no processor foresees."""
    order = list(range(0, BYTES, LINE))
    random.Random(0).shuffle(order)
    return functools.partial(operator.itemgetter(*order), bytearray(b"\1") * BYTES)


def seconds() -> float:
    start = time.perf_counter()
    reader()()
    return time.perf_counter() - start


def crowded() -> bool:
    """Whether neighbours crowd out what was read a moment ago; takes some 25 ms to find out."""
    at_once = min(seconds() for _ in range(4))
    end = time.perf_counter() + UNUSED
    while time.perf_counter() < end:
        pass  # without using memory, nor giving the processor away
    return seconds() > CROWDED * at_once


def left_alone() -> bool:
    """Whether neighbours rest: looks for half a second, since they pause now and then."""
    for _ in range(LOOKS):
        if crowded():
            return False
        time.sleep(PAUSE)
    return True
