"""What skips a test where a system package is missing."""

import os
import shutil

import pytest

from benchmarks.harness import instructions


def skip(reason: str) -> None:
    """Skip a test for want of a package, which the reason names; CI must have it."""
    assert not os.environ.get("CI"), reason
    pytest.skip(reason)


def no_instructions() -> str | None:
    """Why this machine cannot count instructions."""
    if shutil.which("valgrind") is None:
        return instructions.MISSING
    if not instructions.has_symbol(instructions.SEARCH):
        return instructions.STRIPPED
    return None


def need_instructions() -> None:
    if reason := no_instructions():
        skip(reason)
