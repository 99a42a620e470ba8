"""A scenario with one combination of its parameters, and the title that names it everywhere."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

MOST = 10
"""The scenarios that a message lists."""
_ADDRESS = re.compile(r"^(<.*) at 0x[\da-fA-F]+(>)$")


@dataclasses.dataclass(frozen=True, order=True)
class Case:
    """The subject of counts, results, budgets, verdicts and pages.

    The title is the name that asv gives a benchmark, without the metric: the scenario, then the
    arguments as Python writes them, such as "social.HomeFeed('lazy')".
    """

    scenario: str
    """Module and class, such as "social.HomeFeed"."""
    arguments: tuple[str, ...] = ()
    """The `repr` of each parameter's value."""

    @classmethod
    def of(cls, scenario: str, values: Iterable[object]) -> Case:
        """A case from the values of its parameters."""
        return cls(scenario, tuple(written(value) for value in values))

    @classmethod
    def parse(cls, title: str) -> Case:
        """The case that a title names."""
        scenario, bracket, rest = title.partition("(")
        return cls(scenario, tuple(_arguments(rest.removesuffix(")"))) if bracket else ())

    @classmethod
    def of_benchmark(cls, name: str, params: Sequence[Sequence[str]]) -> Iterator[Case]:
        """The cases of a benchmark in asv's results, in the order of its values."""
        scenario, _ = split(name)
        return (cls(scenario, arguments) for arguments in itertools.product(*params))

    @property
    def title(self) -> str:
        return self.scenario + self.argument_list

    @property
    def argument_list(self) -> str:
        """The suffix of a benchmark's name in asv's tables and regular expressions."""
        return f"({', '.join(self.arguments)})" if self.arguments else ""

    def benchmark(self, metric: str) -> str:
        """The name that asv matches with `--bench`, such as "social.Feed.track_calls(10)"."""
        return f"{self.scenario}.{metric}{self.argument_list}"


def written(value: object) -> str:
    """A parameter's value as asv writes it: its `repr` without an address in memory."""
    return _ADDRESS.sub(r"\1\2", repr(value))


def split(benchmark: str) -> tuple[str, str]:
    """Scenario and metric of a benchmark's name, such as "social.HomeFeed.track_calls"."""
    scenario, _, metric = benchmark.rpartition(".")
    return scenario, metric


def _arguments(text: str) -> list[str]:
    try:
        call = ast.parse(f"f({text})", mode="eval").body
    except SyntaxError:  # not a literal, such as <class 'int'>
        return text.split(", ")
    assert isinstance(call, ast.Call)
    return [ast.get_source_segment(f"f({text})", each) or "" for each in call.args]


def choose(asked: str, cases: Sequence[Case]) -> list[Case]:
    """The cases that a name or a regular expression selects.

    `asked` is a title, a scenario with or without its module, one of its benchmarks, or else a
    regular expression to search titles for. Raises `LookupError`, with similar names, if it selects
    no case.
    """
    wanted = Case.parse(asked)
    is_name = "(" not in asked or asked.endswith(")")
    names = {wanted.scenario, split(wanted.scenario)[0]} - {""} if is_name else set()
    found = [
        case
        for case in cases
        if not names.isdisjoint({case.scenario, case.scenario.rpartition(".")[2]})
        and wanted.arguments in ((), case.arguments)
    ]
    if found:
        return found
    try:
        found = [case for case in cases if re.search(asked, case.title)]
    except re.error as error:
        raise LookupError(f"{asked} is no scenario and no regular expression: {error}") from None
    if not found:
        known = list(dict.fromkeys(case.scenario for case in cases))
        short = {name.rpartition(".")[2]: name for name in known}
        close = difflib.get_close_matches(wanted.scenario, known, n=3, cutoff=0.6)
        close += [short[n] for n in difflib.get_close_matches(wanted.scenario, short, n=3)]
        like = [*dict.fromkeys(close)]
        if not known:
            raise LookupError(f"there is no scenario {asked}, nor any other: write one")
        if like:
            raise LookupError(f"there is no scenario {asked}; like it: {', '.join(like)}")
        more = f" and {len(known) - MOST} more" if len(known) > MOST else ""
        raise LookupError(
            f"there is no scenario {asked}; there are {', '.join(known[:MOST])}{more}"
        )
    return found
