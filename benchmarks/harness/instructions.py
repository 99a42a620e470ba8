"""Machine instructions of one operation, as valgrind's callgrind counts them.

The process that counts runs under valgrind. Once a scenario is set up, it forks, and the child has
callgrind count while it performs the operation.

Not counted is what CPython does when its cache of attributes misses, a search through a class and
its bases. The cache has 4,096 places for all classes together, and where in memory the names of
attributes are decides which of them share one: whatever is loaded before, and so any change of any
code, moved the same operation by up to 5%. Without these searches it is 0.3% (40 operations, each
in six processes whose memory was displaced; see docs/measurements.md).
"""

from __future__ import annotations

import functools
import os
import platform
import re
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import callgrind
from .counting import Counts, counted
from .forking import in_child
from .undisturbed import undisturbed

if TYPE_CHECKING:
    from .database import Images
    from .scenario import Scenario

MISSING = "valgrind is missing: install Debian's package valgrind"
METRICS = ("track_instructions",)
SEARCH = "find_name_in_mro"
"""CPython's function that searches an attribute when its cache misses."""
LAYOUT = "SQLALCHEMY_ASV_LAYOUT"
"""Environment variable for `process.py`."""
STRIPPED = (
    f"this Python has no symbol {SEARCH}, so what depends on the layout of memory cannot be told"
    " from the rest: install its debug symbols (Debian's python3-dbg) or one that is not stripped"
)
UNKNOWN = f"callgrind cannot be told on {platform.machine()} what to count, only on others"
LOGS = Path("valgrind")
"""Where each process under valgrind leaves its count, below the current folder."""


def instructions(scenario: type[Scenario], images: Images, params: tuple[Any, ...]) -> int:
    """Instructions of one operation, C and Python alike.

    Raises `FileNotFoundError` where there is nothing to count with, else what `counted` raises.
    """
    return int(counted(count, METRICS, scenario, images, params, command())["instructions"])


def command(layout: int = 0) -> list[str]:
    """What starts a process whose instructions, and those of its forks, are counted.

    Another `layout` has objects lie elsewhere in memory: how far a count owes to that.

    Raises `FileNotFoundError` where there is no valgrind, no symbol table for it, or no way to
    tell it when to count.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise FileNotFoundError(MISSING)
    if not callgrind.supported():
        raise FileNotFoundError(UNKNOWN)
    if not has_symbol(SEARCH):
        raise FileNotFoundError(STRIPPED)
    LOGS.mkdir(exist_ok=True)
    started = ["/usr/bin/env", f"{LAYOUT}={layout}", valgrind]
    # In this order: to name a function that toggles means to begin without, unless told again.
    started += ["--tool=callgrind", f"--toggle-collect={SEARCH}*", "--collect-atstart=yes"]
    started += ["--instr-atstart=no"]
    return [*started, "--callgrind-out-file=/dev/null", f"--log-file={LOGS}/%p.log"]


@functools.cache
def has_symbol(name: str) -> bool:
    """Whether valgrind can find a static function of this Python by its name."""
    files = [Path(sys.executable).resolve()]
    library = sysconfig.get_config_var("INSTSONAME")
    if library:
        files.append(Path(sysconfig.get_config_var("LIBDIR"), library))
    build_ids = [found for file in files if file.exists() and (found := build_id(file))]
    files += [Path("/usr/lib/debug/.build-id", i[:2], f"{i[2:]}.debug") for i in build_ids]
    return any(name.encode() in file.read_bytes() for file in files if file.exists())


def build_id(file: Path) -> str | None:
    """What names the file with the debug symbols of a program, where Debian's packages put it."""
    # An ELF note: sizes of name and content, type 3, the name GNU.
    note = re.search(rb"\x04\0\0\0(....)\x03\0\0\0GNU\0", file.read_bytes(), re.DOTALL)
    if note is None:
        return None
    size = int.from_bytes(note[1], sys.byteorder)
    return note.string[note.end() : note.end() + size].hex()


def count(scenario: Scenario) -> Counts:
    """Instructions of a scenario that has been set up, in a process under valgrind."""
    counting = callgrind.Instrumentation()

    def counted() -> None:
        counting.start()
        scenario.perform()
        counting.stop()

    with undisturbed():
        child = forked(counted)
    return {"instructions": executed(child)}


def forked(action: Callable[[], object]) -> int:
    """The process id of a child that does something and ends."""
    child = os.fork()
    if child == 0:
        in_child(action)
    return child


def executed(child: int) -> int:
    """What callgrind counted of a child, once it has ended."""
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the operation failed under valgrind")
    # At the end of the log, such as `Collected : 1234`.
    found = re.search(r"Collected : (\d+)", (LOGS / f"{child}.log").read_text("utf-8"))
    if found is None:
        raise RuntimeError("valgrind counted nothing")
    return int(found[1])
