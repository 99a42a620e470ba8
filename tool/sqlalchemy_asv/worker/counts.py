"""Counts of a commit's cases for a comparison, and the causes behind them.

Options are JSON, and name the file for the results. The current folder is this commit's own: images
of the datasets stay there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .. import counting
from ..files import write_json
from ..instruments import INSTRUMENTS, Counts, Instrument
from ..instruments.instructions import Instructions
from ..label import verify
from ..profiler.causes import LeftBehind, Places, Plans, Symbols
from . import growing
from .scenarios import Combination, by_dataset, chosen

PLAIN: tuple[Instrument, ...] = (*(each for each in INSTRUMENTS if not each.program), Plans())
"""The instruments that need no program such as valgrind, and the plans of statements."""


def count(options: str) -> None:
    """Count the cases that `scenarios` names, with machine instructions if `instructions` is true.

    Writes "titles", "counts", "growing" (see `growing.series`), "fingerprints", "failed", and
    "no_instructions", the reason why there are none. If the commit lacks something for a title,
    "counts" has a text in place of its counts. If the operation failed, "counts" lacks the title,
    and "failed" has the error.
    """
    given = json.loads(options)
    verify()
    result: dict[str, Any] = {
        "titles": [],
        "counts": {},
        "growing": {},
        "fingerprints": {},
        "failed": {},
        "no_instructions": "",
    }
    asked = [each for each in chosen(given["scenarios"]) if comparable(each)]
    result["titles"] = [each.case.title for each in asked]
    for images, of_dataset in by_dataset(asked):
        made, failed = counted(images, of_dataset, PLAIN)
        result["failed"] |= failed
        if given["instructions"]:
            try:
                more, failed = counted(images, of_dataset, [Instructions()])
            except NotImplementedError as missing:
                result["no_instructions"] = str(missing)
            else:
                result["failed"] |= failed
                _add(made, more)
        result["counts"] |= made
        result["growing"] |= growing.series(
            growing.of_sizes(of_dataset),
            made,
            lambda more: counted(images, more, growing.INSTRUMENTS)[0],  # noqa: B023
        )
        for each in of_dataset:
            scale = each.scenario.scale(each.values)
            result["fingerprints"][each.case.title] = images.fingerprints.get(scale, "")
    write_json(Path(given["file"]), result)


def comparable(each: Combination) -> bool:
    """Whether counts show the work of a case.

    They do not for a case that works in another process, whose counts would show no change.
    """
    return each.scenario.measures("track_calls")


def counted(
    images: Any,
    of_dataset: Sequence[Combination],
    instruments: Iterable[Instrument],
    *,
    layout: int = 0,
) -> tuple[dict[str, Counts | str], dict[str, str]]:
    """Counts by title, or a text if the commit lacks something; and the errors of failed cases."""
    instruments = list(instruments)
    asked = [counting.job(each.scenario, each.values, images, instruments) for each in of_dataset]
    made: dict[str, Counts | str] = {}
    failed: dict[str, str] = {}
    outcomes = counting.count(asked, layout=layout)
    for each, outcome in zip(of_dataset, outcomes, strict=True):
        title = each.case.title
        if outcome.failed:
            failed[title] = outcome.failed
        elif outcome.found is None:
            made[title] = outcome.lacking
        else:
            # An instrument without counts gives a reason, which is nothing to compare.
            found = [counts for counts in outcome.found.values() if isinstance(counts, dict)]
            made[title] = {name: value for counts in found for name, value in counts.items()}
    return made, failed


def _add(made: dict[str, Counts | str], more: dict[str, Counts | str]) -> None:
    for title, found in more.items():
        counts = made.get(title)
        if isinstance(counts, dict) and isinstance(found, dict):
            counts |= found


def _of_titles(titles: Sequence[str]) -> list[Combination]:
    known = {each.case.title: each for each in chosen([])}
    return [known[title] for title in titles]


def recount(options: str) -> None:
    """Count the instructions of `titles` again, once in each of the `layouts` of memory."""
    given = json.loads(options)
    found: dict[str, list[int]] = {}
    for images, of_dataset in by_dataset(_of_titles(given["titles"])):

        def in_layout(layout: int) -> dict[str, Counts | str]:
            made, _ = counted(images, of_dataset, [Instructions()], layout=layout)  # noqa: B023
            return made

        # Most of the time goes to starting the process that counts, on one processor.
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            for made in pool.map(in_layout, given["layouts"]):
                for title, counts in made.items():
                    if isinstance(counts, dict):
                        found.setdefault(title, []).append(counts["instructions"])
    write_json(Path(given["file"]), found)


def explain(options: str) -> None:
    """Divide the counts of `titles` by place in the code; see `profiler.causes`.

    For titles in `symbols`, instructions by function as well; for those in `left`, bytes that
    repetitions leave behind.
    """
    given = json.loads(options)
    found: dict[str, Counts | str] = {}
    for images, of_dataset in by_dataset(_of_titles(given["titles"])):
        made, _ = counted(images, of_dataset, [Places()])
        for instrument in (Symbols(), LeftBehind()):
            asked = [each for each in of_dataset if each.case.title in given[instrument.name]]
            if asked and not instrument.missing():
                more, _ = counted(images, asked, [instrument])
                _add(made, more)
        found |= {title: counts for title, counts in made.items() if isinstance(counts, dict)}
    write_json(Path(given["file"]), found)
