"""How long an operation holds connections, and how long of that no statement runs."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, event

from .. import clock
from ..statements.recording import recording


@dataclasses.dataclass
class Held:
    """Seconds. Another process waits for a connection that is held, whether or not it is used."""

    seconds: float = 0.0
    """From a connection's checkout from the pool to its return, for all connections together."""
    busy: float = 0.0
    """The part of it in which the driver executed statements."""

    @property
    def idle(self) -> float:
        return max(0.0, self.seconds - self.busy)


@contextlib.contextmanager
def connections_held(engine: Engine) -> Iterator[Held]:
    """The time for which connections of an engine are held while the block runs."""
    held = Held()
    since: dict[int, float] = {}

    def on_checkout(driver: Any, record: Any, _: Any) -> None:
        since[id(record)] = clock.seconds()

    def on_checkin(driver: Any, record: Any) -> None:
        held.seconds += clock.seconds() - since.pop(id(record), clock.seconds())

    hooks = (("checkout", on_checkout), ("checkin", on_checkin))
    for name, hook in hooks:
        event.listen(engine, name, hook)
    try:
        with recording(engine) as tape:
            yield held
    finally:
        for name, hook in hooks:
            event.remove(engine, name, hook)
        held.seconds += sum(clock.seconds() - start for start in since.values())
        held.busy = sum(statement.seconds for statement in tape.statements)
