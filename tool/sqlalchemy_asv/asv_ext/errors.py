"""The end of a command that cannot go on."""

import sys
from typing import NoReturn


def stop(reason: str) -> NoReturn:
    """End with one line and exit code 2."""
    print(f"sqlalchemy-asv: {reason}", file=sys.stderr)
    raise SystemExit(2)


def last_line(output: str) -> str:
    """The last line of some output, in which programs give the reason for a failure."""
    return (output.strip().splitlines() or ["no reason given"])[-1]


def refusal(output: str) -> str:
    """The reason that a process under test gave for refusing, or its last line."""
    return last_line(output).removeprefix("sqlalchemy-asv: ").removeprefix("refusing to measure: ")
