"""Counts of a commit's cases for a comparison, and the causes behind them.

Options are JSON, and name the file for the results. The current folder is this commit's own: images
of the datasets stay there.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .. import counting
from ..files import write_json
from ..instruments import INSTRUMENTS, Calls, Counts, Instrument
from ..instruments.instructions import Instructions
from ..instruments.memory import Allocated
from ..label import refuse, verify
from ..profiler.causes import LeftBehind, Lines, Places, Plans, Symbols
from ..scenario import Scenario
from . import growing
from .kept import Kept, digest
from .scenarios import Combination, by_dataset, by_title, chosen

PLAIN: tuple[Instrument, ...] = (*(each for each in INSTRUMENTS if not each.program), Plans())
"""The instruments that need no program such as valgrind, and the plans of statements."""
ELSEWHERE = "their work cannot be counted as calls here, such as that of another process"
"""The reason why a case is left out."""
LAID_OUT: tuple[Instrument, ...] = (Calls(), Allocated())
"""Those of them whose counts can follow from the layout of memory."""


def count(options: str) -> None:
    """Count the cases that `scenarios` names, with machine instructions if `instructions` is true.

    Writes "titles", "counts", "growing" (see `growing.series`), "fingerprints", "failed", and
    "no_instructions", the reason why there are none. If the commit lacks something for a title,
    "counts" has a text in place of its counts. If the operation failed, "counts" lacks the title,
    and "failed" has the error. Counts that are kept are used again: see `kept`.
    """
    given = json.loads(options)
    verify()
    wanted = chosen(given["scenarios"])
    asked = {each.case.title: each for each in wanted if comparable(each)}
    work = Work(Kept(**given["kept"]), asked)
    made = work.count("plain", list(asked), PLAIN)
    if work.unfilled and not made:
        refuse(min(work.unfilled))  # one line in place of one for each case
    no_instructions = ""
    if given["instructions"]:
        try:
            _add(made, work.count("instructions", list(asked), [Instructions()]))
        except NotImplementedError as missing:
            no_instructions = str(missing)
    counts = {title: found["counts"] for title, found in made.items()}

    def beyond(more: list[Combination]) -> dict[str, Counts | str]:
        work.known |= {each.case.title: each for each in more}
        found = work.count("beyond", [each.case.title for each in more], growing.INSTRUMENTS)
        return {title: each["counts"] for title, each in found.items()}

    result = {
        "titles": list(asked),
        "counts": counts,
        "growing": growing.series(growing.of_sizes(asked.values()), counts, beyond),
        "fingerprints": {title: found["fingerprint"] for title, found in made.items()},
        "failed": {title: work.failed[title] for title in asked if title in work.failed},
        "no_instructions": no_instructions,
        "left out": {ELSEWHERE: len(wanted) - len(asked)} if len(wanted) > len(asked) else {},
        "again": sum(title not in work.new for title in counts),
    }
    write_json(Path(given["file"]), result)


def key(options: str) -> None:
    """Write the "digest" under which counts of the installed commit are kept.

    And "no_instructions", the reason why machine instructions cannot be counted here. Refuses
    names in `scenarios` that select no case.
    """
    given = json.loads(options)
    if given["scenarios"]:
        chosen(given["scenarios"])
    found = {
        "digest": digest(given["kept"]["commit"]),
        "no_instructions": Instructions().missing() or "",
    }
    write_json(Path(given["file"]), found)


class Work:
    """Counting cases of the installed commit, unless their counts are kept."""

    def __init__(self, kept: Kept, known: Mapping[str, Combination]) -> None:
        self.kept = kept
        self.known = dict(known)
        self.failed: dict[str, str] = {}
        """The errors of cases, by title."""
        self.unfilled: set[str] = set()
        """The errors of datasets."""
        self.new: set[str] = set()
        """The titles that were not kept."""
        self._building = threading.Lock()

    def count(
        self, kind: str, titles: Sequence[str], instruments: Iterable[Instrument], layout: int = 0
    ) -> dict[str, Any]:
        """The "counts" and the "fingerprint" of each title; not of those that fail."""

        def count(missing: list[str]) -> dict[str, Any]:
            found: dict[str, Any] = {}
            self.new.update(missing)
            with self._building:
                groups = list(by_dataset([self.known[title] for title in missing]))
            for images, of_dataset in groups:
                if images.failed:
                    self.failed |= {each.case.title: images.failed for each in of_dataset}
                    self.unfilled.add(images.failed)
                    continue
                # A size that nobody asked for may be more than the operation can do.
                made, failed = counted(
                    images, of_dataset, instruments, layout=layout, quiet=kind == "beyond"
                )
                self.failed |= failed
                for each in of_dataset:
                    title, scale = each.case.title, each.scenario.scale(each.values)
                    if title in made:
                        fingerprint = images.fingerprints.get(scale, "")
                        found[title] = {"counts": made[title], "fingerprint": fingerprint}
            return found

        return self.kept.get(kind, titles, count)


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
    quiet: bool = False,
) -> tuple[dict[str, Counts | str], dict[str, str]]:
    """Counts by title, or a text if the commit lacks something; and the errors of failed cases."""
    instruments = list(instruments)
    asked = [
        counting.job(
            each.scenario,
            each.values,
            images,
            [one for one in instruments if not one.repeats or _is_measured(each.scenario, one)],
        )
        for each in of_dataset
    ]
    made: dict[str, Counts | str] = {}
    failed: dict[str, str] = {}
    outcomes = counting.count(asked, layout=layout, quiet=quiet)
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


def _is_measured(scenario: type[Scenario], instrument: Instrument) -> bool:
    """Whether a scenario measures anything of an instrument. Repetitions take long."""
    return any(scenario.measures(f"track_{metric.name}") for metric in instrument.metrics)


def _add(made: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add further counts of the same titles."""
    for title, found in more.items():
        counts = made.get(title, {}).get("counts")
        if isinstance(counts, dict) and isinstance(found["counts"], dict):
            counts |= found["counts"]


def recount(options: str) -> None:
    """Count again, once in each of the `layouts` of memory: `instructions` and `plain` are titles.

    Writes the counts of each layout, by title.
    """
    given = json.loads(options)
    instruments = {"instructions": (Instructions(),), "plain": LAID_OUT}
    work = Work(Kept(**given["kept"]), by_title())
    found: dict[str, list[Counts]] = {}
    asked = [(kind, layout) for layout in given["layouts"] for kind in instruments if given[kind]]

    def in_layout(kind: str, layout: int) -> dict[str, Any]:
        return work.count(f"{kind} {layout}", given[kind], instruments[kind], layout)

    # Most of the time goes to starting the process that counts, on one processor.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for made in pool.map(in_layout, *zip(*asked, strict=True)):
            for title, each in made.items():
                if isinstance(each["counts"], dict):
                    found.setdefault(title, []).append(each["counts"])
    write_json(Path(given["file"]), found)


def explain(options: str) -> None:
    """Divide the counts of `titles` by place in the code; see `profiler.causes`.

    For titles in `symbols`, instructions by function as well; for those in `lines`, time by line;
    for those in `left`, bytes that repetitions leave behind.
    """
    given = json.loads(options)
    work = Work(Kept(**given["kept"]), by_title())
    made = work.count("places", given["titles"], [Places()])
    for instrument in (Symbols(), Lines(), LeftBehind()):
        if given[instrument.name] and not instrument.missing():
            _add(made, work.count(instrument.name, given[instrument.name], [instrument]))
    found = {title: each["counts"] for title, each in made.items()}
    found = {title: counts for title, counts in found.items() if isinstance(counts, dict)}
    write_json(Path(given["file"]), found)
