"""Memory that an operation allocates."""

import tracemalloc
from collections.abc import Callable

from .undisturbed import undisturbed


def allocated(operation: Callable[[], object]) -> int:
    """Peak bytes of Python memory above what was there before, while the operation runs."""
    with undisturbed():
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            operation()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return peak - before
