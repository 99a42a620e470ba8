"""The growth of counts with the size of their input."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy_asv.budget import Budget
from sqlalchemy_asv.compare import model
from sqlalchemy_asv.growth import Growth, by_size, growth
from sqlalchemy_asv.instruments import Counts
from sqlalchemy_asv.site.budgets import of_growth, shown
from sqlalchemy_asv.site.growth import classes, table
from sqlalchemy_asv.worker import budgets, growing
from sqlalchemy_asv.worker.scenarios import Combination

from ..support.scenarios import named

SIZES = [1, 10, 100, 1000]
LINEAR, CONSTANT, QUADRATIC = Growth(1), Growth(0), Growth(2)

# --- classes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (lambda n: 0, "constant"),
        (lambda n: 7, "constant"),
        (lambda n: 1 + n, "linear"),
        (lambda n: 500 + 12 * n, "linear"),
        (lambda n: 2 + math.ceil(n / 500), "constant"),  # up to the first batch
        (lambda n: 2 + math.ceil(n / 100), "linear"),
        (lambda n: 100 + 3 * n + n * n / 2, "quadratic"),
        (lambda n: 200 + 10 * n * math.log(n + 1), "between linear and quadratic (size^1.2)"),
        (lambda n: 20 + 30 * math.sqrt(n), "between constant and linear (size^0.5)"),
        (lambda n: n**3, "beyond quadratic (size^3.0)"),
        (lambda n: 1000 / n, "None"),
    ],
)
def test_the_class_of_a_count(count: Callable[[float], float], said: str) -> None:
    assert str(growth(SIZES, [count(size) for size in SIZES])) == said


@given(
    st.integers(0, 10_000), st.floats(0.5, 100), st.sampled_from([1, 2]), st.sampled_from([4, 5])
)
def test_a_polynomial_has_its_class_once_it_exceeds_the_start(
    start: int, factor: float, exponent: int, decades: int
) -> None:
    sizes = [10**n for n in range(decades)]
    factor *= 1 + start / sizes[-2] ** exponent
    found = growth(sizes, [round(start + factor * size**exponent) for size in sizes])
    assert found is not None
    assert found.rank == exponent


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=6))
def test_any_counts_have_a_class_or_none(counts: list[int]) -> None:
    found = growth([10**n for n in range(len(counts))], counts)
    assert found is None or not found.exceeds(found)


@pytest.mark.parametrize("sizes", [[], [1, 10], [1, 2, 5]])
def test_few_sizes_tell_nothing(sizes: list[float]) -> None:
    assert growth(sizes, sizes) is None


def test_a_class_exceeds_another_if_the_exponents_are_apart() -> None:
    assert LINEAR.exceeds(CONSTANT)
    assert not CONSTANT.exceeds(LINEAR)
    assert QUADRATIC.exceeds(Growth(1.2))
    assert not Growth(1.15).exceeds(Growth(1.05))  # another class, but by a hair


# --- cases by size --------------------------------------------------------------------------------


def of(name: str) -> list[growing.Sizes]:
    scenario = named(name)
    return growing.of_sizes([Combination(scenario, values) for values in scenario.combinations()])


def test_cases_are_grouped_by_the_parameter_that_is_a_number() -> None:
    found = {group.name: list(group.cases) for group in of("PostsWithComments")}
    assert found == {
        f"query_operations.PostsWithComments('{loading}', posts)": [1, 10, 100]
        for loading in ("lazy", "selectin", "joined", "subquery")
    }
    assert of("HomeFeed") == of("CheckOut") == []


def test_one_decade_more_is_counted_if_it_is_affordable() -> None:
    (rows,) = of("Payments")
    assert {size: each.values for size, each in rows.beyond(calls=10).items()} == {10000: (10000,)}
    assert rows.beyond(calls=growing.AFFORDABLE + 1) == {}
    (scale,) = of("SalesReport")
    assert scale.beyond(calls=10) == {}


def series(count: Callable[[float], float], *, most: float = math.inf) -> growing.Series:
    """The counts of payments: rows up to `most`, and statements by `count`."""
    groups = of("Payments")

    def counts(cases: list[Combination]) -> dict[str, Counts | str]:
        return {
            each.case.title: {
                **dict.fromkeys(growing.GROWING, 1),
                "rows": min(each.values[0], most),
                "statements": count(each.values[0]),
            }
            for each in cases
        }

    made = counts(list(groups[0].cases.values()))
    return growing.series(groups, made, counts)["query_operations.Payments(rows)"]


def test_without_calls_no_decade_is_added() -> None:
    """As on macOS, where calls are not counted."""
    groups = of("Payments")
    made = {each.case.title: {"statements": 1, "rows": 1} for each in groups[0].cases.values()}
    found = growing.series(
        groups, made, lambda cases: {each.case.title: "unasked" for each in cases}
    )
    assert found["query_operations.Payments(rows)"]["statements"][0] == [1, 10, 100, 1000]


def test_the_page_reads_nothing_of_another_version() -> None:
    """A scenario may have lost the parameter since."""
    results: Any = SimpleNamespace(
        get_result_keys=lambda _: [],
        get_all_result_keys=lambda: ["shop.Order.track_rows"],
        get_result_params=lambda _: [["1", "10", "100"]],
        get_result_value=lambda *_: [1, 10, 100],
    )
    assert classes(results, {"shop.Order.track_rows": {"param_names": []}}) == {}


def test_a_decade_more_tells_what_the_sizes_do_not() -> None:
    found = series(lambda n: 1 + n // 1500)
    assert found["statements"] == ([1, 10, 100, 1000, 10000], [1, 1, 1, 1, 7])
    assert str(growth(*found["statements"])) == "linear"


def test_a_size_that_the_dataset_does_not_have_is_left_out() -> None:
    assert series(lambda n: 1, most=1000)["rows"][0] == [1, 10, 100, 1000]


# --- verdicts -------------------------------------------------------------------------------------


def compared(base: list[int], head: list[int]) -> list[model.Compared]:
    sides = [{"growing": {"a.B(rows)": {"statements": (SIZES, c)}}} for c in (base, head)]
    return list(model.of_growth(*sides))


def test_another_class_is_a_verdict() -> None:
    (found,) = compared([3, 3, 3, 3], [3, 12, 102, 1002])
    assert found.verdict == "worse: growth worse"
    assert found.reasons == [
        "statements were constant, are linear: 3, 12, 102, 1,002 at 1, 10, 100, 1,000"
    ]
    assert model.Comparison("b", "h", ("b", "h"), "sqlite", [found], []).exit_code == 1
    (found,) = compared([3, 12, 102, 1002], [3, 3, 3, 3])
    assert found.verdict == "better: growth better"
    assert model.Comparison("b", "h", ("b", "h"), "sqlite", [found], []).exit_code == 0


def test_more_of_the_same_class_is_none() -> None:
    assert compared([3, 12, 102, 1002], [3, 22, 202, 2002]) == []
    assert list(model.of_growth({"growing": {}}, {"growing": {"a.B(rows)": {}}})) == []


# --- budgets and the page -------------------------------------------------------------------------


def test_a_scenario_promises_a_class() -> None:
    with pytest.raises(ValueError, match="growth of rows is 'cubic': name constant, linear"):
        Budget(growth={"rows": "cubic"})
    budget = {
        "scenario": "a.B",
        "benchmark": "a.B.track_rows",
        "figure": "growth of rows",
        "limit": 1,
        "parameters": ["loading", "rows"],
    }
    params = [["'lazy'", "'joined'"], ["1", "10", "100"]]
    lazy, joined = of_growth(budget, params, [1, 10, 100, 1, 100, 10000])
    assert (lazy.scenario, lazy.word) == ("a.B('lazy', rows)", "kept")
    assert (joined.scenario, joined.word) == ("a.B('joined', rows)", "EXCEEDED")
    assert shown(joined.figure, joined.value) == "quadratic"
    (few,) = of_growth(budget | {"parameters": ["rows"]}, [["1", "10"]], [1, 10])
    assert (few.word, few.why) == (
        "not measured",
        "its sizes do not tell: three over a decade are needed",
    )


def test_promises_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLALCHEMY_ASV_BENCHMARKS", str(Path(__file__).parents[2] / "benchmarks"))
    budgets.listing(str(tmp_path / "budgets.json"))
    found = json.loads((tmp_path / "budgets.json").read_text())
    assert {
        "scenario": "query_operations.FullEntities",
        "figure": "growth of statements",
        "benchmark": "query_operations.FullEntities.track_statements",
        "limit": 0,
        "parameters": ["rows"],
    } in found


def test_counts_that_are_not_known_are_left_out() -> None:
    counted: list[Any] = [(("1",), 5), (("10",), 50), (("100",), 500), (("1000",), math.nan)]
    assert by_size(["rows"], counted) == {("rows",): LINEAR}
    assert by_size(["rows"], counted[:2]) == {}


def test_the_page_shows_the_newest_class_and_the_one_before() -> None:
    history = [{"a.B(n)": {"rows": each}} for each in (LINEAR, CONSTANT, QUADRATIC, QUADRATIC)]
    ((row),) = table(history)
    cells = dict(zip(("statements", "rows"), row["cells"], strict=False))
    assert cells["rows"] == {"class": "quadratic", "before": "constant", "worse": True}
    assert cells["statements"] == {"class": "—", "before": "", "worse": False}
