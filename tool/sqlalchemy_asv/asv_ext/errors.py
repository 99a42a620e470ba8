"""The end of a command that cannot go on."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import PurePath
from typing import NoReturn

from asv.console import log
from asv.util import UserError

PLACE = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+)')
"""A line of a traceback."""


def stop(reason: str) -> NoReturn:
    """End with one line and exit code 2."""
    with contextlib.suppress(OSError):  # as if nobody reads it
        log.flush()  # the line that asv has begun
        print(f"sqlalchemy-asv: {printable(reason)}", file=sys.stderr, flush=True)
    raise SystemExit(2)


def printable(text: str) -> str:
    """Text without characters that would steer a terminal; they are replaced."""
    return re.sub(r"[^\S\n\t ]|[\x00-\x08\x0e-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", text)


@contextlib.contextmanager
def in_one_line(*, debug: bool, option: str) -> Iterator[None]:
    """Turn whatever escapes from a block into one line and exit code 2.

    A traceback as well, if `debug`; `option` is the one that asks for it.
    """
    try:
        yield
    except KeyboardInterrupt:
        stop("interrupted")
    except BrokenPipeError:
        # The reader has gone, as `head` does. Python would write to stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        stop("nobody reads the output")
    except Exception as error:
        if debug:
            traceback.print_exc()
        stop(reason(error, option))


def reason(error: Exception, option: str) -> str:
    """The first line of an error; for one that nobody foresaw, the way to see its place as well."""
    lines = str(error).strip().splitlines()
    if isinstance(error, UserError) and lines:
        return lines[0]
    if isinstance(error, OSError) and error.strerror:
        return ": ".join(filter(None, (str(error.filename or ""), error.strerror)))
    said = ": ".join([type(error).__name__, *lines[:1]])
    return f"internal error, {said}; {option} shows where"


def last_line(output: str) -> str:
    """The last line of some output, in which programs give the reason for a failure.

    With the place in the code if it is an error of syntax, which does not name its file.
    """
    lines = output.strip().splitlines() or ["no reason given"]
    if re.match(r"(Syntax|Indentation|Tab)Error\b", lines[-1]):
        places = [found for line in lines if (found := PLACE.match(line))]
        if places:
            file = PurePath(places[-1]["file"])
            return f"{file.parent.name}/{file.name}:{places[-1]['line']}: {lines[-1]}"
    return lines[-1]


def refusal(output: str) -> str:
    """The reason that a process under test gave for refusing, or its last line."""
    return last_line(output).removeprefix("sqlalchemy-asv: ").removeprefix("refusing to measure: ")
