"""Noise of counts over layouts of memory, thresholds of pages, and costs that commits accept."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asv.config import Config
from asv.util import UserError
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy_asv.asv_ext import history
from sqlalchemy_asv.asv_ext.history import Accepted
from sqlalchemy_asv.compare import model, output, running
from sqlalchemy_asv.compare.metrics import CERTAIN, MATTERS
from sqlalchemy_asv.compare.model import Compared, Comparison
from sqlalchemy_asv.site.recorded import WORTH
from sqlalchemy_asv.site.thresholds import threshold
from tabulate import tabulate

from maintenance import calibration
from maintenance.applications import APPLICATIONS, QUERIES
from maintenance.harmless import HARMLESS, Harmless

from ..support.applications import Application

ROOT = Path(__file__).parents[2]
CONF = Config.load(str(ROOT / "asv.conf.json"))


@pytest.mark.parametrize("kind", HARMLESS, ids=lambda kind: kind.name)
def test_a_harmless_change_has_its_place(kind: Harmless) -> None:
    found = kind.made((ROOT / kind.file).read_text(encoding="utf-8"))
    if kind.file.endswith(".py"):
        compile(found, kind.file, "exec")


@pytest.mark.parametrize("application", APPLICATIONS.values(), ids=lambda each: each.name)
def test_most_harmless_changes_can_be_made_in_other_applications(application: Application) -> None:
    source = application.files[QUERIES[application.name]]
    made = []
    for kind in (each for each in HARMLESS if each.anywhere):
        with contextlib.suppress(UserError):
            made.append(kind.made(source))
    assert len({*made}) >= 4
    for text in made:
        compile(text, application.name, "exec")


def test_marks_of_plain_asv_are_read() -> None:
    # As asv 0.6.6 makes its tables.
    table = tabulate(
        [
            ["+", "2.06±0.02ms", "2.59±0.03ms", "1.26", "social.HomeFeed.time_wall('lazy')"],
            ["-", "1.06±0.02ms", "0.59±0.03ms", "0.56", "social.CreateUser.time_wall"],
            [" ", "1.06±0.02ms", "1.06±0.03ms", "1.00", "social.AddComment.time_wall"],
        ],
        headers=["Change", "Before [aa] <a>", "After [bb] <b>", "Ratio", "Benchmark (Parameter)"],
        tablefmt="github",
    )
    marks = calibration.marked(table)
    assert marks == {"social.HomeFeed('lazy')": "+", "social.CreateUser": "-"}
    assert calibration.tally(marks, changed=True) == (True, 1)
    assert calibration.tally(marks, changed=False) == (False, 2)


# --- noise ----------------------------------------------------------------------------------------


def recounted(
    monkeypatch: pytest.MonkeyPatch,
    base: list[int],
    head: list[int],
    metric: str = "instructions",
) -> tuple[Compared, list[tuple[int, ...]]]:
    """A comparison of counts, of which the first is made in the first layout; and the layouts."""
    layouts: list[tuple[int, ...]] = []

    def on_both(sides: Any, function: str, **options: Any) -> list[Any]:
        layouts.append(tuple(options["layouts"]))
        assert options["instructions" if metric == "instructions" else "plain"] == ["a.B"]
        return [
            {"a.B": [{metric: values[layout]} for layout in options["layouts"]]}
            for values in (base, head)
        ]

    monkeypatch.setattr(running, "on_both", on_both)
    compared = Compared("a.B", counts=({metric: base[0]}, {metric: head[0]}))
    model.judge(CONF, compared)
    side: Any = SimpleNamespace(conf=CONF)
    running.recount(side, side, [compared])
    return compared, layouts


M = 1_000_000
FLAT = [M] * 8


def test_a_layout_alone_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = [M + 9_000, M, M + 4_000, M, M, M, M, M]
    found, layouts = recounted(monkeypatch, FLAT, noisy)
    assert (found.word, layouts) == ("unchanged", [(1, 2, 3)])
    assert found.noise["instructions"] == pytest.approx(0.009)


def test_a_small_difference_in_every_layout_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found, layouts = recounted(monkeypatch, FLAT, [M + 5_000] * 8)
    assert (found.word, layouts) == ("worse", [(1, 2, 3), (4, 5, 6, 7)])
    assert (found.noise["instructions"], found.counts[1]["instructions"]) == (0, M + 5_000)


def test_a_difference_has_to_be_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    toggling = [M + 5_000] * 4 + [M] * 4
    found, layouts = recounted(monkeypatch, FLAT, toggling)
    assert (found.word, len(layouts)) == ("unchanged", 2)


@pytest.mark.parametrize(
    ("metric", "head"),
    [("instructions", M + 1_000), ("instructions", M + 90_000), ("calls", 2 * M)],
)
def test_what_is_clear_is_not_counted_again(
    monkeypatch: pytest.MonkeyPatch, metric: str, head: int
) -> None:
    _, layouts = recounted(monkeypatch, FLAT, [head] * 8, metric)
    assert layouts == []


def test_calls_and_bytes_are_counted_again_without_valgrind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for metric, dimension in (("calls", "processor"), ("allocated", "memory")):
        more = round(M * (1 + 2 * MATTERS[metric]))
        found, layouts = recounted(monkeypatch, FLAT, [more] * 8, metric)
        assert (found.outcomes[dimension], len(layouts)) == ("worse", 2)


@given(st.lists(st.integers(0, 4_000), min_size=16, max_size=16))
def test_differences_within_the_spread_are_never_a_verdict(noise: list[int]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        base, head = [M + n for n in noise[:8]], [M + n for n in noise[8:]]
        if max(min(base), min(head)) <= min(max(base[:4]), max(head[:4])):
            assert recounted(monkeypatch, base, head)[0].word == "unchanged"


def test_what_another_count_proves_is_not_counted_again() -> None:
    def doubted(**head: int) -> list[str]:
        compared = Compared("a.B", counts=(dict.fromkeys(head, M), head))
        model.judge(CONF, compared)
        return model.doubtful(CONF, compared)

    assert doubted(instructions=M + 5_000) == ["instructions"]
    # The processor has an outcome of its own.
    assert doubted(instructions=M + 5_000, statements=M + 1) == ["instructions"]
    assert doubted(instructions=M + 5_000, calls=2 * M) == []
    assert doubted(instructions=M - 5_000, calls=2 * M) == ["instructions"]


def test_settings_may_state_a_threshold() -> None:
    conf = SimpleNamespace(regressions_thresholds={r"a\.B\.track_calls": 0.1, ".*time_wall": 0.2})
    assert model.threshold(conf, "a.B(1)", "calls", noise=0.5) == 0.1
    assert model.threshold(conf, "a.B", "time") == 0.2
    assert model.threshold(conf, "a.C", "calls", noise=0.5) == 0.5
    assert model.threshold(conf, "a.C", "statements", noise=0.5) == 0
    assert model.threshold(CONF, "a.C", "instructions") == MATTERS["instructions"]
    assert model.threshold(CONF, "model_operations.PublishDiscussion(1)", "instructions") == 0.02


def test_the_largest_noise_of_any_layout_is_below_what_is_certain() -> None:
    # docs/measurements.md: by layout, instructions of one case differ by up to 1.25%.
    assert CERTAIN * MATTERS["instructions"] > 0.0125


# --- pages ----------------------------------------------------------------------------------------


def test_a_page_takes_the_noise_from_the_history() -> None:
    assert threshold("a.B.track_statements", [1, 2, 3]) == 0
    quiet = [1000.0, 1000.1, 1000, 1300, 1300.1]
    assert threshold("a.B.track_instructions", quiet) == WORTH["instructions"]
    noisy = [1000.0, 1005, 1000, 1006, 1001, None, 1000]
    assert threshold("a.B.track_instructions", noisy) == pytest.approx(0.02, rel=0.1)
    assert threshold("a.B.peakmem_process", [100, 100]) == 0.03
    assert threshold("a.B.track_calls", []) == WORTH["calls"]


# --- accepted costs -------------------------------------------------------------------------------


def worse(title: str) -> Compared:
    return Compared(title, changes=[model.Change("statements", 1, 2, 0)])


def test_an_accepted_cost_is_shown_and_passes() -> None:
    found = [worse("social.AddComment"), worse("social.HomeFeed('lazy')")]
    comparison = Comparison("b", "h", ("b", "h"), "sqlite", found, [])
    assert comparison.exit_code == 1
    cost = Accepted("0123456789", "social.AddComment", "the parent must exist")
    model.accept(found, [cost, Accepted("1", "social.Nothing", "gone")])
    assert found[0].verdict == "worse: database worse (accepted)"
    assert found[1].verdict == "worse: database worse"
    assert comparison.exit_code == 1  # for the other
    model.accept(found, [Accepted("1", "HomeFeed", "")])
    assert comparison.exit_code == 0
    text = output.text(comparison)
    assert "2 worse (accepted)" in text
    assert "accepted by 01234567: the parent must exist" in text
    listed = json.loads(output.as_json(comparison))["compared"][0]
    assert (listed["word"], listed["verdict"]) == ("worse", "worse: database worse (accepted)")


def test_what_is_not_worse_needs_no_acceptance() -> None:
    better = Compared("a.B", changes=[model.Change("statements", 2, 1, 0)])
    model.accept([better], [Accepted("1", "a.B", "why not")])
    assert better.verdict == "better: database better"


def test_trailers_are_read_from_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "get_repo", lambda conf: SimpleNamespace(_path=str(tmp_path)))

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
        command = ["git", *identity, *arguments]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "-m", "One\n\nCost-accepted: a.Old is before")
    message = "Two\n\nCost-accepted: social.AddComment the parent must\n exist"
    message += "\nCost-accepted: access.FullEntities('sync', 10)\nSigned-off-by: somebody"
    git("commit", "--quiet", "--allow-empty", "-m", message)
    head = git("rev-parse", "HEAD")
    assert history.accepted(None, "HEAD~1..HEAD") == [
        Accepted(head, "social.AddComment", "the parent must exist"),
        Accepted(head, "access.FullEntities('sync', 10)", ""),
    ]
    assert len(history.accepted(None, "--no-walk", "HEAD", "HEAD~1")) == 3
    assert history.accepted(None, "HEAD..HEAD") == []
