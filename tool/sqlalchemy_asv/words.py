"""Words that several messages share: numbers in sentences, how to get an extra."""

from __future__ import annotations


def several(number: int, noun: str) -> str:
    """A number of things, of which `noun` is one: "1 row", "1,000 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def install(extra: str) -> str:
    """How somebody gets an optional part of the tool, wherever the tool came from."""
    return f"install sqlalchemy-asv with its extra `{extra}`"


def how_often(number: int) -> str:
    """How often: "once", "20 times"."""
    return "once" if number == 1 else f"{number:,} times"
