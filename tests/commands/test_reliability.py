"""Hostile operations, damaged places and signals: nothing is lost, and nothing is left behind."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from maintenance import campaign

from ..support.clone import ROOT, Clone

MEASURED = ("Prints", "PrintsBytes", "ClosesStreams", "FreezesTime", "LeavesAChild")
LIMIT = "no end within 2 s; the scenario's `timeout` sets this limit"
FAILED = {
    "SleepsForever": LIMIT,
    "CatchesAll": LIMIT,
    "Crashes": "its process was ended by SIGSEGV",
    "Exits": "its process ended itself, with exit code 0",
    "LongError": "ValueError: first line",
}


@pytest.fixture(scope="module")
def hostile(clone: Clone) -> Clone:
    """A clone whose working tree has hostile scenarios, and whose HEAD changed nothing else."""
    source = ROOT / "tests" / "support" / "hostile.py"
    shutil.copy(source, clone.path / "benchmarks" / "hostile.py")
    clone.share("compare/1/base", "compare/1/head", "compare/2/base", "compare/2/head")
    clone.commit("Nothing")
    return clone


def left_behind() -> list[str]:
    running = psutil.process_iter(["cmdline"])
    return [str(each.info) for each in running if "4321.25" in (each.info["cmdline"] or ())]


def test_no_operation_reaches_the_counts_of_others(hostile: Clone, tmp_path: Path) -> None:
    file = tmp_path / "verdict.json"
    how = ("--scenario", "hostile", "--no-instructions", "--time=none", f"--json={file}")
    hostile.command("compare", "HEAD~1", *how, code=2)
    found = json.loads(file.read_text(encoding="utf-8"))["compared"]
    by_name = {each["title"].removeprefix("hostile."): each for each in found}
    for name in (*MEASURED, "OneParameter(10)", "OneParameter(100)"):
        assert by_name[name]["word"] == "unchanged", by_name[name]
        assert by_name[name]["counts"][0]["statements"] == 1
    for name, reason in FAILED.items():
        assert by_name[name]["word"] == "failed"
        assert reason in by_name[name]["note"]
        assert "second" not in by_name[name]["note"]
    assert left_behind() == []


def test_no_operation_reaches_the_clock(hostile: Clone) -> None:
    names = "|".join(MEASURED)
    how = ("--scenario", f"^hostile.({names})$", "--no-instructions", "--time=all", "--seconds=2")
    said = hostile.command("compare", "HEAD~1", *how)
    (summary,) = (line for line in said.splitlines() if " on sqlite: " in line)
    assert "5 undecided" in summary or "unchanged" in summary
    assert "worse" not in summary
    assert left_behind() == []
    said = hostile.command(
        *("compare", "HEAD~1", "--scenario", "SleepsForever", "--no-instructions"), code=2
    )
    assert LIMIT in said


def test_a_profile_of_an_operation_that_fails_is_one_line(hostile: Clone) -> None:
    said = hostile.command("profile", "hostile.LongError", code=2).splitlines()
    assert len(said) == 1
    assert re.match(r"sqlalchemy-asv: benchmarks/hostile\.py:\d+: ValueError: first line$", said[0])


def test_asv_keeps_what_it_measured_beside_an_operation_that_hangs(hostile: Clone) -> None:
    names = "Prints|ClosesStreams|SleepsForever|LongError"
    said = hostile.asv("run", "HEAD^!", "--bench", rf"hostile\.({names})\.track_statements", code=2)
    assert "hostile.LongError failed: ValueError: first line" in said
    assert f"hostile.SleepsForever failed: {LIMIT}" in said
    commit = hostile.run("git", "rev-parse", "HEAD").strip()
    (found,) = hostile.results(commit)
    values = {name: each[0] for name, each in found["results"].items()}
    assert values["hostile.Prints.track_statements"] == [1]
    assert values["hostile.ClosesStreams.track_statements"] == [1]
    assert values["hostile.SleepsForever.track_statements"] is None
    assert values["hostile.LongError.track_statements"] is None


# --- commits that cannot be measured --------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("pyproject.toml", "[project\n", "could not be installed: "),
        (
            "pyproject.toml",
            (ROOT / "pyproject.toml").read_text(encoding="utf-8").replace("==0.22.1", "==0.22.99"),
            "aiosqlite==0.22.99",
        ),
        ("fixtures/social/operations.py", "import nowhere\n", "No module named 'nowhere'"),
        ("fixtures/social/models.py", "x = (\n", "social/models.py:1: SyntaxError: "),
    ],
)
def test_a_commit_that_cannot_be_measured_says_why(
    hostile: Clone, file: str, content: str, said: str
) -> None:
    first = hostile.run("git", "rev-parse", "HEAD").strip()
    (hostile.path / file).write_text(content, encoding="utf-8")
    broken = hostile.commit("Broken")
    hostile.run("git", "reset", "--quiet", "--hard", first)
    how = ("--scenario", "social.CreateUser", "--no-instructions", "--time=none")
    printed = hostile.command("compare", "HEAD", broken, *how, code=2)
    assert said in printed.splitlines()[-1] or said in printed, printed
    assert max(map(len, printed.splitlines()[-1:])) < 300
    if "distribution" in said:
        printed = hostile.asv("run", f"{broken}^!", "--bench", "social.CreateUser", code=2)
        assert said in printed
        assert "greenlet==" not in printed, "the whole command of pip"
        assert str(hostile.path) not in printed


def test_an_error_in_the_working_tree_names_its_file(hostile: Clone) -> None:
    file = hostile.path / "benchmarks" / "social.py"
    source = file.read_text(encoding="utf-8")
    file.write_text(f"{source}\nclass (:\n", encoding="utf-8")
    try:
        how = ("--scenario", "social.CreateUser", "--no-instructions", "--time=none")
        said = hostile.command("compare", "HEAD~1", *how, code=2).splitlines()
    finally:
        file.write_text(source, encoding="utf-8")
    assert "benchmarks/social.py:" in said[-1]
    assert "SyntaxError" in said[-1]


# --- signals --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trial(clone: Clone) -> Iterator[campaign.Trial]:
    # A short path: asv's fork server has a socket there.
    with tempfile.TemporaryDirectory(prefix="trial") as folder:
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.chdir(clone.path)
            made = campaign.Trial(Path(folder), "sqlite")
        places = [f"compare/{number}/{side}" for number in "12" for side in ("base", "head")]
        clone.share(*places, "env", root=made.clone)
        yield made


@pytest.mark.parametrize("sign", campaign.SIGNALS)
def test_a_signal_leaves_nothing_and_the_next_run_is_right(
    trial: campaign.Trial, sign: str
) -> None:
    assert list(trial.interrupted("compare", sign, 2.5)) == []


@pytest.mark.parametrize("name", ["compare", "run"])
def test_two_commands_at_once_in_one_clone(trial: campaign.Trial, name: str) -> None:
    assert list(trial.at_once(name)) == []


# --- the first two commands -----------------------------------------------------------------------


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_make_says_what_a_python_lacks_and_tries_again(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / "python"
    # As Debian's without python3-venv: it leaves a folder with a Python and no pip.
    lacking = "mkdir -p .venv/bin && touch .venv/bin/python && exit 1"
    python.write_text(f'#!/bin/sh\n[ "$1" != -m ] || {{ {lacking}; }}\n', encoding="utf-8")
    python.chmod(0o755)
    for _ in range(2):
        done = make(tmp_path, ".venv/bin/python", "PYTHON=./python")
        assert done.returncode == 2
        assert "install Debian's package python3-venv" in done.stderr
        assert not (tmp_path / ".venv").exists()


def test_make_makes_the_environment_of_a_moved_clone_anew(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.touch()
    place = tmp_path / ".venv" / "place"
    place.write_text(f"{tmp_path}\n", encoding="utf-8")
    make(tmp_path, "--dry-run", ".venv/bin/python")
    assert python.exists()
    place.write_text("/elsewhere\n", encoding="utf-8")
    make(tmp_path, "--dry-run", ".venv/bin/python")
    assert not python.exists()
