"""Titles of cases: written and read in one place, as asv writes them."""

import pytest
from asv_runner.benchmarks._base import _unique_param_ids
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy_asv import Scenario
from sqlalchemy_asv.case import Case, choose, split

from ..support.scenarios import scenarios

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.tuples(inner, inner),
    max_leaves=3,
)


@given(st.lists(VALUES, max_size=3))
def test_a_title_is_read_as_it_was_written(values: list[object]) -> None:
    case = Case.of("social.HomeFeed", values)
    assert Case.parse(case.title) == case


def test_titles_are_those_that_asv_gives_benchmarks() -> None:
    for scenario in scenarios():
        params = _unique_param_ids(list(map(list, scenario.parameters().values())))
        name = f"{scenario.__module__.partition('.')[2]}.{scenario.__name__}.track_calls"
        asvs = list(Case.of_benchmark(name, params))
        assert asvs == [scenario.case(values) for values in scenario.combinations()]
    assert Case("a.B", ("1", "'x'")).benchmark("track_calls") == "a.B.track_calls(1, 'x')"


def test_a_value_without_a_literal_has_no_address_in_its_title() -> None:
    assert Case.of("a.B", [object()]).title == "a.B(<object object>)"
    assert Case.parse("a.B(<object object>)") == Case.of("a.B", [object()])


def test_the_metric_is_the_last_part_of_a_benchmark() -> None:
    assert split("deep.module.Class.track_calls") == ("deep.module.Class", "track_calls")


CASES = [
    Case("social.HomeFeed", ("'lazy'",)),
    Case("social.HomeFeed", ("'joined'",)),
    Case("social.HomeFeedByScale", ("1",)),
    Case("access.NPlusOne"),
    Case("query_operations.NPlusOne"),
]


@pytest.mark.parametrize(
    ("asked", "titles"),
    [
        ("HomeFeed", ["social.HomeFeed('lazy')", "social.HomeFeed('joined')"]),
        ("social.HomeFeed", ["social.HomeFeed('lazy')", "social.HomeFeed('joined')"]),
        ("HomeFeed('lazy')", ["social.HomeFeed('lazy')"]),
        ("social.HomeFeed('joined')", ["social.HomeFeed('joined')"]),
        ("social.HomeFeed.time_wall", ["social.HomeFeed('lazy')", "social.HomeFeed('joined')"]),
        ("NPlusOne", ["access.NPlusOne", "query_operations.NPlusOne"]),
        (r"^social\.", [case.title for case in CASES[:3]]),
        ("ByScale", ["social.HomeFeedByScale(1)"]),
    ],
)
def test_scenarios_are_asked_for_in_one_way(asked: str, titles: list[str]) -> None:
    assert [case.title for case in choose(asked, CASES)] == titles


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("HomeFed", "there is no scenario HomeFed; like it: social.HomeFeed"),
        ("social.HomeFed", "there is no scenario social.HomeFed; like it: social.HomeFeed"),
        ("HomeFeed('eager')", "there is no scenario"),
        ("social.HomeFeed(", "is no scenario and no regular expression"),
    ],
)
def test_what_means_no_scenario_is_said_with_what_is_like_it(asked: str, why: str) -> None:
    with pytest.raises(LookupError) as error:
        choose(asked, CASES)
    assert why in str(error.value)


def test_params_may_be_a_plain_list() -> None:
    class Plain(Scenario):
        dataset = "somebodys.dataset"
        params = [10, 100]

        def setup_cache(self) -> object:
            return self.build()

        def operation(self, session: object, rows: int) -> None: ...

    assert Plain.parameters() == {"param1": [10, 100]}
    assert [Plain.case(values).arguments for values in Plain.combinations()] == [("10",), ("100",)]
