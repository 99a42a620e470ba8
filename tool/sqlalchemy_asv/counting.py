"""Counts of cases: made by instruments in isolation, once for all benchmarks of a run."""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .databases.base import Images, chosen
from .files import write_json
from .instruments import INSTRUMENTS, Counts, Instrument, instrument_of
from .isolation import jobs
from .isolation.jobs import Outcome
from .statements import keeping

KEPT = Path("counts.json")
"""The counts of a run, by title and instrument, in the folder that asv makes for a dataset and
removes at the end. A text in place of counts is the reason why there are none."""
FAILED = "failed"
"""The key of the error in place of counts, if the operation failed."""


Values = tuple[Any, ...]
"""The values of a scenario's parameters."""


Countable = Any
"""A class derived from `Scenario`, which imports this module."""


@dataclasses.dataclass(frozen=True)
class Job:
    """A case, and the instruments that count it."""

    module: str
    name: str
    values: Values
    images: Images
    instruments: tuple[Instrument, ...]

    def __str__(self) -> str:
        return str(self.scenario.case(self.values).title)

    @property
    def scenario(self) -> Countable:
        return getattr(importlib.import_module(self.module), self.name)


def job(
    scenario: Countable,
    values: Values,
    images: Images,
    instruments: Iterable[Instrument],
) -> Job:
    """A job for one combination of a scenario's parameters."""
    return Job(scenario.__module__, scenario.__name__, values, images, tuple(instruments))


def count(asked: Sequence[Job], *, layout: int = 0, quiet: bool = False) -> list[Outcome]:
    """Count each job. All instruments must count under the same program.

    An outcome has, by the name of each instrument, its counts or the reason why there are none.
    Raises `NotImplementedError`, with the reason, if this machine cannot count.
    """
    if not asked:
        return []
    program = asked[0].instruments[0]
    command = program.command() if program.program else []
    reasons = {
        each.name: reason
        for each in {each for one in asked for each in one.instruments}
        if (reason := each.missing())
    }
    possible = [
        dataclasses.replace(
            one, instruments=tuple(e for e in one.instruments if e.name not in reasons)
        )
        for one in asked
    ]
    package = importlib.import_module(asked[0].module.partition(".")[0])
    work = jobs.Work(_import, _perform, _limit, _module, Path(package.__path__[0]))
    return [
        outcome
        if outcome.found is None
        else dataclasses.replace(outcome, found=outcome.found | reasons)
        for outcome in jobs.do(work, possible, command, layout=layout, quiet=quiet)
    ]


def _import(asked: Sequence[Job]) -> set[str]:
    chosen()  # imports its driver, once for all forks
    packages = set()
    for scenario in {one.scenario for one in asked}:
        packages.add(scenario.__module__.partition(".")[0])
        packages |= scenario.import_measured()
    return packages


def _module(one: Job) -> str:
    return one.module


def _limit(one: Job) -> float:
    """Seconds for the warm-up, and for each instrument, by the slowest of them."""
    slowest = max((each.timeout for each in one.instruments), default=Instrument.timeout)
    return float(one.scenario.timeout) * slowest / Instrument.timeout


def _perform(one: Job) -> Counts:
    runner = one.scenario().runner(one.images, one.values, deterministic=True)
    found: Counts = {}
    for instrument in one.instruments:
        jobs.grant(_limit(one))
        runner.reset()
        try:
            found[instrument.name] = instrument.count(runner)
        except NotImplementedError as missing:
            found[instrument.name] = str(missing)
    return found


# --- for benchmarks of asv ------------------------------------------------------------------------


def value(metric: str, scenario: Countable, images: Images, values: Values) -> float:
    """The value of an instrument's metric for one combination of a scenario's parameters.

    The first benchmark of a run counts everything that the run will need, for all cases of the
    dataset together. Raises `NotImplementedError` if the metric cannot be counted, and
    `RuntimeError` if the operation failed.
    """
    instrument = instrument_of(metric)
    needed = [each for each in INSTRUMENTS if each.name in (*instrument.requires, instrument.name)]
    kept: dict[str, dict[str, Counts | str]] = {}
    if KEPT.exists():
        kept = json.loads(KEPT.read_text(encoding="utf-8"))
    title = scenario.case(values).title
    if missing := [each for each in needed if each.name not in kept.get(title, {})]:
        tried = {t for t, of_title in kept.items() if missing[0].name in of_title}
        counted = _counted(missing, scenario, images, values, tried)
        for name, of_name in counted.items():
            kept.setdefault(name, {}).update(of_name)
        write_json(KEPT, kept)
    counts: Counts = {}
    for each in needed:
        found = kept.get(title, {}).get(each.name)
        if found is None:
            raise RuntimeError(f"{title} has no counts of {each.name}")
        if isinstance(found, dict) and FAILED in found:
            raise RuntimeError(f"{title} failed: {found[FAILED]}")
        if isinstance(found, str):
            raise NotImplementedError(found)
        counts |= found
    (asked,) = (one for one in instrument.metrics if one.name == metric)
    return asked.value(counts)


def _counted(
    missing: Sequence[Instrument],
    scenario: Countable,
    images: Images,
    values: Values,
    tried: set[str],
) -> dict[str, dict[str, Counts | str]]:
    """Counts by title, of this case and of the run's cases that have not been tried."""
    program = missing[0].program
    together = [each for each in INSTRUMENTS if each.program == program]
    # Those that perform the operation once count together, in their order, whichever is asked for,
    # so that no count depends on the choice. Repetitions take long, and come last.
    always = {each.name for each in together if not program and not each.repeats}
    cases: dict[tuple[Countable, Values], Sequence[Instrument]] = {(scenario, values): missing}
    for other, of_other in scenario.same_dataset():
        if other.case(of_other).title not in tried:
            cases.setdefault((other, of_other), ())
    asked = []
    for (one, of_one), needed in cases.items():
        wanted = {each.name for each in together if _asked_for(one, of_one, each)}
        wanted |= {each.name for each in needed}
        if wanted:
            counting = [each for each in together if each.name in always | wanted]
            asked.append(job(one, of_one, images, counting))
    found = {}
    for counted, outcome in zip(asked, count(asked), strict=True):
        reason = outcome.lacking
        title = counted.scenario.case(counted.values).title
        if outcome.found is not None:
            found[title] = outcome.found
        elif reason:
            found[title] = {each.name: reason for each in counted.instruments}
        else:
            found[title] = {each.name: {FAILED: outcome.failed} for each in counted.instruments}
    sent = {title: of.get("statements") for title, of in found.items()}
    keeping.keep(
        {
            t: counts["sql"]
            for t, counts in sent.items()
            if isinstance(counts, dict) and "sql" in counts
        }
    )
    return found


def _asked_for(scenario: Countable, values: Values, instrument: Instrument) -> bool:
    """Whether this run needs a metric of an instrument, and the case allows counting it."""
    return any(scenario.selected(values, f"track_{each.name}") for each in instrument.metrics)
