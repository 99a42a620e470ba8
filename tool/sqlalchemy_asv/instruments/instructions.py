"""Machine instructions of one operation, as valgrind's callgrind counts them.

The process that counts runs under valgrind. Once a scenario is set up, it forks, and the child has
callgrind count while it performs the operation.

CPython searches a class and its bases when its cache of attributes misses. These searches are not
counted. The cache has 4,096 places for all classes together, and the addresses of attributes' names
decide which names share a place. So any change of any code loaded before moved the count of the
same operation, by up to 5%. Without the searches it is 0.3% (40 operations, each in six processes
whose memory was displaced; see docs/measurements.md).
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
from typing import ClassVar

from ..isolation import addresses
from ..isolation.collector import undisturbed
from ..isolation.forks import forked
from ..runner import Runner
from . import callgrind
from .base import Counts, Instrument, Metric

MISSING = "valgrind is missing: install Debian's package valgrind"
SEARCH = "find_name_in_mro"
"""CPython's function that searches an attribute when its cache misses."""
STRIPPED = (
    "this Python has no debug symbols: install them (Debian's package python3-dbg), or take another"
    " Python"
)
UNKNOWN = f"instructions are counted on x86_64 and aarch64, not on {platform.machine()}"
LOGS = Path("valgrind")
"""The folder, below the current one, in which each process under valgrind leaves its count."""


class Instructions(Instrument):
    """Counts by callgrind, without CPython's searches for attributes."""

    name = "instructions"
    program = "valgrind"
    timeout = 1800
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("instructions", "instructions", "Machine instructions, C and Python alike."),
    )

    def missing(self) -> str | None:
        if reason := addresses.missing():
            return reason
        if shutil.which("valgrind") is None:
            return MISSING
        if not callgrind.supported():
            return UNKNOWN
        return None if has_symbol(SEARCH) else STRIPPED

    def command(self) -> list[str]:
        super().command()
        LOGS.mkdir(exist_ok=True)
        # In this order: the first option turns collecting off at the start, the second on again.
        started = [shutil.which("valgrind") or "", "--tool=callgrind"]
        started += [f"--toggle-collect={SEARCH}*", "--collect-atstart=yes", "--instr-atstart=no"]
        # Most of the time goes to translating code that is executed once. Short blocks take less.
        started += ["--vex-guest-chase=no", "--vex-guest-max-insns=25"]
        return [*started, "--callgrind-out-file=/dev/null", f"--log-file={LOGS}/%p.log"]

    def count(self, runner: Runner) -> Counts:
        return {"instructions": instructions(runner.performance())}


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
    """The build id of a program, after which Debian names its file of debug symbols."""
    # An ELF note: sizes of name and content, type 3, the name GNU.
    note = re.search(rb"\x04\0\0\0(....)\x03\0\0\0GNU\0", file.read_bytes(), re.DOTALL)
    if note is None:
        return None
    size = int.from_bytes(note[1], sys.byteorder)
    return note.string[note.end() : note.end() + size].hex()


def instructions(operation: Callable[[], object]) -> int:
    """Machine instructions of an operation, in a process under valgrind."""
    instrumentation = callgrind.Instrumentation()

    def counted() -> None:
        instrumentation.start()
        operation()
        instrumentation.stop()

    with undisturbed():
        child = forked(counted)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the operation failed under valgrind")
    # At the end of the log, such as `Collected : 1234`.
    found = re.search(r"Collected : (\d+)", (LOGS / f"{child}.log").read_text("utf-8"))
    if found is None:
        raise RuntimeError("valgrind counted nothing")
    return int(found[1])
