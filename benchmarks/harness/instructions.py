"""Machine instructions of one operation, as valgrind's cachegrind counts them.

A process under valgrind imports what the scenario needs and forks for each of its parameters; there
the scenario is set up, warm-up included, and forked twice more: one child performs the operation
and ends, the other only ends. Both have executed the same before, so the difference of their counts
is the operation alone. Counts do not change with the load of the machine, so parameters are counted
on all cores at once, and the results of those not asked for yet are kept for when they are.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import itertools
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .database import Images
    from .scenario import Scenario

UNDER_VALGRIND = "SQLALCHEMY_ASV_UNDER_VALGRIND"
MISSING = "valgrind is missing: install Debian's package valgrind"


def instructions(scenario: type[Scenario], images: Images, params: tuple[Any, ...]) -> int:
    """Instructions of one operation, C and Python alike.

    Keeps the counts of the scenario's other parameters in the current folder, which asv makes for
    a run and removes. Raises `FileNotFoundError` where there is no valgrind, `RuntimeError` if it
    counts nothing.
    """
    kept = Path(f"instructions-{scenario.__module__}.{scenario.__name__}.json")
    if not kept.exists():
        kept.write_text(json.dumps(count_all(scenario, images)), encoding="utf-8")
    counts: dict[str, int] = json.loads(kept.read_text(encoding="utf-8"))
    if repr(params) not in counts:
        raise RuntimeError(f"valgrind counted nothing for {params}")
    return counts[repr(params)]


def count_all(scenario: type[Scenario], images: Images) -> dict[str, int]:
    """Instructions by the `repr` of parameters; those whose process failed are missing."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise FileNotFoundError(MISSING)
    combinations = list(itertools.product(*scenario.params))
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder, "job.pickle")
        job.write_bytes(
            pickle.dumps((scenario.__module__, scenario.__name__, images, combinations))
        )
        # This process has verified the environment that ASV_ENV_DIR names.
        environment = {k: v for k, v in os.environ.items() if k != "ASV_ENV_DIR"}
        done = subprocess.run(
            [
                valgrind,
                "--tool=cachegrind",
                "--cache-sim=no",
                "--cachegrind-out-file=/dev/null",
                f"--log-file={folder}/%p.log",
                sys.executable,
                __file__,
                str(job),
            ],
            env={**environment, "PYTHONHASHSEED": "0", UNDER_VALGRIND: "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError("the process under valgrind failed")
        counts = {}
        for line in done.stdout.splitlines():
            number, idle, busy = map(int, line.split())
            before, after = (executed(Path(folder, f"{pid}.log")) for pid in (idle, busy))
            counts[repr(combinations[number])] = after - before
    return counts


def executed(log: Path) -> int:
    """The count at the end of a cachegrind log, such as `I   refs:      1,234`."""
    found = re.search(r"I\s+refs:\s+([\d,]+)", log.read_text(encoding="utf-8"))
    if found is None:
        raise RuntimeError("valgrind counted nothing")
    return int(found[1].replace(",", ""))


# --- what runs under valgrind -----------------------------------------------------------------


def main(job: Path) -> None:
    """Fork for each combination of parameters, as many at a time as there are cores."""
    # As asv does it: only this package, and nothing beside it, can be imported from here.
    root = Path(__file__).parents[1]
    spec = importlib.util.spec_from_file_location(
        root.name, root / "__init__.py", submodule_search_locations=[str(root)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[root.name] = package
    spec.loader.exec_module(package)

    module, name, images, combinations = pickle.loads(job.read_bytes())  # noqa: S301 (our own)
    scenario = getattr(importlib.import_module(module), name)
    cores = len(os.sched_getaffinity(0))
    running = 0
    for number, params in enumerate(combinations):
        if running == cores:
            os.wait()
            running -= 1
        if os.fork() == 0:
            count(number, scenario(), images, params)
            os._exit(0)
        running += 1
    for _ in range(running):
        os.wait()


def count(number: int, scenario: Scenario, images: Images, params: tuple[Any, ...]) -> None:
    """Print the combination's number and the process ids of its idle and its busy child."""
    scenario.setup(images, *params)
    gc.collect()
    gc.freeze()
    gc.disable()
    children = []
    for busy in (False, True):
        child = os.fork()
        if child == 0:
            if busy:
                scenario.perform()
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            return
        children.append(child)
    os.write(sys.stdout.fileno(), f"{number} {children[0]} {children[1]}\n".encode())


if __name__ == "__main__":
    # This folder is first on the path because the file was run as a script; nothing is meant to
    # be imported from it under a name without its package.
    sys.path.pop(0)
    main(Path(sys.argv[1]))
