"""Load tests for `sqlalchemy-asv load`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .. import suite
from ..databases.base import build_images, dataset_name
from ..label import refuse
from ..load import EXCEEDED
from ..load.benchmark import LoadTest
from ..load.running import Load, run
from ..scenario import Scenario


def load(options: str) -> None:
    """Run a load test. `options` are JSON: its `name`, a `scale`, and fields of `Load`.

    Ends the process with exit code 0 within limits, `EXCEEDED` beyond one.
    """
    given = json.loads(options)
    scale = given.pop("scale")
    file, dataset = chosen(given.pop("name"), given.pop("dataset"))
    try:
        images = build_images(dataset, (scale,))
        if not images.places:
            refuse(f"no dataset {images.dataset} is installed: {images.lacking}")
        found = run(Load(str(file), **given), images, scale, quiet=False)
    except (NotImplementedError, RuntimeError) as error:
        print(f"sqlalchemy-asv: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    raise SystemExit(EXCEEDED if found["exceeded"] else 0)


def chosen(name: str, dataset: str | None) -> tuple[Path, Any]:
    """The locustfile of this name or at this path, and its dataset.

    For a file that no benchmark names, that is the dataset of this name, or the only one.
    """
    known: dict[str, type[LoadTest]] = {}
    classes = suite.classes()
    for test in classes.values():
        if issubclass(test, LoadTest) and test is not LoadTest:
            known.setdefault(test.file().stem, test)
    asked = Path(name)
    for stem, test in known.items():
        if name == stem or asked.resolve() == test.file():
            return test.file(), test.dataset
    if not asked.is_file():
        return refuse(
            f"there is no load test {name}, and no such file;"
            f" there are: {', '.join(known) or 'none'}"
        )
    datasets = {
        dataset_name(each.dataset): each.dataset
        for each in classes.values()
        if issubclass(each, Scenario) and hasattr(each, "dataset")
    }
    fitting = [
        found
        for title, found in datasets.items()
        if dataset is None or dataset in (title, title.rpartition(".")[2])
    ]
    if len(fitting) != 1:
        return refuse(
            f"name the dataset for {asked.name} by --dataset:"
            f" {', '.join(datasets) or 'there is none'}"
        )
    return asked, fitting[0]
