"""Skips of tests if a system package is missing."""

import os

import pytest
from sqlalchemy_asv.instruments import instructions


def skip(reason: str) -> None:
    """Skip a test for want of a package, which the reason names; CI must have it."""
    assert not os.environ.get("CI"), reason
    pytest.skip(reason)


def no_instructions() -> str | None:
    """The reason why this machine cannot count instructions."""
    return instructions.Instructions().missing()


def need_instructions() -> None:
    if reason := no_instructions():
        skip(reason)
