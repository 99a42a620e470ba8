"""Write docs/what-changed-in-sqlalchemy.md: its text from a template, its figures from the results.

    python -m maintenance.what_changed

The template `what-changed.md` beside this file has no figure of its own. Each is asked for by
scenario, metric and release, as the functions of `Story` have it. The command ends with an error if
the results say otherwise: a release without the event, or one in the other direction.

Exit codes: 0 it was written, 2 the results do not bear it out.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from asv.results import Results
from packaging.version import Version
from sqlalchemy_asv.asv_ext.errors import stop
from sqlalchemy_asv.case import Case
from sqlalchemy_asv.compare.metrics import METRICS
from sqlalchemy_asv.site.numbers import change, shown
from sqlalchemy_asv.site.recorded import WORTH, differs, figures, named

TEMPLATE = Path(__file__).with_name("what-changed.md")
DOCUMENT = Path("docs/what-changed-in-sqlalchemy.md")
RESULTS = Path("results")
BYTES = ("allocated", "retained_bytes")
"""The metrics in bytes."""


Values = dict[tuple[str, str], dict[Version, float]]
"""Counts by case and metric, and release."""


class Event(NamedTuple):
    """A difference of a release from the one before it."""

    title: str
    metric: str
    release: Version
    before: Version
    base: float
    head: float

    @property
    def size(self) -> float:
        """The logarithm of the ratio; infinite from nothing, or to nothing."""
        if self.base <= 0 or self.head <= 0:
            return math.inf if self.head > self.base else -math.inf
        return math.log(self.head / self.base)

    @property
    def change(self) -> str:
        """Such as "+12%", "2.5x" or "-62%"."""
        if 0 < self.head < self.base:
            return f"-{100 * (1 - self.head / self.base):.2g}%"
        return "none left" if self.head == 0 else change(self.base, self.head)

    @property
    def more(self) -> str:
        """Such as "12% more instructions", or "fewer"."""
        share = abs(100 * (self.head / self.base - 1))
        word = "more" if self.head > self.base else "less" if self.is_bytes else "fewer"
        unit = "memory" if self.metric == "allocated" else self.unit
        return f"{share:.{1 if share < 10 else 0}f}% {word} {unit}"

    @property
    def figures(self) -> str:
        """Such as "361 → 549 calls"."""
        kind = "bytes" if self.is_bytes else ""
        return f"{shown(self.base, kind)} → {shown(self.head, kind)} {self.unit}"

    @property
    def is_bytes(self) -> bool:
        return self.metric in BYTES

    @property
    def unit(self) -> str:
        units = {"allocated": "at the peak", "retained_bytes": "left behind", "calls": "calls"}
        return units.get(self.metric, named(self.metric))


class Records:
    """The recorded counts of the releases on a database, by case, metric and release."""

    def __init__(self, folder: Path, machine: str = "reference") -> None:
        """Read those on SQLite, but for those whose release was not kept with their statements."""
        benchmarks = json.loads((folder / "releases" / "benchmarks.json").read_text("utf-8"))
        self.published: dict[Version, float] = {}
        """The releases that are recorded on any database, and when they were published."""
        self._on: dict[str, Values] = {"sqlite": {}}
        for file in sorted((folder / "releases" / machine).glob("*-virtualenv-py*.json")):
            results = Results.load(str(file), machine_name=machine)
            sent = folder / "statements" / "releases" / file.name
            packages = json.loads(sent.read_text("utf-8")).get("packages", {})
            if "sqlalchemy" not in packages:
                continue
            release = Version(packages["sqlalchemy"])
            self.published[release] = results.date
            values = self._on.setdefault(results.env_vars.get("DATABASE", "sqlite"), {})
            for metric, title, value in figures(results, benchmarks):
                if metric in METRICS:
                    values.setdefault((title, metric), {})[release] = value
        self.values = self._on["sqlite"]

    def on(self, database: str) -> Records:
        """The same on another database. Neighbours are those of all releases."""
        found = copy.copy(self)
        found.values = self._on.get(database, {})
        return found

    def before(self, release: Version, known: Sequence[Version] | None = None) -> Version:
        """The highest lower release of those published before it; see `asv_ext.releases`.

        Raises `LookupError` if there is none.
        """
        earlier = [
            each
            for each in (self.published if known is None else known)
            if each < release and self.published[each] < self.published[release]
        ]
        if not earlier:
            raise LookupError(f"nothing is recorded before {release}")
        return max(earlier)

    def events(self, metric: str | None = None) -> Iterator[Event]:
        """All events, of one metric or of all."""
        for (title, of), values in self.values.items():
            if metric not in (None, of):
                continue
            for release, head in values.items():
                try:
                    before = self.before(release, [*values])
                except LookupError:
                    continue
                if differs(of, values[before], head):
                    yield Event(title, of, release, before, values[before], head)


class Story:
    """The functions of the template. Each raises `LookupError` if the results say otherwise."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def _values(self, title: str, metric: str) -> dict[Version, float]:
        try:
            return self.records.values[title, metric]
        except KeyError:
            raise LookupError(f"{metric} of {title} are not recorded") from None

    def _at(self, title: str, metric: str, release: str) -> float:
        values = self._values(title, metric)
        if Version(release) not in values:
            raise LookupError(f"{metric} of {title} are not recorded at {release}")
        return values[Version(release)]

    def _pairs(self, pattern: str, metric: str, base: str, head: str) -> list[tuple[float, float]]:
        """The values at two releases of all cases that a pattern finds."""
        sides = Version(base), Version(head)
        found = [
            (values[sides[0]], values[sides[1]])
            for (title, of), values in self.records.values.items()
            if of == metric and re.search(pattern, title) and {*sides} <= values.keys()
        ]
        if not found:
            raise LookupError(f"no case of {pattern} has {metric} at {base} and {head}")
        return found

    def value(self, title: str, metric: str, release: str) -> str:
        """A figure, such as "25.0 M"."""
        return shown(self._at(title, metric, release), "bytes" if metric in BYTES else "")

    def between(self, title: str, metric: str, base: str, head: str) -> Event:
        """The difference of two releases, neighbours or not."""
        found = self._at(title, metric, base), self._at(title, metric, head)
        if not differs(metric, *found):
            raise LookupError(f"{metric} of {title} are alike at {base} and {head}: {found}")
        return Event(title, metric, Version(head), Version(base), *found)

    def event(self, title: str, metric: str, release: str) -> Event:
        """The difference of a release from the one before it, which has to be its neighbour."""
        before = self._neighbour(title, metric, Version(release))
        return self.between(title, metric, str(before), release)

    def _neighbour(self, title: str, metric: str, release: Version) -> Version:
        """The release before. None of its series may be missing between, nor lack the count."""
        before = self.records.before(release, [*self._values(title, metric)])
        nearest = self.records.before(release)
        absent = [
            each
            for each in map(Version, self.missing())
            if each.release[:2] == release.release[:2] and before < each < release
        ]
        if absent or before != nearest:
            lacking = max([*absent, *([nearest] if before != nearest else [])])
            raise LookupError(f"{metric} of {title} are not recorded at {lacking}")
        return before

    def rose(self, title: str, metric: str, release: str) -> Event:
        """An event that is a cost."""
        found = self.event(title, metric, release)
        if found.size <= 0:
            raise LookupError(f"{metric} of {title} fell at {release}: {found.figures}")
        return found

    def fell(self, title: str, metric: str, release: str) -> Event:
        """An event that is a gain."""
        found = self.event(title, metric, release)
        if found.size >= 0:
            raise LookupError(f"{metric} of {title} rose at {release}: {found.figures}")
        return found

    def added(self, scenario: str, metric: str, release: str) -> str:
        """The differences over the sizes of a scenario, such as "188, 197, 287 and 1,187".

        Equal ones are a cost of the statement; those that rise with the size, a cost of each row.
        """
        found = []
        for (title, of), values in self.records.values.items():
            if of != metric or Version(release) not in values:
                continue
            case = Case.parse(title)
            if case.scenario == scenario:
                before = self._neighbour(title, metric, Version(release))
                found.append((float(case.arguments[-1]), values[Version(release)] - values[before]))
        if len(found) < 2:
            raise LookupError(f"{scenario} has no sizes")
        texts = [f"{difference:,.0f}" for _, difference in sorted(found)]
        return f"{', '.join(texts[:-1])} and {texts[-1]}"

    def span(self, pattern: str, metric: str, base: str, head: str) -> str:
        """The changes of all cases that a pattern finds, such as "19 to 34% fewer"."""
        pairs = self._pairs(pattern, metric, base, head)
        # Differences that layouts of memory explain are no change.
        shares = [100 * (y / x - 1) if differs(metric, x, y) else 0 for x, y in pairs]
        low, high = round(min(shares)), round(max(shares))
        few = "less" if metric in BYTES else "fewer"
        if low == high == 0:
            return "no change"
        if 0 in (low, high):
            return f"up to {-low}% {few}" if low else f"up to {high}% more"
        if high < 0:
            return f"{-high} to {-low}% {few}" if low != high else f"{-low}% {few}"
        if low > 0:
            return f"{low} to {high}% more" if low != high else f"{low}% more"
        return f"between {-low}% {few} and {high}% more"

    def worth(self, metric: str) -> str:
        """The share from which a metric counts as changed, such as "1%"."""
        return f"{WORTH[metric]:.0%}"

    def recorded(self) -> str:
        """The number of releases, on this database."""
        return str(len({release for of in self.records.values.values() for release in of}))

    def first(self) -> str:
        return str(min(self.records.published))

    def last(self) -> str:
        return str(max(self.records.published))

    def missing(self) -> list[str]:
        """Final releases between the recorded ones whose numbers are not recorded."""
        finals = {each for each in self.records.published if not each.is_prerelease}
        found = []
        for series in sorted({each.release[:2] for each in finals}):
            patches = {each.micro for each in finals if each.release[:2] == series}
            absent = {*range(max(patches) + 1)} - patches
            found += [f"{series[0]}.{series[1]}.{patch}" for patch in sorted(absent)]
        return found

    def gaps(self) -> list[str]:
        """The same in a few words, such as "2.0.3 to 2.0.8"."""
        found: list[list[str]] = []
        for release in self.missing():
            series, _, patch = release.rpartition(".")
            if found and f"{series}.{int(patch) - 1}" == found[-1][-1]:
                found[-1].append(release)
            else:
                found.append([release])
        return [" to ".join(dict.fromkeys((each[0], each[-1]))) for each in found]


def written(records: Records, template: str) -> str:
    """The document. Raises `LookupError` if the records do not bear it out."""
    story, postgresql = Story(records), Story(records.on("postgresql"))
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (Markdown)
    )
    functions: dict[str, Any] = {
        name: getattr(story, name) for name in dir(story) if not name.startswith("_")
    }
    return environment.from_string(template, globals=functions).render(postgresql=postgresql)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m maintenance.what_changed", description=__doc__)
    parser.parse_args(arguments)
    try:
        text = written(Records(RESULTS), TEMPLATE.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        stop(f"{Path(error.filename).name} is missing: without it, there is nothing to write")
    except LookupError as error:
        stop(str(error.args[0]))
    DOCUMENT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
