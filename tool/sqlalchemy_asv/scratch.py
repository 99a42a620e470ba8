"""The folder of a run, and the end of everything that the run has started.

All that is temporary lies in one folder, to which TMPDIR points. A second process, the janitor,
waits for the end of the command, however it ends. Then it ends the processes whose TMPDIR is in the
folder, and removes the folder. If the janitor is killed as well, the next run does that.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import psutil
from filelock import FileLock, Timeout

PREFIX = "sqlalchemy-asv-"
MARK = "folder-of-a-run-of-sqlalchemy-asv"
"""The file that tells a run's folder from any other folder with such a name."""
PATIENCE = 3
"""Seconds that a process has to end when it is asked to."""
AGAIN = 2
"""Seconds after which a signal that had no effect is repeated."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)

_outside: str | None = None
"""The TMPDIR outside of the run."""
_runs: list[tuple[Path, contextlib.ExitStack]] = []


@contextlib.contextmanager
def run() -> Iterator[Path]:
    """The folder of this run, until the block ends. Within a run, it is that run's folder.

    SIGTERM and SIGHUP raise `KeyboardInterrupt` in the block, as Ctrl-C does, until it ends.
    """
    global _outside
    if _runs:
        yield _runs[-1][0]
        return
    tidy()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    # A server whose start was interrupted writes here once more at the end of this process, by a
    # function that is registered later and so called earlier.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    lock = FileLock(folder / "lock")
    lock.acquire()
    (folder / MARK).touch()  # once it is locked: from now on, another run may find it
    janitor = subprocess.Popen(
        # Where the script lies, there are modules named like those of the standard library.
        [sys.executable, "-P", __file__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    assert janitor.stdin is not None
    _outside, before = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        with contextlib.ExitStack() as at_its_end, _interrupted_by_signals():
            _runs.append((folder, at_its_end))
            yield folder
    finally:
        _runs.clear()
        os.environ.pop("TMPDIR")
        if _outside is not None:
            os.environ["TMPDIR"] = _outside
        tempfile.tempdir = before
        janitor.stdin.close()
        if janitor.wait() != 0:
            end(folder)
        lock.release()


def outside() -> str:
    """TMPDIR outside of this run, for processes that are the user's own; empty if it is not set."""
    return _outside or ""


def at_end(function: Callable[..., object], *arguments: Any) -> None:
    """Call a function at the end of this run, or of this process where there is no run."""
    if _runs:
        _runs[-1][1].callback(function, *arguments)
    else:
        atexit.register(function, *arguments)


@contextlib.contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Let the signals that ask a process to end raise `KeyboardInterrupt`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        # Python ignores what is raised while it frees an object, so it is raised again.
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
        raise KeyboardInterrupt

    def quiet(lost: Any) -> None:
        if lost.exc_type is not KeyboardInterrupt:  # which is raised again
            sys.__unraisablehook__(lost)

    hook, sys.unraisablehook = sys.unraisablehook, quiet
    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # somebody ignores it, as nohup does
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook


# --- what dead runs left --------------------------------------------------------------------------


def tidy() -> None:
    """Remove what runs have left that were killed together with their janitors."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if is_abandoned(folder):
                end(folder)


def is_abandoned(folder: Path) -> bool:
    """Whether a folder is that of a run of this user, whose lock nobody holds."""
    found = folder.lstat()
    if not (stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()):
        return False
    if not (folder / MARK).is_file():
        return False
    try:
        with FileLock(folder / "lock", timeout=0):
            return True
    except Timeout:
        return False


def end(folder: Path) -> None:
    """End all processes whose TMPDIR is in a folder, then remove the folder."""
    # A server leaves no shared memory behind if it is asked to end: by SIGINT, at once.
    for asked in (signal.SIGINT, signal.SIGKILL):
        found = [each for each in psutil.process_iter() if _is_of(each, folder)]
        if not found:
            break
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.send_signal(asked if process.name() == "postgres" else signal.SIGKILL)
        until = time.monotonic() + PATIENCE
        while any(map(_is_alive, found)) and time.monotonic() < until:
            time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: psutil.Process) -> bool:
    """Whether a process still runs. One that has ended may wait for its parent, which waits too."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _is_of(process: psutil.Process, folder: Path) -> bool:
    try:
        where = process.environ().get("TMPDIR", "")
    except psutil.Error:
        return False
    return process.pid != os.getpid() and Path(where).is_relative_to(folder)


def _janitor(folder: str) -> None:
    """Wait until the run ends, then tidy up after it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()  # until the other end is closed
    end(Path(folder))


if __name__ == "__main__":
    _janitor(sys.argv[1])
