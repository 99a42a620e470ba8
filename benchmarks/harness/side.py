"""One commit's side of a comparison: what its operations count, why, and samples of their times.

`sqlalchemy-asv compare` calls these functions once for each commit, with that commit's Python, in a
folder of that side's own, where the images of the datasets stay. Options are JSON; results go to
the file that they name.
"""

from __future__ import annotations

import difflib
import gc
import itertools
import json
import os
import pickle
import re
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import causes, counting, instructions
from .counting import Counts, Job
from .database import Images, build_images
from .environment import refuse, verify
from .forking import in_child
from .profile import scenarios
from .scenario import Scenario
from .undisturbed import settle


def jobs_by_title() -> dict[str, Job]:
    """Every scenario with each combination of its parameters, such as "social.HomeFeed('lazy')"."""
    found: dict[str, Job] = {}
    for scenario in scenarios().values():
        for params in itertools.product(*scenario.params):
            job = (scenario.__module__, scenario.__name__, params)
            found[counting.title(job)] = job
    return found


def chosen(patterns: list[str]) -> list[Job]:
    """The jobs whose titles contain one of these regular expressions; refuses one that fits none.

    Left out are those through asyncio, which have few counts, and those whose work is done in
    another process, whose counts would say that it has not changed.
    """
    jobs = jobs_by_title()
    found: dict[str, Job] = {}
    for pattern in patterns:
        try:
            fitting = {title: job for title, job in jobs.items() if re.search(pattern, title)}
        except re.error as error:
            refuse(f"{pattern} is no regular expression: {error}")
        if not fitting:
            close = difflib.get_close_matches(pattern, jobs, n=3, cutoff=0.4)
            refuse(f"there is no scenario {pattern}; like it: {', '.join(close) or 'none'}")
        found |= fitting
    return [
        job
        for job in found.values()
        if "asyncio" not in job[2] and "track_calls" not in scenario_of(job).not_measured
    ]


def scenario_of(job: Job) -> type[Scenario]:
    return getattr(sys.modules[job[0]], job[1])  # type: ignore[no-any-return]


def by_images(jobs: list[Job]) -> Iterator[tuple[Images, list[Job]]]:
    """Jobs by dataset, with images of it at all scales that they need, made where missing."""
    by_dataset: dict[str, list[Job]] = {}
    for job in jobs:
        by_dataset.setdefault(scenario_of(job).dataset, []).append(job)
    for dataset, of_dataset in by_dataset.items():
        scales = {scale_of(job) for job in of_dataset}
        kept = Path(f"{dataset}.images")
        images: Images | None = None
        if kept.exists():
            images = pickle.loads(kept.read_bytes())  # noqa: S301 (our own)
        if images is None or not scales <= set(images.fingerprints):
            images = build_images(dataset, tuple(sorted(scales)))
            kept.write_bytes(pickle.dumps(images))
        yield images, of_dataset


def scale_of(job: Job) -> float:
    named = dict(zip(scenario_of(job).param_names, job[2], strict=True))
    return named.get("scale", 1)  # type: ignore[no-any-return]


def count(options: str) -> None:
    """Counts of the `scenarios` (regular expressions) by title, to `file`; `instructions` as well.

    A title has a text in place of counts where the commit lacks something, and is missing from
    "counts" where the operation failed. Fingerprints are by title, for not all need all scales.
    """
    given = json.loads(options)
    verify()
    result: dict[str, Any] = {"counts": {}, "fingerprints": {}, "no_instructions": ""}
    jobs = chosen(given["scenarios"])
    result["titles"] = [counting.title(job) for job in jobs]
    for images, of_dataset in by_images(jobs):
        made = counting.count_all(causes.count, of_dataset, images)
        if given["instructions"]:
            try:
                command = instructions.command()
            except FileNotFoundError as missing:
                result["no_instructions"] = str(missing)
            else:
                add(made, counting.count_all(instructions.count, of_dataset, images, command))
        for job in of_dataset:
            title = counting.title(job)
            result["fingerprints"][title] = images.fingerprints.get(scale_of(job), "")
            if repr(job) in made:
                result["counts"][title] = made[repr(job)]
    write(given["file"], result)


def add(made: dict[str, Counts | str], more: dict[str, Counts | str]) -> None:
    for job, found in more.items():
        counts = made.get(job)
        if isinstance(counts, dict) and isinstance(found, dict):
            counts |= found


def recount(options: str) -> None:
    """Instructions by title, a list with one for each of the `layouts` of memory, to `file`."""
    given = json.loads(options)
    found: dict[str, list[int]] = {}
    jobs = jobs_by_title()
    for images, of_dataset in by_images([jobs[title] for title in given["titles"]]):

        def counted(layout: int) -> dict[str, Counts | str]:
            command = instructions.command(layout)
            return counting.count_all(instructions.count, of_dataset, images, command)  # noqa: B023

        # Most of the time goes to starting the process that counts, on one processor.
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            for made in pool.map(counted, given["layouts"]):
                for job in of_dataset:
                    counts = made.get(repr(job))
                    if isinstance(counts, dict):
                        found.setdefault(counting.title(job), []).append(counts["instructions"])
    write(given["file"], found)


def explain(options: str) -> None:
    """What makes up the counts of `titles`, by title and kind, to `file`; see `causes`.

    For titles in `symbols`, instructions by function as well.
    """
    given = json.loads(options)
    found: dict[str, Counts] = {}
    jobs = jobs_by_title()
    for images, of_dataset in by_images([jobs[title] for title in given["titles"]]):
        made = counting.count_all(causes.explain, of_dataset, images)
        for_symbols = [job for job in of_dataset if counting.title(job) in given["symbols"]]
        valgrind = shutil.which("valgrind")
        if for_symbols and valgrind:
            instructions.LOGS.mkdir(exist_ok=True)
            command = [valgrind, "--tool=cachegrind", "--cache-sim=no", "--log-file=/dev/null"]
            command += [f"--cachegrind-out-file={instructions.LOGS}/%p.cachegrind"]
            add(made, counting.count_all(causes.symbols, for_symbols, images, command))
        for job in of_dataset:
            counts = made.get(repr(job))
            if isinstance(counts, dict):
                found[counting.title(job)] = counts
    write(given["file"], found)


def write(file: str, result: Any) -> None:
    Path(file).write_text(json.dumps(result), encoding="utf-8")


def sample(options: str) -> None:
    """Time operations on the processor `core`, one after the other, each in a fork of this process.

    Prints a line when it is ready. Then it takes titles, a line each, and ends with an empty one;
    see `serve` for what follows a title. Ends with exit code 1 if an operation fails.
    """
    given = json.loads(options)
    if given["core"] is not None:
        os.sched_setaffinity(0, {given["core"]})
    jobs = jobs_by_title()
    settle()
    print("ready", flush=True)
    while title := sys.stdin.readline().strip():
        child = os.fork()
        if child == 0:
            in_child(lambda: serve(jobs[title]))
        if os.waitpid(child, 0)[1]:
            sys.exit(1)


def serve(job: Job) -> None:
    """Time one operation, as often as it is asked to.

    Prints a line when it is ready. Then, for each line with a number, performs the operation that
    often and prints a JSON list of seconds; answers an empty line, and ends.
    """
    ((images, _),) = by_images([job])
    scenario = scenario_of(job)()
    scenario.ready(images, *job[2])
    settle()
    gc.disable()
    print("ready", flush=True)
    while number := sys.stdin.readline().strip():
        print(json.dumps([seconds(scenario) for _ in range(int(number))]), flush=True)
    scenario.close()
    scenario.database.close()
    # Only when this is read is the next title sent, which is not for this process.
    print("done", flush=True)


def seconds(scenario: Scenario) -> float:
    scenario.again()
    start = time.perf_counter()
    scenario.perform()
    taken = time.perf_counter() - start
    if taken > 0.1:
        gc.collect()
    return taken
