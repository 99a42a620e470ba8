"""Files that no reader sees half-written."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any


def write_json(file: Path, content: Any) -> None:
    """Write JSON as `write_text` does."""
    write_text(file, f"{json.dumps(content)}\n")


def write_text(file: Path, text: str) -> None:
    """Write text beside a file, then rename it.

    A process that is killed, or a full disk, leaves the old file, or none. Raises `OSError`.
    """
    special = file.exists() and not file.is_file()
    file = file if special or str(file).startswith("/dev/") else file.resolve()
    if special or str(file).startswith("/dev/") or not os.access(file.parent, os.W_OK):
        # A pipe, what the shell has opened, or a file that may be written but not replaced.
        file.write_text(text, encoding="utf-8")
        return
    partial = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        partial.write_text(text, encoding="utf-8")
        if file.exists():
            shutil.copymode(file, partial)
        partial.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
