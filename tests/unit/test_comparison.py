"""Verdicts of counts and of intervals, the output of the command, and the causes that it names."""

import contextlib
import json
import math
import random
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asv.config import Config
from asv.util import UserError
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy_asv.compare import bisect, causes, model, output, paired, running
from sqlalchemy_asv.compare.model import Change, Compared, Comparison
from sqlalchemy_asv.compare.paired import Estimate

from maintenance import calibration

ROOT = Path(__file__).parents[2]

# --- intervals ------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    ratios=st.lists(st.floats(0.5, 2), min_size=2, max_size=20),
    error=st.floats(1e-5, 0.1),
    factor=st.floats(0.5, 2),
)
def test_an_interval_holds_the_mean_and_scales(
    ratios: list[float], error: float, factor: float
) -> None:
    mean, low, high = paired.interval(ratios, error)
    assert low <= mean * (1 + 1e-9)
    assert mean <= high * (1 + 1e-9)
    scaled = paired.interval([ratio * factor for ratio in ratios], error)
    assert scaled == pytest.approx([factor * each for each in (mean, low, high)], rel=1e-6)
    wider = paired.interval(ratios, error / 10)
    assert wider[2] - wider[1] >= (high - low) * (1 - 1e-9)


def test_an_interval_misses_as_often_as_it_says() -> None:
    noise = random.Random(1)
    missed = 0
    for _ in range(2000):
        ratios = [1.1 * math.exp(noise.gauss(0, 0.02)) for _ in range(8)]
        _, low, high = paired.interval(ratios, 0.05)
        missed += not low <= 1.1 <= high
    assert missed / 2000 == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.011, 1.2, "worse"),
        (0.8, 0.98, "better"),
        (0.99, 1.02, "same"),
        (1.005, 1.2, "undecided"),
        (0.9, 1.1, "undecided"),
        (0.9, 0.995, "undecided"),
    ],
)
def test_the_outcome_of_time_takes_the_whole_interval(
    low: float, high: float, verdict: str
) -> None:
    assert estimate(low, high).outcome(0.01) == verdict
    assert bool(estimate(low, high).undecided(0.01)) == (verdict == "undecided")


def test_a_stated_threshold_makes_times_within_it_the_same() -> None:
    assert estimate(1.04, 1.06).outcome(0.10) == "same"
    spent = Estimate(1.05, 0.9, 1.2, paired.LOOKS[-1], 60.0, 0.001, 0.001)
    assert "no more pairs are made" in spent.undecided(0.01)


@pytest.mark.parametrize("pairs", [1, 2, 5])
def test_few_pairs_decide_nothing_and_say_how_many_seconds_would(pairs: int) -> None:
    found = Estimate(1.5, 1.4, 1.6, pairs, 40.0, 0.001, 0.001)
    assert found.outcome(0.01) == "undecided"
    said = re.search(r"--seconds (\d+)", found.undecided(0.01))
    assert said
    assert int(said[1]) >= 40 / pairs * paired.LOOKS[0]


def estimate(low: float, high: float) -> Estimate:
    return Estimate((low * high) ** 0.5, low, high, 8, 20.0, 0.001, 0.001)


def fake_pairs(monkeypatch: pytest.MonkeyPatch, true: float, spread: float) -> None:
    noise = random.Random(0)
    monkeypatch.setattr(paired, "started", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(paired, "pair", lambda *_: (1.0, true * math.exp(noise.gauss(0, spread))))


@pytest.mark.parametrize(("true", "verdict"), [(1.05, "worse"), (1.0, "same")])
def test_pairs_follow_until_the_verdict_is_clear(
    monkeypatch: pytest.MonkeyPatch, true: float, verdict: str
) -> None:
    fake_pairs(monkeypatch, true, 0.01)
    found = compare_pairs(60)
    assert found.outcome(0.01) == verdict
    assert found.pairs in paired.LOOKS[:5]


def test_without_time_it_is_undecided_not_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_pairs(monkeypatch, 1.05, 0.2)
    found = compare_pairs(1e-9)
    # The pairs that a verdict needs would not fit, and so there is no second one.
    assert (found.pairs, found.outcome(0.01)) == (1, "undecided")
    assert "6 pairs are needed" in found.undecided(0.01)
    assert compare_pairs(60).pairs == paired.LOOKS[-1]


def test_one_pair_of_processes_serves_all_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = random.Random(0)
    true = {"same": 1.0, "slower": 1.05, "faster": 0.9, "noisy": 1.0}
    served: list[list[str]] = []

    def started(*_: Any) -> Any:
        served.append([])
        return contextlib.nullcontext()

    def pair(_: Any, title: str) -> tuple[float, float]:
        served[-1].append(title)
        return 1.0, true[title] * math.exp(noise.gauss(0, 0.1 if title == "noisy" else 0.005))

    monkeypatch.setattr(paired, "started", started)
    monkeypatch.setattr(paired, "pair", pair)
    none: Any = None
    said: list[tuple[Any, ...]] = []
    found = paired.compare(
        none,
        none,
        list(true),
        decided=paired.clear(dict.fromkeys(true, 0.01)),
        scenarios=len(true),
        seconds=60,
        progress=lambda *each: said.append(each),
    )
    verdicts = {title: each.outcome(0.01) for title, each in found.items()}
    assert verdicts == {
        "same": "same",
        "slower": "worse",
        "faster": "better",
        "noisy": "undecided",
    }
    assert len(served) == found["noisy"].pairs == paired.LOOKS[-1]
    for title, each in found.items():
        assert sum(title in titles for titles in served) == each.pairs
    assert said[-1][:3] == (3, 4, "noisy")
    assert [each[0] for each in said] == sorted(each[0] for each in said)


def compare_pairs(seconds: float) -> Estimate:
    none: Any = None
    return paired.compare(
        none,
        none,
        ["title"],
        decided=paired.clear({"title": 0.01}),
        scenarios=10,
        seconds=seconds,
    )["title"]


# --- counts ---------------------------------------------------------------------------------------

COUNTS = {
    "statements": 3,
    "rows": 20,
    "calls": 1000,
    "instructions": 1_000_000,
    "allocated": 100_000,
    "sql": [["SELECT 1", 3]],
    "full scans": 0,
    "database steps": 10_000,
    "scans": [],
    "plans": {},
    "lazily": {},
    "compiled": 0,
    "cache_entries": 0,
    "uncached": [],
    "retained": 0,
    "cycles": 2,
    "types": [],
}


def judged(base: dict[str, Any] = COUNTS, **head: Any) -> Compared:
    conf = Config.load(str(ROOT / "asv.conf.json"))
    sides = [
        {"titles": ["a.B"], "counts": {"a.B": counts}, "fingerprints": {"a.B": "1"}, "failed": {}}
        for counts in (base, base | head)
    ]
    (compared,) = model.both(conf, *sides)
    return compared


@pytest.mark.parametrize(
    ("head", "verdict", "differs"),
    [
        ({}, "unchanged", False),
        ({"statements": 4}, "worse: database worse", True),
        ({"rows": 19}, "better: database better", True),
        ({"statements": 4, "rows": 19}, "worse: database worse", True),
        ({"statements": 2, "rows": 25}, "trade-off: database mixed", True),
        ({"calls": 1001}, "unchanged", False),
        ({"calls": 1003}, "worse: processor worse", True),
        ({"instructions": 1_001_900}, "unchanged", False),
        ({"instructions": 1_005_000}, "worse: processor worse", True),
        ({"allocated": 100_900}, "unchanged", False),
        ({"allocated": 110_000}, "worse: memory worse", True),
        (
            {"statements": 2, "allocated": 110_000},
            "trade-off: database better; memory worse",
            True,
        ),
        ({"statements": 2, "calls": 1100}, "trade-off: database better; processor worse", True),
        ({"scans": [["posts", 5000]], "full scans": 1}, "worse: database worse", True),
        ({"scans": [["kinds", 100]]}, "unchanged", True),
        ({"database steps": 12_000}, "worse: database worse", True),
        ({"database steps": 10_400}, "unchanged", False),
        ({"plans": {"SELECT 1": ["SCAN"]}}, "unchanged", True),
        ({"lazily": {"Post.author": 2}}, "unchanged", True),
        ({"sql": [["SELECT 2", 3]]}, "unchanged", True),
        ({"compiled": 1}, "worse: database worse", True),
        ({"cache_entries": 5, "statements": 2}, "trade-off: database mixed", True),
        (
            {"retained": 5, "types": [["User", 5]], "calls": 900},
            "trade-off: processor better; memory worse",
            True,
        ),
        ({"cycles": 0}, "better: memory better", True),
        ({"cycles": 9, "calls": 900}, "trade-off: processor better; memory worse", True),
        ({"cycles": 9, "statements": 2}, "better: database better", True),
    ],
)
def test_what_counts_say(head: dict[str, Any], verdict: str, differs: bool) -> None:
    found = judged(**head)
    assert (found.verdict, found.differs) == (verdict, differs)


@pytest.mark.parametrize("low", [0.5, 0.8, 0.9, 0.99, 1.1])
@pytest.mark.parametrize(
    ("head", "dimension"),
    [
        # 1 -> 20 statements that SQLite answers quickly; `yield_per` removed.
        ({"statements": 20}, "database"),
        ({"scans": [["posts", 5000]], "full scans": 1}, "database"),
        ({"allocated": 250_000}, "memory"),
        ({"retained": 8, "types": [["User", 8]]}, "memory"),
        ({"compiled": 1}, "database"),
        ({"calls": 1100}, "processor"),
    ],
)
def test_no_time_hides_a_count(head: dict[str, Any], dimension: str, low: float) -> None:
    found = judged(**head)
    found.time, found.time_threshold = estimate(low, low * 1.01), 0.01
    assert found.outcomes[dimension] == "worse"
    assert found.word == ("trade-off" if low < 0.95 else "worse")
    assert Comparison("1", "2", ("a", "b"), "sqlite", [found], []).exit_code == 1


@pytest.mark.parametrize(
    ("base", "head", "outcome"),
    [(0, -3, "better"), (-2, 3, "worse"), (-3, -1, "worse"), (5, 0, "better"), (0, 1, "worse")],
)
def test_repetitions_may_free_more_than_they_leave(base: int, head: int, outcome: str) -> None:
    found = judged(COUNTS | {"retained": base}, retained=head)
    assert found.outcomes["memory"] == outcome


def test_a_count_of_another_dimension_proves_nothing() -> None:
    conf = Config.load(str(ROOT / "asv.conf.json"))
    found = judged(statements=4, instructions=1_003_000, allocated=101_200)
    assert set(model.doubtful(conf, found)) == {"instructions", "allocated"}
    found = judged(calls=1500, instructions=1_003_000)
    assert model.doubtful(conf, found) == []


def test_an_operation_that_base_lacks_does_not_fail_as_one_that_worked() -> None:
    sides = [
        {"titles": ["a.B"], "counts": {"a.B": "lacks Foo"}, "fingerprints": {}, "failed": {}},
        {"titles": ["a.B"], "counts": {}, "fingerprints": {}, "failed": {"a.B": "KeyError: 1"}},
    ]
    (found,) = model.both(Config.load(str(ROOT / "asv.conf.json")), *sides)
    assert (found.fixed, found.note) == ("failed", "base: lacks Foo; failed at head: KeyError: 1")


def test_plans_in_another_order_and_scans_that_are_left() -> None:
    base = {"scans": [["users", 900]] * 2, "plans": {"S": ["SCAN a", "SEARCH b"]}}
    head = {"scans": [["users", 900]], "plans": {"S": ["SEARCH b", "SCAN a"]}}
    assert list(causes.of_plans(base, head)) == [
        "users (900 rows): read whole by 1 statement, not 2",
        "another plan: SCAN a; SEARCH b → SEARCH b; SCAN a for S",
    ]


def test_the_exit_code_in_json_is_that_of_the_command() -> None:
    whole = Comparison("1" * 40, "2" * 40, ("a", "b"), "sqlite", [judged(statements=4)], [])
    whole.fail_on = ("memory",)
    assert json.loads(output.as_json(whole))["exit_code"] == whole.exit_code == 0


def test_a_literal_for_a_parameter_is_undecided_where_no_argument_varies() -> None:
    base = COUNTS | {"sql": [["SELECT a FROM b WHERE a LIKE ?", 1]]}
    head = {"sql": [["SELECT a FROM b WHERE a LIKE '%x%'", 1]]}
    for varied, word in ((False, "undecided"), (True, "unchanged")):
        found = judged(base, **head, varied=varied)
        found.time, found.time_threshold = estimate(0.99, 1.005), 0.01
        assert found.word == word
        said = [each for each in found.reasons if "cache was not tried" in each]
        assert bool(said) == (not varied)


@pytest.mark.parametrize(
    ("base", "head", "fingerprint", "verdict"),
    [
        ("this commit has no such operation", COUNTS, "1", "only at head"),
        (COUNTS, "this commit has no such operation", "1", "only at base"),
        (COUNTS, None, "1", "failed at head"),
        (None, COUNTS, "1", "failed at base"),
        (None, None, "1", "failed"),
        (COUNTS, COUNTS, "2", "not comparable"),
        ("nothing", "nothing", "1", None),
    ],
)
def test_what_cannot_be_compared_is_said(
    base: Any, head: Any, fingerprint: str, verdict: str | None
) -> None:
    sides = [
        {
            "titles": ["a.B"],
            "counts": {} if counts is None else {"a.B": counts},
            "fingerprints": {"a.B": fingerprint},
            "failed": {} if counts is not None else {"a.B": "ValueError: no"},
        }
        for counts, fingerprint in ((base, "1"), (head, fingerprint))
    ]
    found = list(model.both(Config.load(str(ROOT / "asv.conf.json")), *sides))
    assert [each.verdict for each in found] == ([verdict] if verdict else [])
    assert all(each.note for each in found)
    if base == head == "nothing":
        assert model.left_out(*sides) == {"nothing": 1}
    if verdict and verdict.startswith("failed"):
        where = "failed at both" if verdict == "failed" else verdict
        assert found[0].note == f"{where}: ValueError: no"
        whole = Comparison("1" * 40, "2" * 40, ("a", "b"), "sqlite", found, [])
        for form in (output.text, output.markdown, output.page):
            assert "ValueError: no" in form(whole)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([judged()], 0),
        ([judged(statements=4), judged()], 1),
        ([judged(statements=2)], 0),
        ([judged(statements=2, calls=1100)], 1),
        ([Compared("a.B", growth="worse")], 1),
        ([Compared("a.B", fixed="failed"), judged()], 2),
        ([Compared("a.B", fixed="failed"), judged(statements=4)], 1),
        ([Compared("a.B", fixed="failed at head"), judged(statements=4)], 3),
        ([Compared("a.B", fixed="failed at base"), judged()], 0),
        ([Compared("a.B", fixed="failed at base")], 2),
        ([Compared("a.B", fixed="not comparable")], 2),
        ([Compared("a.B", fixed="not comparable"), judged()], 0),
        ([Compared("a.B", fixed="not comparable"), Compared("a.C", fixed="only at head")], 2),
        ([Compared("a.C", fixed="only at head")], 0),
        ([], 2),
    ],
)
def test_exit_codes(found: list[Compared], code: int) -> None:
    assert Comparison("1" * 40, "2" * 40, ("a", "b"), "sqlite", found, []).exit_code == code


# --- causes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (
            "instructions",
            [
                "+360 bytecode instructions: b",
                "+2 calls of a built-in function: len",
                "+9,000 machine instructions: g",
            ],
        ),
        ("allocated", ["+40 bytes at the peak: line"]),
        ("retained", ["+70 bytes left behind: kept"]),
        ("retained_bytes", ["+70 bytes left behind: kept"]),
    ],
)
def test_without_more_calls_the_cause_is_within_a_function(metric: str, said: list[str]) -> None:
    places = {"own calls": {"a": 1}, "calls": {"f": 2}, "built-in calls": {}}
    before = places | {
        "bytecodes": {"a": 7, "b": 9},
        "symbols": {"g": 10},
        "allocations": {"line": 2},
        "left": {"kept": 30},
    }
    after = before | {
        "built-in calls": {"len": 2},
        "bytecodes": {"a": 7, "b": 369},
        "symbols": {"g": 9_010},
        "allocations": {"line": 42},
        "left": {"kept": 100},
    }
    compared = Compared("a.B", changes=[Change(metric, 100_000, 101_000, 0.004)])
    assert list(causes.of_places(compared, before, after)) == said
    if metric == "instructions":
        # More calls explain more instructions. Those of the application come first; SQLAlchemy's
        # are named only where nothing else explains them.
        after["calls"] = {"f": 5}
        assert list(causes.of_places(compared, before, after)) == ["+3 calls: f"]
        compared.causes = ["statement new"]
        assert "+3 calls: f" not in causes.of_places(compared, before, after)
        get = "sqlalchemy/orm/session.py get, from app/o.py f"
        private = "sqlalchemy/orm/state.py _cleanup, from app/o.py f"
        after["own calls"] = {"a": 1, "app/o.py f, from app/o.py g": 9, get: 4, private: 5}
        assert list(causes.of_places(compared, before, after)) == [
            "+9 calls: app/o.py f, from app/o.py g",
            f"+4 calls: {get}",
        ]


def test_a_line_that_takes_most_of_the_added_time_is_named() -> None:
    base = {"lines": {"app/o.py `a()`": 2_000_000, "app/o.py `if n in seen:`": 1_000_000}}
    head = {"lines": {"app/o.py `a()`": 2_100_000, "app/o.py `if n in seen:`": 9_000_000}}
    ((place, said),) = causes.slower_lines(base, head)
    assert (place, said) == ("app/o.py `if n in seen:`", "takes 9.0 ms, not 1.0,")
    # Noise of times is no cause.
    assert (
        causes.slower_lines(base, {"lines": {**base["lines"], "app/o.py `a()`": 3_000_000}}) == []
    )
    assert causes.slower_lines(head, base) == []


# --- what is printed ------------------------------------------------------------------------------


def test_nothing_quoted_becomes_markup() -> None:
    found = judged(statements=4, sql=[["SELECT 1", 3], ["SELECT `<script>` /* ``` */", 1]])
    found.causes = list(causes.of_statements(*found.counts))
    found.time, found.time_threshold = estimate(0.99, 1.02), 0.01
    whole = Comparison("1" * 40, "2" * 40, ("a", "b"), "sqlite", [found, judged()], [])
    assert "1 worse, 1 unchanged" in output.text(whole)
    assert "statement new, sent once: SELECT `<script>`" in output.text(whole)
    page = output.page(whole)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == 1
    assert "http" not in page.replace("http://www.w3.org", "").replace(
        "http://creativecommons.org", ""
    ).replace("http://purl.org", "").replace("https://matplotlib.org", "")
    found.causes.append("`<b>` @somebody | other")
    hostile = "</title><script>|@somebody#1[x](y)"
    whole.names = ("a", hostile)
    whole.remarks.append(hostile)
    found.title = f"a.B('{hostile}')"
    assert "<script" not in output.page(whole)
    said = output.markdown(whole)
    assert "<code>statement new, sent once: SELECT `&lt;script&gt;`" in said
    assert "`` '<b>' @somebody | other ``" in said
    # Outside code, nothing is markup, no table gets a column, and nobody is mentioned.
    outside = re.sub(r"``.*?``|<code>.*?</code>", "", said)
    assert "@somebody" not in outside
    assert "#1" not in outside
    assert not re.search(r"(?<!\\)<(?!/?(details|summary|p)>)", outside)
    (row,) = (line for line in said.splitlines() if line.startswith("| worse"))
    assert len(re.split(r"(?<!\\)\|", row)) == len(output.columns(whole)[0]) + 2
    parsed = json.loads(output.as_json(whole))
    assert parsed["exit_code"] == 1
    assert [each["word"] for each in parsed["compared"]] == ["worse", "unchanged"]
    assert parsed["compared"][0]["outcomes"]["time"] == "same"


# --- bisecting ------------------------------------------------------------------------------------


class FakeCheckout:
    """Commits are numbers as text; from one on, an operation calls more."""

    def __init__(self, culprit: int, broken: set[int]) -> None:
        self.culprit, self.broken = culprit, broken
        self.commit = ""

    def named(self, commit: str) -> str:
        return commit

    def install(self, commit: str) -> None:
        if int(commit) in self.broken:
            raise UserError(f"{commit} could not be installed")
        self.commit = commit

    def result(self, function: str, **options: Any) -> Any:
        return {"counts": {"a.B": {"calls": 20 + 5 * (int(self.commit) >= self.culprit)}}}


def halve(
    monkeypatch: pytest.MonkeyPatch, culprit: int, broken: set[int], turn: int = 0
) -> bisect.Found:
    ends = Compared("a.B", ({"calls": 20}, {"calls": 25}), [Change("calls", 20, 25, 0)])
    monkeypatch.setattr(bisect, "ends_of", lambda *_: ends)
    fake: Any = FakeCheckout(culprit, broken)
    return bisect.find(fake, fake, "a.B", [str(n) for n in range(65)], turn=turn)


@settings(max_examples=30)
@given(culprit=st.integers(1, 64))
def test_one_among_64_in_seven_measurements(culprit: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = halve(monkeypatch, culprit, set())
    assert found.suspects == [str(culprit)]
    assert found.measurements <= 7
    assert (found.metric, found.good, found.bad) == ("calls", 20, 25)


@pytest.mark.parametrize(("culprit", "turn", "suspect"), [(3, 5, "2"), (5, 5, "4"), (6, 5, "6")])
def test_on_the_way_back_the_later_of_two_stands_first(
    monkeypatch: pytest.MonkeyPatch, culprit: int, turn: int, suspect: str
) -> None:
    assert halve(monkeypatch, culprit, set(), turn).suspects == [suspect]


@settings(max_examples=30)
@given(culprit=st.integers(1, 64), broken=st.sets(st.integers(1, 63), max_size=20))
def test_commits_that_cannot_be_measured_are_passed_over(culprit: int, broken: set[int]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = halve(monkeypatch, culprit, broken)
    assert str(culprit) in found.suspects
    assert all(int(commit) in broken for commit in found.suspects[:-1])


# --- calibration ----------------------------------------------------------------------------------


def test_identical_code_is_compared_crosswise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = iter([1000, 1000, 1000, 1100])
    monkeypatch.setattr(
        running,
        "counted",
        lambda *_, **__: {
            "titles": ["a.B('c')"],
            "counts": {"a.B('c')": COUNTS | {"calls": next(calls)}},
            "fingerprints": {"a.B('c')": "1"},
            "failed": {},
        },
    )
    side: Any = SimpleNamespace(conf=Config.load(str(ROOT / "asv.conf.json")))
    options: Any = SimpleNamespace(comparisons=4, scenario=None, no_instructions=True)
    wrong, number, _ = calibration.by_counts(side, side, ("1", "2"), options)
    # The last count of head, with both of base.
    assert (wrong, number) == (["a.B('c'): worse: processor worse"] * 2, 4)
    said = capsys.readouterr().out
    assert "track_calls: 1 counts in 4 runs, 1 beyond 0.0%; largest spread 10.000%" in said
    assert "(a.B.track_calls ('c'))" in said


def test_so_many_comparisons_in_lists_without_repeats() -> None:
    assert list(calibration.batched(["a", "b", "c"], 5)) == [["a", "b", "c"], ["a", "b"]]
    assert list(calibration.batched(["a", "b", "c"], 3)) == [["a", "b", "c"]]
