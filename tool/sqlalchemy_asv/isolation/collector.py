"""Keep the garbage collector out of counts.

It runs when enough objects have been made, by any code, and its calls would be counted with the
operation.
"""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Collect, then leave the collector off while the block runs."""
    settle()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def settle() -> None:
    """Collect, and exempt all remaining objects from later collections.

    A collection of all objects of the libraries takes most of a tenth of a second, and in a fork it
    copies their memory.
    """
    gc.collect()
    gc.freeze()
