"""Counts of an operation, made where nothing but the code decides them.

A process of its own imports what scenarios need, and forks for each scenario and its parameters;
there the scenario is set up, warm-up included, and counted. The process has a fixed hash seed, as
few environment variables as possible and, on Linux, no random addresses: what SQLAlchemy does with
a set of objects follows from where they are in memory, and when it sorts rows of a table that
refers to itself, even the number of calls.

Counts do not change with the load of the machine, so they are made on all cores at once; and the
first benchmark of a run that asks for one has all of its dataset counted, in one process, for
those that will ask later.
"""

from __future__ import annotations

import compileall
import contextlib
import ctypes
import importlib
import itertools
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import statements
from .forking import in_child
from .undisturbed import settle

if TYPE_CHECKING:
    from .database import Images
    from .scenario import Scenario

PROCESS = Path(__file__).with_name("process.py")
COUNTING = "SQLALCHEMY_ASV_COUNTING"
"""Environment variable that is set in the process that counts."""
SELECTION = "SQLALCHEMY_ASV_BENCH"
"""Environment variable with the regular expressions of asv's `--bench`, as JSON: what else this run
will ask for. Where it is missing, nothing is counted in advance."""
PASSED_ON = (
    *("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "SQLALCHEMY_ASV_QUICK"),
    *("DATABASE", "POSTGRESQL_URL", "MARIADB_URL"),
)
ADDR_NO_RANDOMIZE = 0x0040000
"""From Linux's <sys/personality.h>."""

SYNCHRONOUS = ("track_calls", "track_allocated", "track_instructions")
"""What is not counted through asyncio: how often an event loop turns follows from time, and a fork
lacks the threads that do its work."""

Job = tuple[str, str, tuple[Any, ...]]
"""A scenario's module and name, and one combination of its parameters."""
Counts = dict[str, Any]
"""Numbers by what was counted: "statements", "calls", …; and "sql", the statements themselves."""
Counter = Callable[["Scenario"], Counts]
"""Counts one operation of a scenario that has been set up; a function of this package."""


def counted(
    counter: Counter,
    metrics: Sequence[str],
    scenario: type[Scenario],
    images: Images,
    params: tuple[Any, ...],
    command: Iterable[str] = (),
) -> Counts:
    """What `counter` counts of an operation, for `metrics`, in a process started by `command`.

    Keeps what was counted in the current folder, which asv makes for a dataset and removes at the
    end of a run. Raises `NotImplementedError` with what the commit lacks for it, `RuntimeError` if
    nothing was counted.
    """
    kept = Path(f"{counter.__module__}.{counter.__name__}.json")
    counts: dict[str, Counts | str] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    job = (scenario.__module__, scenario.__name__, params)
    if repr(job) not in counts:
        # All that will be asked for the first time; later, only what failed then.
        jobs = [] if counts else [other for other in jobs_of(scenario) if selected(other, metrics)]
        jobs = jobs if job in jobs else [job]
        counts |= count_all(counter, jobs, images, command)
        made = {title(job): counts.get(repr(job)) for job in jobs}
        sent = {name: c.get("sql") for name, c in made.items() if isinstance(c, dict)}
        statements.keep({name: sql for name, sql in sent.items() if sql})
        kept.write_text(json.dumps(counts), encoding="utf-8")
    if repr(job) not in counts:
        raise RuntimeError(f"nothing was counted for {scenario.__name__}{params}")
    found = counts[repr(job)]
    if isinstance(found, str):
        raise NotImplementedError(found)
    return found


def jobs_of(scenario: type[Scenario]) -> list[Job]:
    """The combinations of every scenario with the same dataset among those imported."""
    base: type[Scenario] = next(c for c in scenario.__mro__ if "dataset" in vars(c))
    return [
        (cls.__module__, cls.__name__, params)
        for cls in [base, *_subclasses(base)]
        if not cls.__abstractmethods__
        for params in itertools.product(*cls.params)
    ]


def _subclasses(cls: type[Scenario]) -> list[type[Scenario]]:
    below = cls.__subclasses__()
    return below + [c for child in below for c in _subclasses(child)]


def selected(job: Job, metrics: Sequence[str]) -> bool:
    """Whether asv was asked for any of these metrics, by the rule that asv itself follows."""
    module, name, params = job
    scenario = getattr(sys.modules[module], name)
    arguments = argument_list(params)
    asked = json.loads(os.environ.get(SELECTION, "[]"))
    return any(
        re.search(regex, f"{module.partition('.')[2]}.{name}.{metric}{arguments}")
        for metric in metrics
        if metric not in scenario.not_measured
        and not ("asyncio" in params and metric in SYNCHRONOUS)
        for regex in asked
    )


def argument_list(params: tuple[Any, ...]) -> str:
    """As asv writes it behind a benchmark's name."""
    return f"({', '.join(map(repr, params))})" if params else ""


def title(job: Job) -> str:
    """A scenario and its parameters as asv names them, without a metric."""
    module, name, params = job
    return f"{module.partition('.')[2]}.{name}{argument_list(params)}"


def count_all(
    counter: Counter, jobs: Iterable[Job], images: Images, command: Iterable[str] = ()
) -> dict[str, Counts | str]:
    """Counts by the `repr` of jobs, or what the commit lacks; those that failed are missing.

    Raises `RuntimeError` if the process ends before it has tried all.
    """
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment |= {"PYTHONHASHSEED": "0", COUNTING: "1"}
    jobs = list(jobs)
    with tempfile.TemporaryDirectory() as folder, fixed_addresses():
        file = Path(folder, "jobs.pickle")
        file.write_bytes(pickle.dumps((counter.__module__, counter.__name__, images, jobs)))

        def call(function: str, command: Iterable[str]) -> list[str]:
            done = subprocess.run(
                [*command, sys.executable, str(PROCESS), "counting", function, str(file)],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(
                    f"the process that counts ended with exit code {done.returncode}"
                )
            return done.stdout.splitlines()

        # A process that compiles what it imports lays memory out otherwise than one that finds all
        # of it compiled, so none of those that count may be the first.
        call("compile_all", [])
        lines = (line.partition(" ") for line in call("fork_for_each", command))
        return {repr(jobs[int(number)]): json.loads(counts) for number, _, counts in lines}


@contextlib.contextmanager
def fixed_addresses() -> Iterator[None]:
    """Have Linux load programs started by the block at the same addresses every time.

    Where the system forbids it, as some containers do, counts that depend on it differ by a few
    thousandths from run to run.
    """
    if sys.platform != "linux":
        yield
        return
    personality = ctypes.CDLL(None).personality
    before = personality(0xFFFFFFFF)
    personality(before | ADDR_NO_RANDOMIZE)
    try:
        yield
    finally:
        personality(before)


# --- in the process that counts -------------------------------------------------------------------


def imported(file: str) -> tuple[Counter, Images, list[Job], list[type[Scenario]]]:
    """What stands in a file of `count_all`, with the scenarios of the jobs."""
    module, name, images, jobs = pickle.loads(Path(file).read_bytes())  # noqa: S301 (our own)
    counter: Counter = getattr(importlib.import_module(module), name)
    scenarios = [getattr(importlib.import_module(module), name) for module, name, _ in jobs]
    return counter, images, jobs, scenarios


def compile_all(file: str) -> None:
    """Leave everything compiled that counting will import: at once, or in the forks."""
    imported(file)
    for name in (__name__.partition(".")[0], "fixtures"):
        for folder in importlib.import_module(name).__path__:
            compileall.compile_dir(folder, quiet=2)


def fork_for_each(file: str) -> None:
    """Fork for each job, as many at a time as there are cores, and print its number and counts."""
    counter, images, jobs, scenarios = imported(file)
    settle()
    running: list[int] = []
    for number, (scenario, (_, _, params)) in enumerate(zip(scenarios, jobs, strict=True)):
        # The oldest, not any: what this process does must not depend on which was faster.
        if len(running) == len(os.sched_getaffinity(0)):
            os.waitpid(running.pop(0), 0)
        child = os.fork()
        if child == 0:
            in_child(lambda: report(number, counter, scenario(), images, params))  # noqa: B023
        running.append(child)
    for child in running:
        os.waitpid(child, 0)


def report(
    number: int, counter: Counter, scenario: Scenario, images: Images, params: tuple[Any, ...]
) -> None:
    found: Counts | str
    try:
        scenario.ready(images, *params)
        found = counter(scenario)
    except NotImplementedError as missing:
        found = str(missing)
    os.write(sys.stdout.fileno(), f"{number} {json.dumps(found)}\n".encode())
