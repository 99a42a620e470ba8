"""Jobs in isolation: only the code decides their results.

A separate process imports the modules that the jobs need, and forks for each job. The process has a
fixed hash seed, as few environment variables as possible and, on Linux, no random addresses. Its
counts do not change with the load of the machine, so jobs run on all cores at once.
"""

from __future__ import annotations

import compileall
import contextlib
import dataclasses
import importlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .. import files, options
from .addresses import fixed_addresses
from .collector import settle
from .forks import forked, missing, processors

PROCESS = Path(__file__).with_name("process.py")
_PASSED_ON = (
    *("PATH", "HOME", "LANG", "LD_LIBRARY_PATH"),
    *(options.QUICK, options.DATABASE, *options.SERVERS.values()),
)


@dataclasses.dataclass(frozen=True)
class Work:
    """The work on jobs, as functions that the process imports."""

    prepare: Callable[[Sequence[Any]], Iterable[str]]
    """Called once with all jobs, before any fork: imports their modules, and returns the names of
    packages of which forks may import more modules."""
    perform: Callable[[Any], dict[str, Any]]
    """Called with a job, in a fork. Its result must be JSON. It raises `NotImplementedError`, with
    the reason, if the commit lacks something for the job."""
    benchmarks: Path
    """The folder of the package of scenarios, which the process can import."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of a job. One of the three attributes is set."""

    found: dict[str, Any] | None = None
    lacking: str = ""
    """The reason, if the commit lacks something for the job."""
    failed: str = ""
    """The error that it ended with."""


def do(
    work: Work,
    jobs: Iterable[Any],
    command: Iterable[str] = (),
    *,
    layout: int = 0,
    quiet: bool = False,
) -> list[Outcome]:
    """Perform jobs in a process started by `command`, in a `layout` of memory; returns outcomes.

    A job that fails prints its traceback, unless `quiet`.

    Raises `NotImplementedError` if processes cannot be forked, and `RuntimeError` if the process
    ends before it has tried all jobs.
    """
    if reason := missing():
        raise NotImplementedError(reason)
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {
        "PYTHONHASHSEED": "0",
        options.BENCHMARKS: str(work.benchmarks),
        options.UNVERSIONED: "1",
        options.LAYOUT: str(layout),
    }
    jobs = list(jobs)
    with tempfile.TemporaryDirectory(prefix="sqlalchemy-asv-") as folder, fixed_addresses():
        progress = os.environ.get(options.PROGRESS, "")
        note(progress, f"+{len(jobs)}")
        Path(folder, "work").write_bytes(pickle.dumps((work, jobs, progress)))

        def call(function: str, command: Iterable[str]) -> None:
            python = [*command, sys.executable, str(PROCESS)]
            done = subprocess.run(
                [*python, "isolation.jobs", function, folder],
                env=environment,
                stdout=2,
                stderr=subprocess.DEVNULL if quiet else None,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(
                    f"the process that counts ended with exit code {done.returncode}"
                )

        # A process that compiles its imports has another layout of memory than one that finds them
        # compiled. So everything is compiled before a process counts.
        call("compile_all", [])
        call("fork_for_each", command)
        return [_outcome(Path(folder, str(number))) for number in range(len(jobs))]


def _outcome(file: Path) -> Outcome:
    if not file.exists():
        return Outcome(failed="its process ended without a word")
    return Outcome(**json.loads(file.read_text(encoding="utf-8")))


# --- in the process that counts -------------------------------------------------------------------


def _given(folder: str) -> tuple[Work, list[Any], str]:
    """The work, the jobs, and the file that notes which are done."""
    found: tuple[Work, list[Any], str] = pickle.loads(  # noqa: S301 (our own)
        Path(folder, "work").read_bytes()
    )
    return found


def note(file: str, line: str) -> None:
    """Add a line to a file, if there is one; at once, so that lines of several do not mix."""
    if file:
        with contextlib.suppress(OSError), Path(file).open("ab", buffering=0) as stream:
            stream.write(f"{line}\n".encode())


def compile_all(folder: str) -> None:
    """Compile all modules that the jobs will import, in the process itself or in its forks."""
    work, jobs, _ = _given(folder)
    packages = work.prepare(jobs)
    compileall.compile_dir(Path(__file__).parents[1], quiet=2)
    for package in packages:
        for place in importlib.import_module(package).__path__:
            compileall.compile_dir(place, quiet=2)


def fork_for_each(folder: str) -> None:
    """Fork for each job, twice as many at a time as there are processors; write each outcome."""
    work, jobs, progress = _given(folder)
    work.prepare(jobs)
    settle()
    running: list[int] = []
    for number, job in enumerate(jobs):
        # Waits for the oldest, not for any: this process must not depend on the speed of forks.
        # While it waits for a long one, others keep the processors busy.
        if len(running) == 2 * processors():
            os.waitpid(running.pop(0), 0)
        file = Path(folder, str(number))
        running.append(forked(lambda: _report(file, work, job, progress)))  # noqa: B023
    for child in running:
        os.waitpid(child, 0)


def _report(file: Path, work: Work, job: Any, progress: str) -> None:
    outcome = Outcome()
    try:
        outcome = Outcome(found=work.perform(job))
    except NotImplementedError as missing:
        outcome = Outcome(lacking=str(missing))
    except BaseException as error:
        lines = str(error).strip().splitlines()
        outcome = Outcome(failed=": ".join([type(error).__name__, *lines[:1]]))
        raise
    finally:
        files.write_json(file, dataclasses.asdict(outcome))
        note(progress, str(job))
