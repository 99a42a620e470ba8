"""Folders in which one command works at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from asv.util import UserError
from filelock import FileLock, Timeout

MOST = 9
"""As many as have numbers of one digit: the length of a path moves objects in memory."""
WAIT = 4 * 3600
"""Seconds after which a command no longer waits for another one."""


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Work in a folder while no other command of asv does. Says so if it has to wait for one.

    Raises asv's `UserError` if the other one does not end.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{folder}.lock")
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        print(
            "sqlalchemy-asv: another command of asv works in this clone: waiting for its end",
            flush=True,
        )
        try:
            held = lock.acquire(timeout=WAIT, poll_interval=1)
        except Timeout:
            raise UserError(f"another command works in {folder} for {WAIT / 3600:g} h") from None
    with held:
        yield


@contextlib.contextmanager
def first_free(folder: Path) -> Iterator[Path]:
    """The first numbered folder below a folder in which no other command works.

    Raises asv's `UserError` if there is none.
    """
    for number in range(1, MOST + 1):
        place = folder / str(number)
        place.mkdir(parents=True, exist_ok=True)
        try:
            held = FileLock(f"{place}.lock").acquire(timeout=0)
        except Timeout:
            continue
        with held:
            yield place
        return
    raise UserError(f"{MOST} comparisons run in this clone: wait until one of them ends")
