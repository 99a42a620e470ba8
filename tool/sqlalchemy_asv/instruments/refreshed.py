"""Expired objects that are loaded again, one by one."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

import sqlalchemy
from sqlalchemy import event, inspect
from sqlalchemy.orm import Mapper

from ..places import application_line, frames
from ..runner import Runner
from .base import Counts, Instrument, Metric

EXPIRING = ("commit", "rollback", "refresh", "expire", "expire_all", "flush", "delete")
"""Methods of a session that expire objects, those that call the others first."""


class Refreshed(Instrument):
    """Counts the loads of attributes of an object that something has expired.

    A commit expires all objects of a session by default. Each attribute that is read then loads its
    object again, by a statement for each object. Objects that a query loads again by the
    way are not counted.
    """

    name = "refreshed"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("refreshed", "objects", "Expired objects that are loaded again, one by one."),
    )

    def count(self, runner: Runner) -> Counts:
        with refreshing() as found:
            runner.reset()  # what is expired before the operation is noted as well
            found.clear()
            runner.perform()
        return {
            "refreshed": found.total(),
            "refreshes": [[*each, times] for each, times in found.most_common()],
        }


@contextlib.contextmanager
def refreshing() -> Iterator[Counter[tuple[str, str, str, str]]]:
    """The objects that are loaded again while the block runs.

    Counts by class, the line that reads, the method that expired, and the line that called it.
    """
    found: Counter[tuple[str, str, str, str]] = Counter()
    expired: dict[Any, tuple[str, str]] = {}

    def on_expire(target: object | None, attributes: Any) -> None:
        if target is not None:  # unless nobody holds it any more
            expired[inspect(target)] = expiring(), application_line(sys._getframe(1))

    def on_refresh(target: object, context: Any, attributes: Any) -> None:
        state = inspect(target)
        if context.refresh_state is state and state in expired:
            line = application_line(sys._getframe(1))
            found[type(target).__qualname__, line, *expired.pop(state)] += 1

    hooks = (("expire", on_expire), ("refresh", on_refresh))
    for name, hook in hooks:
        event.listen(Mapper, name, hook)
    try:
        yield found
    finally:
        for name, hook in hooks:
            event.remove(Mapper, name, hook)


def expiring() -> str:
    """The method of a session that is expiring an object."""
    folder = sqlalchemy.__path__[0]
    names = {
        frame.f_code.co_name
        for frame in frames(sys._getframe(1))
        if frame.f_code.co_filename.startswith(folder)
    }
    return next((name for name in EXPIRING if name in names), "session")
