"""Files that no reader sees half-written."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def write_json(file: Path, content: Any) -> None:
    """Write JSON as `write_text` does."""
    write_text(file, f"{json.dumps(content)}\n")


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock on a file, which is made. Where a system has no such locks, do nothing."""
    with file.open("w") as opened:
        with contextlib.suppress(ImportError):
            import fcntl

            fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def write_text(file: Path, text: str) -> None:
    """Write text as `write_bytes` does."""
    write_bytes(file, text.encode())


def write_bytes(file: Path, content: bytes) -> None:
    """Write bytes beside a file, then rename it.

    A process that is killed, or a full disk, leaves the old file, or none. Raises `OSError`.
    """
    special = file.exists() and not file.is_file()
    file = file if special or str(file).startswith("/dev/") else file.resolve()
    if special or str(file).startswith("/dev/") or not os.access(file.parent, os.W_OK):
        # A pipe, what the shell has opened, or a file that may be written but not replaced.
        file.write_bytes(content)
        return
    partial = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        partial.write_bytes(content)
        if file.exists():
            shutil.copymode(file, partial)
        partial.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
