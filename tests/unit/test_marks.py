"""Which times `asv compare` and `asv continuous` mark."""

from typing import Any

import asv.commands.compare
import pytest
from asv.commands.compare import Compare
from asv_runner.statistics import compute_stats
from sqlalchemy_asv.asv_ext import marks

UNITS = {"social.Feed.time_wall": "seconds", "social.Feed.track_calls": "calls"}


def results(seconds: float, calls: float | None) -> list[tuple[Any, ...]]:
    """Results of a case, as asv's table takes them."""
    samples = [seconds * (1 + n / 1000) for n in range(20)]
    value, stats = compute_stats(samples, 1)
    found: list[tuple[Any, ...]] = [
        ("social.Feed.time_wall", [], [value], [stats], [samples], "1", "here", "py")
    ]
    if calls is not None:
        found.append(("social.Feed.track_calls", [], [calls], None, None, "1", "here", "py"))
    return found


@pytest.fixture
def print_table(monkeypatch: pytest.MonkeyPatch) -> Any:
    plain = Compare.print_table
    benchmarks = {name: {"unit": unit} for name, unit in UNITS.items()}
    for module in (marks, asv.commands.compare):
        fake = type("Benchmarks", (), {"load": staticmethod(lambda conf: benchmarks)})
        monkeypatch.setattr(module, "Benchmarks", fake)
    monkeypatch.setattr(marks, "_results", lambda *_: iter(()))
    return marks._print_table(plain)


@pytest.mark.parametrize(
    ("base", "head", "time_mark", "worsened"),
    [
        # The time alone moved, by chance or not: samples of one process do not tell.
        ((1.0, 100), (1.5, 100), "", False),
        ((1.5, 100), (1.0, 100), "", False),
        ((1.0, None), (1.5, None), "", False),
        # Counts moved the same way.
        ((1.0, 100), (1.5, 101), "+", True),
        ((1.5, 101), (1.0, 100), "-", False),
        # Counts moved the other way, and by less than layouts of memory do.
        ((1.0, 100), (1.5, 99), "", False),
        ((1.0, 100_000), (1.5, 100_010), "", False),
        # No process is three times as slow by accident.
        ((1.0, 100), (3.0, 100), "+", True),
        ((3.0, 100), (1.0, 100), "-", False),
    ],
)
def test_counts_decide_which_times_are_marked(
    print_table: Any,
    capsys: pytest.CaptureFixture[str],
    base: tuple[float, float | None],
    head: tuple[float, float | None],
    time_mark: str,
    worsened: bool,
) -> None:
    better = asv.commands.compare._is_result_better
    found = print_table(
        None,
        "1" * 40,
        "2" * 40,
        factor=1.1,
        split=False,
        resultset_1=iter(results(*base)),
        resultset_2=iter(results(*head)),
        commit_names={},
    )
    said = capsys.readouterr().out
    (row,) = [line for line in said.splitlines() if "time_wall" in line]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[0] == time_mark
    assert cells[3].startswith("~") == (time_mark == "")
    assert ("sqlalchemy-asv compare 11111111 22222222 --time all" in said) == (time_mark == "")
    assert bool(found[0]) == worsened
    assert asv.commands.compare._is_result_better is better


def test_other_benchmarks_keep_the_rule_of_asv(
    print_table: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = [[each for each in results(1.0, calls) if "calls" in each[0]] for calls in (100, 150)]
    print_table(
        None, "1" * 40, "2" * 40, 1.1, False, resultset_1=sets[0], resultset_2=sets[1],
        commit_names={},
    )  # fmt: skip
    said = capsys.readouterr().out
    assert "+" in next(line for line in said.splitlines() if "track_calls" in line)
    assert "--time all" not in said


def test_a_negative_number_is_not_better_than_itself(
    print_table: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    row: tuple[Any, ...] = ("social.Feed.track_calls", [], [-2000], None, None, "1", "here", "py")
    given: dict[str, Any] = {"factor": 1.1, "split": False, "commit_names": {}}
    sets: dict[str, Any] = {"resultset_1": iter([row]), "resultset_2": iter([row])}
    print_table(None, "1" * 40, "2" * 40, **given, **sets)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "track_calls" in line]
    assert line.split("|")[1].strip() == ""


def test_a_time_that_failed_keeps_its_rows() -> None:
    failed = ("social.Feed.time_wall", [["1", "2"]], None, None, None, "1", "here", "py")
    assert marks.with_counts([failed], [], UNITS) == [failed]


def test_counts_of_another_environment_vouch_for_nothing() -> None:
    time, calls = results(1.0, 100)
    elsewhere = (*calls[:-1], "postgresql")
    for counted, known in ((calls, {"calls": 100}), (elsewhere, {})):
        (_, _, _, (stats,), *_), _ = marks.with_counts([time, counted], [], UNITS)
        assert stats[marks.VOUCHED] == known
