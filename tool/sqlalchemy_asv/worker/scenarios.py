"""The scenarios of a folder of benchmarks, their cases, and the images that these need."""

from __future__ import annotations

import inspect
import os
import pickle
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .. import options, suite
from ..case import Case, choose
from ..databases.base import Images, build_images, dataset_name
from ..isolation.forks import forked, missing
from ..isolation.jobs import note
from ..label import REFUSED, reason_of, refuse
from ..scenario import Scenario

BUILDING = 3600
"""The most seconds in which the images of a dataset are made."""


class Combination(NamedTuple):
    """A case, with the class and the values that it is made of."""

    scenario: type[Scenario]
    values: tuple[Any, ...]

    @property
    def case(self) -> Case:
        return self.scenario.case(self.values)


def combinations() -> dict[Case, Combination]:
    """Every scenario with each combination of its parameters."""
    return {
        scenario.case(values): Combination(scenario, values)
        for scenario in suite.classes().values()
        if issubclass(scenario, Scenario) and not inspect.isabstract(scenario)
        for values in scenario.combinations()
    }


def by_title() -> dict[str, Combination]:
    """Every combination, by the title of its case."""
    return {case.title: each for case, each in combinations().items()}


def chosen(asked: Sequence[str]) -> list[Combination]:
    """The combinations that names select, or all if there are no names.

    Refuses a name that selects none, and gives similar names.
    """
    known = combinations()
    found: dict[Case, Combination] = {}
    for each in asked:
        try:
            found |= {case: known[case] for case in choose(each, list(known))}
        except LookupError as error:
            refuse(str(error.args[0]))
    return list((found if asked else known).values())


def by_dataset(
    chosen: Sequence[Combination],
) -> Iterator[tuple[Images, list[Combination]]]:
    """Combinations by dataset, with images of the dataset at all scales that they need.

    Images are kept in the current folder, and made if they are missing.
    """
    grouped: dict[str | type[Any], list[Combination]] = {}
    for each in chosen:
        grouped.setdefault(each.scenario.dataset, []).append(each)
    for dataset, of_dataset in grouped.items():
        scales = {each.scenario.scale(each.values) for each in of_dataset}
        kept = Path(f"{dataset_name(dataset)}.images")
        images: Images | None = None
        if kept.exists():
            images = pickle.loads(kept.read_bytes())  # noqa: S301 (our own)
        if images is None or not scales <= set(images.fingerprints):
            note(os.environ.get(options.PROGRESS, ""), f"~{BUILDING}")
            images = built(dataset, tuple(sorted(scales)), kept)
        yield images, of_dataset


def built(dataset: Any, scales: tuple[float, ...], kept: Path) -> Images:
    """Images of a dataset, which are kept in a file unless they fail.

    They are made in a fork: what an application's modules change, such as listeners on all
    sessions, is not to change how another application's rows are made.
    """

    def build() -> None:
        try:
            images = build_images(dataset, scales)
        except SystemExit as end:
            images = Images(dataset_name(dataset), failed=str(end.code).removeprefix(REFUSED))
        except Exception as error:
            traceback.print_exc()
            images = Images(dataset_name(dataset), failed=f"the dataset failed: {reason_of(error)}")
        kept.write_bytes(pickle.dumps(images))

    kept.unlink(missing_ok=True)
    if missing():
        build()
    else:
        os.waitpid(forked(build), 0)
    if not kept.exists():
        return Images(dataset_name(dataset), failed="the process that made the dataset was ended")
    images: Images = pickle.loads(kept.read_bytes())  # noqa: S301 (our own)
    if images.failed:
        kept.unlink()
    return images
