"""The rules of verdicts, over all combinations of outcomes."""

import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy_asv.cli.compare import ends
from sqlalchemy_asv.compare import metrics, suites, verdict
from sqlalchemy_asv.compare.metrics import MATTERS
from sqlalchemy_asv.site import recorded
from tabulate import tabulate

from maintenance.verdicts import HEADINGS, rows

ROOT = Path(__file__).parents[2]
OUTCOMES = st.dictionaries(
    st.sampled_from(list(verdict.DIMENSIONS)), st.sampled_from(verdict.OUTCOMES)
)


@given(outcomes=OUTCOMES)
def test_nothing_worse_is_silent_and_nothing_undecided_is_decided(outcomes: dict[str, str]) -> None:
    word = verdict.word(outcomes)
    worse = {verdict.WORSE, verdict.MIXED} & {*outcomes.values()}
    code = verdict.exit_code([(word, outcomes, False)], verdict.chosen(()))
    assert (code == 1) == bool(worse)
    assert (word in ("worse", "trade-off")) == bool(worse)
    if verdict.UNDECIDED in outcomes.values():
        assert word in ("worse", "trade-off", "undecided")
        assert verdict.exit_code([(word, outcomes, False)], verdict.chosen(["undecided"])) == 1
    if word == "unchanged":
        assert {*outcomes.values()} <= {verdict.SAME}


@given(outcomes=OUTCOMES, asked=st.sets(st.sampled_from(verdict.FAIL_ON)))
def test_only_the_dimensions_that_were_asked_for_fail(
    outcomes: dict[str, str], asked: set[str]
) -> None:
    counts = verdict.chosen(asked)
    code = verdict.exit_code([(verdict.word(outcomes), outcomes, False)], counts)
    expected = any(
        (each in ("worse", "mixed") and name in counts)
        or (each == "undecided" and "undecided" in asked)
        for name, each in outcomes.items()
    )
    assert code == int(expected)
    accepted = verdict.exit_code([(verdict.word(outcomes), outcomes, True)], counts)
    assert accepted == 0


@given(
    rose=st.sets(st.sampled_from(verdict.DATABASE)), fell=st.sets(st.sampled_from(verdict.DATABASE))
)
def test_what_rose_is_never_better_or_the_same(rose: set[str], fell: set[str]) -> None:
    found = verdict.outcome(rose, fell)
    assert (found in ("worse", "mixed")) == bool(rose)
    assert (found in ("better", "mixed")) == bool(fell)


def test_each_metric_is_in_one_dimension() -> None:
    named = list(itertools.chain(*verdict.DIMENSIONS.values()))
    assert len(named) == len(set(named))


def test_the_table_in_the_docs_is_what_the_rules_say() -> None:
    text = (ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")
    assert tabulate(rows(), HEADINGS, tablefmt="github") in text


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("calls", "calls"),
        ("instructions", "instructions"),
        ("bytes at the peak", "allocated"),
        ("bytes left behind", "retained_bytes"),
        ("database steps", "database steps"),
    ],
)
def test_the_differences_that_matter_in_the_docs_are_those_that_decide(
    name: str, metric: str
) -> None:
    def said(shares: Mapping[str, float], least: Mapping[str, float]) -> str:
        share = f"{100 * shares.get(metric, MATTERS[metric]):g}%"
        return f"{share}, and {least[metric]:,}" if metric in least else share

    text = (ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")
    tests = {"calls": suites.CALLS} if metric == "calls" else None
    row = [
        name,
        said(MATTERS, metrics.LEAST),
        said(tests, {"calls": suites.FEW_CALLS}) if tests else "not counted",
        said(recorded.WORTH, recorded.LEAST),
    ]
    assert f"| {' | '.join(row)} |" in text


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (("a", "b"), ("a", "b")),
        (("a", None), ("a", "HEAD")),
        (("HEAD~3..HEAD", None), ("HEAD~3", "HEAD")),
        (("v1.0..v1.1", None), ("v1.0", "v1.1")),
        (("a...b", None), None),
        (("a..", None), None),
        (("..b", None), None),
        (("a..b..c", None), None),
        (("a..b", "c"), None),
        (("^a", "b"), None),
    ],
)
def test_two_commits_are_named_and_other_ranges_refused(
    given: tuple[str, str | None], meant: tuple[str, str] | None
) -> None:
    if meant:
        assert ends(*given) == meant
    else:
        with pytest.raises(Exception, match="is not two commits: name BASE and HEAD"):
            ends(*given)
