"""Counts: machine instructions repeat, and small changes of a commit show."""

import os
from pathlib import Path

import pytest
from sqlalchemy_asv.instruments.driver_baseline import SILENT, DriverBaseline
from sqlalchemy_asv.instruments.instructions import Instructions

from ..support.clone import Clone
from ..support.counting import Job, found
from ..support.packages import need_instructions, no_instructions


def test_instructions_are_equal_on_every_run(here: Path) -> None:
    need_instructions()
    job = Job("KeysetPage", 1)(Instructions(), DriverBaseline())
    first, second = found(job), found(job)
    number = first["instructions"]["instructions"]
    assert number > 100_000
    assert second["instructions"]["instructions"] == pytest.approx(number, rel=0.001)
    driver = first["driver_baseline"]["driver_instructions"]
    assert second["driver_baseline"]["driver_instructions"] == pytest.approx(driver, rel=0.005)
    assert 1_000 < driver < number / 2
    displaced = found(Job("KeysetPage", 1)(Instructions()), layout=1)["instructions"][
        "instructions"
    ]
    assert displaced == pytest.approx(number, rel=0.004)
    assert displaced != number


def test_what_sends_nothing_has_no_driver_baseline(here: Path) -> None:
    need_instructions()
    counts = found(Job("GetLoaded")(DriverBaseline()))
    assert counts == {"driver_baseline": SILENT}


def test_small_changes_show_in_counts(clone: Clone) -> None:
    """A statement and a row, half a percent of work: each in the counts meant for it."""
    operations = clone.path / "fixtures" / "social" / "operations.py"
    before = operations.read_text(encoding="utf-8")
    head, feed, body = before.partition("def home_feed(")

    def changed(old: str, new: str) -> str:
        assert old in body
        return head + feed + body.replace(old, new, 1)

    end = "    return posts\n"
    variants = {
        "nothing": before,
        "a statement and a row": changed(end, "    session.scalar(select(literal(1)))\n" + end),
        "half a percent": changed(end, f"    for _ in range(360):\n        pass\n{end}"),
    }
    commits = {}
    for name, text in variants.items():
        operations.write_text(text, encoding="utf-8")
        commits[name] = clone.commit(f"The feed with {name}")
    operations.write_text(before, encoding="utf-8")
    bench = r"social\.HomeFeedByScale\.track_(statements|rows|calls|allocated)\(1\)"
    missing = no_instructions()
    if not missing:
        bench = bench.replace("allocated", "allocated|instructions")
    clone.asv("run", "HEAD~3..HEAD", "--bench", bench)
    counts: dict[str, dict[str, float]] = {}
    for name, commit in commits.items():
        (found,) = clone.results(commit)
        counts[name] = {
            benchmark.rpartition(".track_")[2]: values[0][2]
            for benchmark, values in found["results"].items()
        }
    nothing = counts["nothing"]
    assert counts["a statement and a row"]["statements"] == nothing["statements"] + 1
    assert counts["a statement and a row"]["rows"] == nothing["rows"] + 1
    assert counts["a statement and a row"]["calls"] > nothing["calls"]
    half = counts["half a percent"]
    assert [half[name] for name in ("statements", "rows", "calls")] == [
        nothing[name] for name in ("statements", "rows", "calls")
    ]
    if missing:
        assert not os.environ.get("CI"), missing
    else:
        more = half["instructions"] / nothing["instructions"] - 1
        assert more == pytest.approx(0.005, abs=0.003)
