"""The marks of `asv compare` and `asv continuous`.

On an empty commit and an idle machine, `asv continuous` marked 10 of 30 times as changed, by up to
1.85 times: samples of one process say nothing of the next process. So a time is marked if exact
counts of the same case moved the same way, or if it changed by more than `CERTAIN` times. Otherwise
asv shows the ratio with a `~`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import asv.commands.compare
from asv.benchmarks import Benchmarks
from asv.commands.compare import Compare
from asv.results import iter_results_for_machine_and_hash

CERTAIN = 2
"""The ratio of times beyond which no process is as much slower than another by accident."""
COUNTS = ("statements", "rows", "round_trips", "compiled", "calls", "instructions")
"""The counts that vouch for a time."""
NOISE = {"calls": 0.001, "instructions": 0.003}
"""The share by which layouts of memory move a count."""
VOUCHED = "sqlalchemy-asv"
"""The key of asv's statistics under which a time carries the counts of its case."""
NOT_MARKED = (
    "~ marks times that differ while no recorded count of the same case moved the same way.\n"
    "Samples of one process do not tell that from chance:"
    " `sqlalchemy-asv compare {} {} --time all` times them in pairs."
)

Row = tuple[Any, ...]
"""A benchmark's results: its name, parameters, values, statistics, samples, version, machine, and
environment."""


class NoStatistics(dict[str, Any]):
    """Statistics that asv takes for none, and that carry counts all the same."""

    def __bool__(self) -> bool:
        return False


def apply() -> None:
    """Change how asv marks times in this process."""
    Compare.print_table = staticmethod(_print_table(Compare.print_table))


def _print_table(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Let counts decide which times are marked; asv's own rule holds for all other benchmarks."""

    @functools.wraps(plain)
    def print_table(
        conf: Any,
        hash_1: str,
        hash_2: str,
        *args: Any,
        resultset_1: Any = None,
        resultset_2: Any = None,
        **given: Any,
    ) -> Any:
        units = {name: each.get("unit") for name, each in Benchmarks.load(conf).items()}
        machine, environments = given.get("machine"), given.get("env_names")
        sets: list[list[Row]] = []
        stored: list[list[Row]] = []
        for results, commit in ((resultset_1, hash_1), (resultset_2, hash_2)):
            if results is None:
                sets.append(list(_results(conf, machine, commit, environments)))
                stored.append(sets[-1])
            else:
                # A run with `--bench time_wall` has times alone; counts may have been recorded
                # before.
                sets.append(list(results))
                machines = {row[6] for row in sets[-1]}
                stored.append([row for name in machines for row in _results(conf, name, commit)])
        withheld = []
        better = asv.commands.compare._is_result_better

        def is_better(a: Any, b: Any, a_ss: Any, b_ss: Any, factor: float, **how: Any) -> bool:
            # By asv's rule, a negative number such as SQLite's cache_size is better than itself.
            found = a < b and bool(better(a, b, a_ss, b_ss, factor, **how))
            carried = [ss[0] for ss in (a_ss, b_ss) if ss and ss[0] is not None]
            counts = [each[VOUCHED] for each in carried if VOUCHED in each]
            if not found or len(counts) < 2 or a * CERTAIN < b or moved(*counts):
                return found
            withheld.append(1)
            return False

        asv.commands.compare._is_result_better = is_better
        try:
            found = plain(
                conf,
                hash_1,
                hash_2,
                *args,
                resultset_1=iter(with_counts(sets[0], stored[0], units)),
                resultset_2=iter(with_counts(sets[1], stored[1], units)),
                **given,
            )
        finally:
            asv.commands.compare._is_result_better = better
        if withheld:
            print("\n" + NOT_MARKED.format(hash_1[:8], hash_2[:8]))
        return found

    return print_table


def moved(less: dict[str, float], more: dict[str, float]) -> bool:
    """Whether a count of the first side is less than that of the second, beyond its noise."""
    return any(
        less[name] < more[name] * (1 - NOISE.get(name, 0)) for name in less.keys() & more.keys()
    )


def with_counts(results: list[Row], stored: list[Row], units: dict[str, Any]) -> list[Row]:
    """Results in which the statistics of each time carry the counts of its case.

    Counts of another environment, such as that of another database, vouch for nothing.
    """
    counts: dict[tuple[str, str, tuple[str, ...]], dict[str, float]] = {}
    for key, params, values, *_, environment in [*stored, *results]:
        scenario, _, metric = key.rpartition(".")
        name = metric.removeprefix("track_")
        if metric != name and name in COUNTS:
            for case, value in zip(_cases(params), values or (), strict=False):
                if value is not None and value == value:
                    counts.setdefault((environment, scenario, case), {})[name] = value
    found = []
    for key, params, values, stats, *rest in results:
        if units.get(key) == "seconds" and values is not None:
            scenario = key.rpartition(".")[0]
            vouching = [
                {VOUCHED: counts.get((rest[-1], scenario, case), {})} for case in _cases(params)
            ]
            stats = [
                {**each, **more} if each else NoStatistics(more)
                for more, each in zip(vouching, stats or [None] * len(values), strict=False)
            ]
        found.append((key, params, values, stats, *rest))
    return found


def _cases(params: Any) -> list[tuple[str, ...]]:
    return list(itertools.product(*(params or ())))


def _results(conf: Any, machine: Any, commit: str, environments: Any = None) -> Iterator[Row]:
    """The stored results of a commit, as asv's table reads them."""
    for result in iter_results_for_machine_and_hash(conf.results_dir, machine, commit):
        if environments is not None and result.env_name not in environments:
            continue
        for key in result.get_all_result_keys():
            params = result.get_result_params(key)
            yield (
                key,
                params,
                result.get_result_value(key, params),
                result.get_result_stats(key, params),
                result.get_result_samples(key, params),
                result.benchmark_version.get(key),
                result.params["machine"],
                result.env_name,
            )
