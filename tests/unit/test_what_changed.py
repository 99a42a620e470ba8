"""The document about SQLAlchemy's releases says what the records say, or is not written."""

import json
import re
from pathlib import Path

import pytest
from asv.results import Results
from asv.runner import BenchmarkResult

from maintenance.what_changed import DOCUMENT, TEMPLATE, Records, Story, written

ROOT = Path(__file__).parents[2]
SIZES = ["1", "10", "100"]
BENCHMARKS = {
    f"shop.Insert.track_{metric}": {
        "name": f"shop.Insert.track_{metric}",
        "version": "1",
        "params": [SIZES],
    }
    for metric in ("calls", "statements", "allocated")
}
RELEASES: dict[str, dict[str, list[float]]] = {
    # Each two days after the one before; 2.0.2 goes on after 2.1.0.
    "2.0.0": {"calls": [100, 200, 1200], "statements": [1, 1, 1], "allocated": [9e3, 9e3, 9e3]},
    "2.0.1": {"calls": [150, 250, 1250], "statements": [1, 10, 100], "allocated": [9e3, 9e3, 9e3]},
    "2.1.0": {"calls": [148, 270, 1480], "statements": [1, 1, 1], "allocated": [5e3, 5e3, 5e3]},
    "2.0.2": {"calls": [151, 250, 1251], "statements": [1, 10, 100], "allocated": [9e3, 9e3, 9e3]},
}


@pytest.fixture
def records(tmp_path: Path) -> Records:
    for day, (release, counts) in enumerate(RELEASES.items()):
        hash = f"{day + 1}" * 40
        results = Results({"machine": "reference"}, {}, hash, day, "3.11", "virtualenv-py3.11", {})
        for metric, values in counts.items():
            done = BenchmarkResult(values, [None] * 3, [None] * 3, 0, "", None)
            benchmark = BENCHMARKS[f"shop.Insert.track_{metric}"]
            results.add_result(benchmark, done, record_samples=False)
        results.save(str(tmp_path / "releases"))
        sent = tmp_path / "statements" / "releases" / f"{hash[:8]}-virtualenv-py3.11.json"
        sent.parent.mkdir(parents=True, exist_ok=True)
        sent.write_text(json.dumps({"packages": {"sqlalchemy": release}}))
    (tmp_path / "releases" / "benchmarks.json").write_text(json.dumps(BENCHMARKS))
    return Records(tmp_path)


@pytest.fixture
def story(records: Records) -> Story:
    return Story(records)


def test_an_event_is_a_difference_of_neighbours(story: Story) -> None:
    found = story.rose("shop.Insert(1)", "calls", "2.0.1")
    assert (found.figures, found.change) == ("100 → 150 calls", "+50%")
    assert found.more == "50% more calls"
    assert story.fell("shop.Insert(10)", "allocated", "2.1.0").more == "44% less memory"
    # The series part after 2.0.1, so 2.0.2 follows that.
    assert str(story.records.before(next(v for v in story.records.published if v.micro == 2))) == (
        "2.0.1"
    )


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ('{{ fell("shop.Insert(1)", "calls", "2.0.1").more }}', "rose at 2.0.1: 100 → 150 calls"),
        ('{{ rose("shop.Insert(1)", "allocated", "2.1.0") }}', "fell at 2.1.0"),
        ('{{ event("shop.Insert(1)", "calls", "2.0.2") }}', "alike at 2.0.1 and 2.0.2"),
        ('{{ event("shop.Insert(1)", "rows", "2.0.1") }}', "rows of shop.Insert(1) are not"),
        ('{{ value("shop.Insert(1)", "calls", "2.0.9") }}', "not recorded at 2.0.9"),
        ('{{ event("shop.Insert(1)", "calls", "2.0.0") }}', "nothing is recorded before 2.0.0"),
        ('{{ span("none", "calls", "2.0.0", "2.1.0") }}', "no case of none"),
    ],
)
def test_what_the_records_do_not_bear_out_is_not_written(
    records: Records, template: str, said: str
) -> None:
    with pytest.raises(LookupError) as raised:
        written(records, template)
    assert said in str(raised.value.args[0])


def test_counts_on_another_database_have_the_same_neighbours(
    records: Records, tmp_path: Path
) -> None:
    """A release that is not recorded there may be the one that has the event."""
    benchmark = BENCHMARKS["shop.Insert.track_calls"]
    for day, calls in ((0, 100), (2, 300), (3, 400)):  # 2.0.0, 2.1.0, 2.0.2
        results = Results(
            {"machine": "reference"},
            {},
            f"{day + 1}" * 40,
            day,
            "3.11",
            "virtualenv-py3.11-DATABASEpostgresql",
            {"DATABASE": "postgresql"},
        )
        done = BenchmarkResult([calls, calls, calls], [None] * 3, [None] * 3, 0, "", None)
        results.add_result(benchmark, done, record_samples=False)
        results.save(str(tmp_path / "releases"))
        sent = tmp_path / "statements" / "releases"
        name = f"{(str(day + 1) * 40)[:8]}-virtualenv-py3.11"
        text = (sent / f"{name}.json").read_text()
        (sent / f"{name}-DATABASEpostgresql.json").write_text(text)
    story = Story(Records(tmp_path).on("postgresql"))
    assert story.between("shop.Insert(1)", "calls", "2.0.0", "2.0.2").change == "4.00x"
    with pytest.raises(LookupError, match=r"not recorded at 2\.0\.1"):
        story.event("shop.Insert(1)", "calls", "2.0.2")
    assert (story.recorded(), Story(records).recorded()) == ("3", "4")
    assert Story(Records(tmp_path)).rose("shop.Insert(1)", "calls", "2.0.1").change == "+50%"


def test_an_event_needs_its_neighbour(records: Records) -> None:
    """Where a release between is not recorded, the event may be that one's."""
    values = records.values["shop.Insert(1)", "calls"]
    del values[next(v for v in values if str(v) == "2.0.1")]
    with pytest.raises(LookupError, match=r"not recorded at 2\.0\.1"):
        Story(records).event("shop.Insert(1)", "calls", "2.0.2")


def test_a_release_that_nobody_recorded_may_be_the_one_of_the_event(records: Records) -> None:
    gone = next(v for v in records.published if str(v) == "2.0.1")
    del records.published[gone]
    for values in records.values.values():
        del values[gone]
    story = Story(records)
    for ask in (story.event, lambda *asked: story.added("shop.Insert", *asked[1:])):
        with pytest.raises(LookupError, match=r"not recorded at 2\.0\.1"):
            ask("shop.Insert(1)", "calls", "2.0.2")
    assert story.event("shop.Insert(1)", "calls", "2.1.0").change == "+48%"  # another series


def test_a_cost_of_the_statement_is_told_from_one_of_each_row(story: Story) -> None:
    assert story.added("shop.Insert", "calls", "2.0.1") == "50, 50 and 50"
    assert story.added("shop.Insert", "calls", "2.1.0") == "-2, 20 and 230"


def test_spans_have_a_direction(story: Story) -> None:
    assert story.span("shop", "calls", "2.0.0", "2.0.1") == "4 to 50% more"
    assert story.span("shop", "calls", "2.0.1", "2.1.0") == "between 1% fewer and 18% more"
    assert story.span("shop", "allocated", "2.0.1", "2.1.0") == "44% less"
    assert story.span("shop", "allocated", "2.0.0", "2.0.1") == "no change"
    assert story.span("shop", "calls", "2.0.1", "2.0.2") == "no change"  # 1 of 150, 1 of 1,250
    assert story.span(r"1", "statements", "2.0.0", "2.0.1") == "up to 9900% more"


def test_releases_that_are_not_recorded_are_named(story: Story) -> None:
    assert story.missing() == []
    del story.records.published[next(v for v in story.records.published if str(v) == "2.0.1")]
    assert story.missing() == ["2.0.1"]
    assert story.gaps() == ["2.0.1"]
    assert (story.first(), story.last()) == ("2.0.0", "2.1.0")


def test_releases_that_follow_each_other_are_a_range(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story.__new__(Story)
    absent = ["2.0.1", "2.0.8", "2.0.9", "2.0.10", "2.1.10", "2.1.11"]
    monkeypatch.setattr(story, "missing", lambda: absent)
    assert story.gaps() == ["2.0.1", "2.0.8 to 2.0.10", "2.1.10 to 2.1.11"]


def test_a_template_is_a_document(records: Records) -> None:
    template = (
        '{% set e = rose("shop.Insert(1)", "calls", "2.0.1") %}\n## {{ e.release }}\n{{ e.more }}\n'
    )
    assert written(records, template) == "## 2.0.1\n50% more calls\n"


def test_the_document_is_what_the_records_say() -> None:
    """Every figure, release and direction in it. `python -m maintenance.what_changed` writes it."""
    said = written(Records(ROOT / "results"), TEMPLATE.read_text(encoding="utf-8"))
    assert (ROOT / DOCUMENT).read_text(encoding="utf-8") == said


STATED = (
    r"\{\{.*?\}\}|\{%.*?%\}",  # asked of the records
    r"`[^`]*`",
    r"\b\d+\.\d+(\.\d+)?((b|rc)\d+)?\b",  # a release
    r"(\b1, )?(10, )?100 and 1,000\b",  # the sizes of cases
    r"Upstream measured\s+\d+%",
    r"\[\d+\]\([^)]*\)",
)
"""The kinds of text in which the template may have digits."""


def test_no_figure_of_the_document_was_written_by_hand() -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    for kind in STATED:
        text = re.sub(kind, "", text, flags=re.DOTALL)
    assert [line for line in text.splitlines() if re.search(r"\d", line)] == []
