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
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .. import application, files, options
from .addresses import fixed_addresses
from .collector import settle
from .forks import end, forked, has_ended, missing, processors

MOST_ON_SERVERS = 12
"""The most jobs at once on a server. Each has up to three connections, and there are two sides."""
SHOWN = 10_000
"""The most characters of what the operations of a process print that are shown."""
_compiled: set[tuple[Path, str]] = set()
"""The folders and modules that are compiled, with all that they import. Nothing is installed in an
environment while a process of its own runs."""
PROCESS = Path(__file__).with_name("process.py")
_PASSED_ON = (
    *("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR"),
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
    limit: Callable[[Any], float]
    """The seconds that a job has for each step; `grant` begins a step."""
    module: Callable[[Any], str]
    """The name of the module that a job needs, with all that it imports."""
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
    told = application.stated()
    passed_on = (*_PASSED_ON, *([options.APPLICATION] if told else []), *told.get("variables", []))
    environment = {name: os.environ[name] for name in passed_on if name in os.environ}
    environment |= {
        "PYTHONHASHSEED": "0",
        options.BENCHMARKS: str(work.benchmarks),
        options.UNVERSIONED: "1",
        options.LAYOUT: str(layout),
    }
    jobs = list(jobs)
    with tempfile.TemporaryDirectory() as folder, fixed_addresses():
        progress = os.environ.get(options.PROGRESS, "")
        note(progress, f"+{len(jobs)}")
        # A job performs its operation in several steps before it is done.
        note(progress, f"~{10 * max(map(work.limit, jobs), default=0):g}")
        Path(folder, "work").write_bytes(pickle.dumps((work, jobs, progress)))

        def call(function: str, command: Iterable[str]) -> None:
            python = [*command, sys.executable, str(PROCESS)]
            # Not to a pipe: a process that a job leaves behind would keep it open.
            with tempfile.TemporaryFile() as said:
                process = subprocess.Popen(
                    [*python, "isolation.jobs", function, folder],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    start_new_session=True,
                )
                try:
                    has_ended(process, wait=True)
                finally:
                    code = end(process)
                said.seek(0)
                output = said.read().decode(errors="replace")
            if not quiet:
                sys.stderr.write(shortened(output))
            if code:
                raise RuntimeError(_why_it_ended(code, output))

        # A process that compiles its imports has another layout of memory than one that finds them
        # compiled. So everything is compiled before a process counts.
        if new := {(work.benchmarks, work.module(job)) for job in jobs} - _compiled:
            call("compile_all", [])
            _compiled.update(new)
        call("fork_for_each", command)
        return [_outcome(Path(folder, str(number))) for number in range(len(jobs))]


def shortened(output: str) -> str:
    """The end of what operations have printed, with their tracebacks."""
    if len(output) <= SHOWN:
        return output
    return f"(of {len(output):,} characters, the last {SHOWN:,})\n{output[-SHOWN:]}"


def _why_it_ended(code: int, output: str) -> str:
    """The last line of a traceback, or the exit code."""
    lines = [line for line in output.splitlines() if not line.startswith((" ", "=="))]
    return lines[-1] if lines else f"the process that counts ended with exit code {code}"


def _outcome(file: Path) -> Outcome:
    return Outcome(**json.loads(file.read_text(encoding="utf-8")))


def ending(status: int, limit: float) -> str:
    """The reason why a fork ended without a result, from the status that `os.waitpid` gives."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGALRM:
            return f"no end within {limit:g} s; the scenario's `timeout` sets this limit"
        known = number in {*signal.Signals}
        return f"its process was ended by {signal.Signals(number).name if known else number}"
    return f"its process ended itself, with exit code {os.waitstatus_to_exitcode(status)}"


def grant(seconds: float) -> None:
    """Let the kernel end this process after so many seconds, unless more are granted before.

    No handler: an operation could catch what it raises, or never return to Python.
    """
    signal.setitimer(signal.ITIMER_REAL, seconds)


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


@dataclasses.dataclass
class Notes:
    """The notes of jobs: see `options.PROGRESS`."""

    done: int = 0
    total: int = 0
    last: str = ""
    """The last job that is done."""
    silent: float = 0
    """The seconds for which there may be no further note."""
    doing: str = ""
    """The progress of what comes before the next job."""

    @classmethod
    def read(cls, files: Iterable[Path]) -> Notes:
        """The notes in some files, those that exist, together."""
        found = cls()
        lines = [line for file in files if file.exists() for line in _lines(file)]
        for line in lines:
            if line.startswith("+"):
                found.total += int(line[1:])
            elif line.startswith("~"):
                found.silent = float(line[1:])
            elif line.startswith("."):
                found.doing = line[1:]
            else:
                found.done += 1
                found.last, found.doing = line, ""
        return found


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8", errors="replace").splitlines()


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
    # A server has a hundred connections for all.
    most = 2 * processors()
    at_once = most if options.database() == "sqlite" else min(most, MOST_ON_SERVERS)
    running: list[int] = []
    statuses: list[int] = []
    for number, job in enumerate(jobs):
        # Waits for the oldest, not for any: this process must not depend on the speed of forks.
        # While it waits for a long one, others keep the processors busy.
        if len(running) == at_once:
            statuses.append(os.waitpid(running.pop(0), 0)[1])
        file = Path(folder, str(number))
        running.append(forked(lambda: _report(file, work, job, progress)))  # noqa: B023
    statuses += [os.waitpid(child, 0)[1] for child in running]
    for number, status in enumerate(statuses):
        file = Path(folder, str(number))
        if not file.exists():
            failed = ending(status, work.limit(jobs[number]))
            files.write_json(file, dataclasses.asdict(Outcome(failed=failed)))
            note(progress, str(jobs[number]))


def _report(file: Path, work: Work, job: Any, progress: str) -> None:
    outcome = Outcome()
    grant(work.limit(job))
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
