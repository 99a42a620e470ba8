"""One line for an error of a process whose stderr the user reads."""

from __future__ import annotations

import sys
import traceback
from types import TracebackType

from ..label import reason_of
from ..places import is_application


def apply() -> None:
    """Print one line in place of the traceback of an error that ends this process."""
    sys.excepthook = _say


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):  # which the command says itself
        return
    print(f"sqlalchemy-asv: {_place(error)}{reason_of(error)}", file=sys.stderr)


def _place(error: BaseException) -> str:
    """The application's or benchmarks' innermost line, such as "shop/queries.py:12: "."""
    if isinstance(error, SyntaxError):
        return ""  # it names its own
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_application(frame.filename):
            parts = frame.filename.rsplit("/", 2)[-2:]
            return f"{'/'.join(parts)}:{frame.lineno}: "
    return ""
