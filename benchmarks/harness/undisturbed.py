"""Keep the garbage collector out of what is counted.

It runs when enough objects have been made, whoever made them, and what it calls would be counted
with the operation. (The other disturbance, the order of sets of strings, is fixed by the hash seed,
which `environment.verify` insists on; and first-time work is done by the warm-up in `setup`.)
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
    """Collect, and have later collections pass over all that is left.

    Going through every object of the libraries takes most of a tenth of a second, and in a fork
    copies the memory they are in.
    """
    gc.collect()
    gc.freeze()
