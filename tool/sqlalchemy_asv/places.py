"""Places in code: files without the path to them, and the application's line."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType

import sqlalchemy

TOOL = f"{Path(__file__).parent}{os.sep}"
LIBRARIES = (f"{Path(sqlalchemy.__file__).parent}{os.sep}", TOOL)
"""Code that sends statements on behalf of an application."""
EXTENSIONS = ("sqlmodel", "flask_sqlalchemy", "sqlalchemy_utils", "factory", "alembic")
"""Packages that do so as well."""
COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")
STANDARD_LIBRARY = sysconfig.get_path("stdlib")


def is_application(file: str) -> bool:
    """Whether code in a file is neither SQLAlchemy, nor this tool, nor the standard library."""
    _, installed, within = file.rpartition("site-packages/")
    if installed and within.partition("/")[0] in EXTENSIONS:
        return False
    return not file.startswith((*LIBRARIES, "<", "~")) and (
        bool(installed) or not file.startswith(STANDARD_LIBRARY)
    )


def application_line(frame: FrameType | None) -> str:
    """The innermost line of the application, as `line_of` writes it; or "unknown"."""
    for each in frames(frame):
        if is_application(each.f_code.co_filename):
            return line_of(each)
    return "unknown"


def line_of(frame: FrameType) -> str:
    """The line of a frame, as "package/module.py:12 in function"."""
    module = frame.f_globals.get("__name__", "").replace(".", "/")
    file = Path(frame.f_code.co_filename)
    name = file.name
    if module.endswith(file.stem) or file.stem == "__init__":
        name = f"{module}.py"
    elif module != "__main__":  # under a name of somebody's own, such as a migration's
        name = f"{file.parent.name}/{name}"
    return f"{name}:{frame.f_lineno} in {function_name(frame.f_code)}"


def function_name(code: CodeType) -> str:
    """The name of a function; of a comprehension, that of the function around it.

    Python 3.11 makes a function of each comprehension, later Pythons do not.
    """
    *around, name = code.co_qualname.replace(".<locals>", "").split(".")
    while name in COMPREHENSIONS:
        name = around.pop() if around else "<module>"
    return name


def frames(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and its callers, the innermost first.

    SQLAlchemy's asyncio runs synchronous code in a greenlet. The coroutine that awaits it is in the
    greenlet's parent.
    """
    greenlet = sys.modules.get("greenlet")
    current = greenlet and greenlet.getcurrent()
    while frame is not None:
        yield frame
        frame = frame.f_back
        if frame is None and current is not None and (current := current.parent) is not None:
            frame = current.gr_frame


@functools.cache
def short(file: str) -> str:
    """A file's path below `site-packages`, the standard library or the folder of its package.

    A path of this machine is never part of it.
    """
    path = Path(file)
    parts = path.parts
    for folder in ("site-packages", f"python{sys.version_info[0]}.{sys.version_info[1]}"):
        if folder in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(folder) :])
    root = path.parent
    while (root / "__init__.py").exists() and root != root.parent:
        root = root.parent
    return path.relative_to(root).as_posix()
