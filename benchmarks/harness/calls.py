"""Python calls, as SQLAlchemy's own profiling tests count them."""

import cProfile
import pstats
from collections.abc import Callable

from .undisturbed import undisturbed


def calls(operation: Callable[[], object]) -> int:
    """Calls of functions, built-in ones included, while the operation runs."""
    profile = cProfile.Profile()
    with undisturbed():
        profile.enable()
        try:
            operation()
        finally:
            profile.disable()
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]
