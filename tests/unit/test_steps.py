"""Steps of exact counts."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy_asv.site.recorded import differs
from sqlalchemy_asv.site.steps import Event, exact, lasting, unseen


def test_each_difference_of_an_exact_count_is_a_step_where_it_is() -> None:
    points = [(1, 2.0), (2, 2.0), (3, 3.0), (4, None), (5, 3.0), (6, 2.0)]
    assert exact("statements", points) == [
        (1, 3, 2.0, 2.0, 0.0),
        (3, 6, 3.0, 3.0, 0.0),
        (6, 7, 2.0, 2.0, 0.0),
    ]


def test_the_noise_of_a_count_is_no_step() -> None:
    points = [(1, 1e6), (2, 1.001e6), (3, 1.0005e6), (4, 1.1e6)]
    assert [step[:2] for step in exact("instructions", points)] == [(1, 4), (4, 5)]


@given(
    st.lists(st.none() | st.integers(1, 5).map(float), max_size=20),
    st.sampled_from(["statements", "instructions", "allocated"]),
)
def test_neighbours_bear_out_each_step(values: list[float | None], metric: str) -> None:
    points = list(enumerate(values))
    steps = exact(metric, points)
    known = [(revision, value) for revision, value in points if value is not None]
    begins = {step[0] for step in steps[1:]}
    pairs = itertools.pairwise(known)
    assert begins == {b[0] for a, b in pairs if differs(metric, a[1], b[1])}


def rises(metric: str, values: list[float]) -> list[Event]:
    return list(lasting(exact(metric, list(enumerate(values))), 0.0))


def falls(metric: str, values: list[float]) -> list[Event]:
    return list(unseen(exact(metric, list(enumerate(values))), 0.0))


def test_an_event_has_the_values_of_its_neighbours() -> None:
    drift = [1000e3, 1001e3, 1002e3, 1003e3, 1100e3, 1099e3]
    assert rises("instructions", drift) == [(3, 4, 1003e3, 1100e3)]
    assert falls("instructions", drift[::-1]) == [(1, 2, 1100e3, 1003e3)]


def test_what_was_mended_is_no_regression_and_no_improvement() -> None:
    assert rises("statements", [2, 8, 2]) == []
    assert rises("statements", [2, 8, 4]) == [(0, 1, 2, 8)]
    assert falls("statements", [2, 8, 2]) == []
    assert falls("statements", [8, 2, 8]) == [(0, 1, 8, 2)]
    assert falls("statements", [4, 8, 2]) == [(1, 2, 8, 2)]
    assert falls("statements", [8, 0]) == [(0, 1, 8, 0)]


@given(st.lists(st.integers(0, 6).map(float), max_size=12))
def test_each_rise_lasts_and_each_fall_is_new(values: list[float]) -> None:
    for before, after, old, new in rises("rows", values):
        assert (values[before], values[after], after) == (old, new, before + 1)
        assert min(values[after:]) > old
    for before, after, old, new in falls("rows", values):
        assert (values[before], values[after], after) == (old, new, before + 1)
        assert min(values[:after]) > new
