"""The repeatability of counts: one commit, measured several times and compared.

    python -m maintenance.repeatability --runs 10 --load

Exit codes: 0 if every count repeats within what its metric allows, 1 if one does not, 2 if nothing
was measured.
"""

import argparse
import contextlib
import math
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from asv.commands.run import Run
from asv.config import Config
from asv.results import iter_results
from asv.util import UserError
from sqlalchemy_asv.asv_ext import commands, history
from sqlalchemy_asv.case import Case
from sqlalchemy_asv.environments import environment

ALLOWED = {
    "track_statements": 0.0,
    "track_rows": 0.0,
    "track_calls": 0.0,
    "track_allocated": 0.01,
    "track_instructions": 0.001,
    "track_instructions_driver": 0.002,
}
"""The share by which the largest count may exceed the smallest, by metric."""

Key = tuple[str, str]
"""A benchmark's name and one combination of its parameters."""


def spin() -> None:
    while True:
        pass


@contextlib.contextmanager
def load(wanted: bool) -> Iterator[None]:
    """Keep all cores but one busy while the block runs, if that is wanted."""
    others = (os.cpu_count() or 2) - 1 if wanted else 0
    spinning = [multiprocessing.Process(target=spin, daemon=True) for _ in range(others)]
    for process in spinning:
        process.start()
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.join()


def measure(commit: str, bench: list[str]) -> dict[Key, float]:
    """Every count of one run of asv, whose results are thrown away afterwards."""
    conf = Config.load()
    history.commit_hash(conf, commit)
    with tempfile.TemporaryDirectory() as folder:
        conf.results_dir = folder
        Run.run(conf, range_spec=f"{commit}^!", bench=bench)
        counts: dict[Key, float] = {}
        for found in iter_results(folder):
            for name in found.get_all_result_keys():
                params = found.get_result_params(name)
                values: list[Any] = found.get_result_value(name, params)
                for case, value in zip(Case.of_benchmark(name, params), values, strict=True):
                    if value is not None and not math.isnan(value):
                        counts[name, case.argument_list] = value
    return counts


def spreads(runs: list[dict[Key, float]]) -> dict[Key, float]:
    """The share by which the largest count exceeds the smallest; infinite if a run lacks it."""
    found = {}
    for key in {key for run in runs for key in run}:
        values = [run[key] for run in runs if key in run]
        low, high = min(values), max(values)
        if len(values) < len(runs):
            found[key] = math.inf
        else:
            found[key] = 0.0 if low == high else high / low - 1 if low else math.inf
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m maintenance.repeatability", description=__doc__
    )
    parser.add_argument("commit", nargs="?", default="HEAD")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--load", action="store_true", help="keep all other cores busy meanwhile")
    parser.add_argument(
        "--bench",
        action="append",
        help="which benchmarks, as in asv (default: all counts but instructions)",
    )
    options = parser.parse_args(arguments)
    bench = options.bench or ["track_(statements|rows|calls|allocated)"]
    assert environment  # asv finds it among the subclasses of its own
    commands.apply()
    commands.select(bench)
    try:
        with load(options.load):
            runs = [measure(options.commit, bench) for _ in range(max(2, options.runs))]
    except UserError as error:
        print(f"sqlalchemy-asv: {error}", file=sys.stderr)
        return 2
    found = spreads(runs)
    if not found:
        print(f"sqlalchemy-asv: nothing was measured for {' '.join(bench)}", file=sys.stderr)
        return 2
    lines, beyond = summary(found, len(runs))
    print("\n".join(lines))
    return 1 if beyond else 0


def summary(found: dict[Key, float], runs: int) -> tuple[list[str], int]:
    """A line for each metric and for each count beyond its limit, and the number of those."""
    lines = []
    failed = 0
    for metric, allowed in ALLOWED.items():
        of_metric = {key: s for key, s in found.items() if key[0].endswith(metric)}
        if not of_metric:
            continue
        worst = max(of_metric, key=lambda key: of_metric[key])
        beyond = [key for key, spread in sorted(of_metric.items()) if spread > allowed]
        failed += len(beyond)
        lines.append(
            f"{metric}: {len(of_metric)} counts in {runs} runs, {len(beyond)} beyond {allowed:.1%};"
            f" largest spread {of_metric[worst]:.3%} ({' '.join(worst)})"
        )
        lines += [f"  {' '.join(key).strip()} {of_metric[key]:.3%}" for key in beyond]
    return lines, failed


if __name__ == "__main__":
    sys.exit(main())
