"""Load tests for `sqlalchemy-asv load`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .. import suite
from ..databases.base import build_images
from ..label import refuse
from ..load import EXCEEDED
from ..load.benchmark import LoadTest
from ..load.running import Load, run


def load(options: str) -> None:
    """Run a load test. `options` are JSON: its `name`, a `scale`, and fields of `Load`.

    Ends the process with exit code 0 within limits, `EXCEEDED` beyond one.
    """
    given = json.loads(options)
    scale = given.pop("scale")
    test = chosen(given.pop("name"))
    try:
        images = build_images(test.dataset, (scale,))
        if not images.places:
            refuse(f"no dataset {test.dataset} is installed")
        found = run(Load(str(test.file()), **given), images, scale, quiet=False)
    except (NotImplementedError, RuntimeError) as error:
        print(f"sqlalchemy-asv: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    raise SystemExit(EXCEEDED if found["exceeded"] else 0)


def chosen(name: str) -> type[LoadTest]:
    """The load test with a locustfile of this name, or at this path."""
    known: dict[str, type[LoadTest]] = {}
    for test in suite.classes().values():
        if issubclass(test, LoadTest):
            known.setdefault(test.file().stem, test)
    asked = Path(name)
    for stem, test in known.items():
        if name == stem or asked.resolve() == test.file():
            return test
    return refuse(f"there is no load test {name}; there are: {', '.join(known) or 'none'}")
