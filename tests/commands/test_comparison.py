"""Verdicts on real commits: each names the cause, and a command that is killed leaves nothing."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy_asv.asv_ext import settings
from sqlalchemy_asv.compare.checkout import Checkout, checkouts

from maintenance import calibration
from maintenance.injections import INJECTIONS

from ..support.clone import COMMAND, Clone

ALONE = (
    *("one extra statement", "an eager load turned lazy", "a dropped index"),
    "a reference cycle",
)
"""Changes that are made one by one. `python -m maintenance.calibration injected` makes all of them
so, which takes minutes."""
TOGETHER = (
    *("a literal that defeats the cache", "a list that keeps every result"),
    *("a commit per row", "an index that a function defeats"),
)
"""Changes that are made in one commit. All are found without valgrind."""
BY_NAME = {each.name: each for each in INJECTIONS}


@pytest.fixture(scope="module")
def both(clone: Clone) -> Iterator[tuple[Checkout, Checkout]]:
    """Two checkouts in the clone, which is the current folder."""
    clone.share(*(f"compare/{n}/{side}" for n in "12" for side in ("base", "head")))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(clone.path)
        with checkouts(settings.load("asv.conf.json"), "sqlite") as pair:
            yield pair


@pytest.mark.parametrize("names", [*((name,) for name in ALONE), TOGETHER], ids=", ".join)
def test_an_injected_change_is_found_and_its_cause_named(
    clone: Clone, both: tuple[Checkout, Checkout], names: tuple[str, ...]
) -> None:
    injections = [BY_NAME[name] for name in names]
    first = clone.run("git", "rev-parse", "HEAD").strip()
    try:
        for injection in injections:
            second = calibration.inject(injection)
        found = calibration.judge(*both, (first, second), injections, instructions=False)
    finally:
        clone.run("git", "reset", "--quiet", "--hard", first)
    for injection, each in zip(injections, found, strict=True):
        assert calibration.is_found(each, injection), (injection.name, each.verdict)
        assert calibration.named(each, injection), (injection.name, each.causes)


CREATE = "social.CreateUser"


def test_the_command(clone: Clone, both: tuple[Checkout, Checkout], tmp_path: Path) -> None:
    first = clone.run("git", "rev-parse", "HEAD").strip()
    operations = clone.path / "fixtures" / "social" / "operations.py"
    source = operations.read_text(encoding="utf-8")
    only = ("--scenario", f"^{CREATE}$", "--no-instructions", "--seconds=40")
    operations.write_text(
        source.replace(
            "    session.add(user)\n",
            "    _ = [n for n in range(100_000)]\n    session.add(user)\n",
        ),
        encoding="utf-8",
    )
    slow = clone.commit("Slow")
    html, markdown = tmp_path / "verdict.html", tmp_path / "verdict.md"
    said = clone.command(
        "compare",
        first,
        slow,
        *only,
        "--html",
        str(html),
        "--markdown",
        str(markdown),
        code=1,
    )
    verdict = re.search(r"on sqlite: (1 worse)\n", said)
    assert verdict, said
    assert verdict[1] in html.read_text(encoding="utf-8")
    assert "<svg" in html.read_text(encoding="utf-8")
    assert verdict[1] in markdown.read_text(encoding="utf-8")
    assert "`_ = [n for n in range(100_000)]`" in said
    clone.commit("Later")
    said = clone.command("bisect", CREATE, first, "--metric", "allocated")
    assert f"{slow[:8]} Slow" in said


def test_an_operation_that_fails_at_head_is_no_regression(
    clone: Clone, both: tuple[Checkout, Checkout]
) -> None:
    first = clone.run("git", "rev-parse", "HEAD").strip()
    operations = clone.path / "fixtures" / "social" / "operations.py"
    source = operations.read_text(encoding="utf-8")
    broken = source.replace("    session.add(user)\n", "    raise ValueError('no | such thing')\n")
    operations.write_text(broken, encoding="utf-8")
    clone.commit("Broken")
    how = ("--scenario", f"^{CREATE}$", "--no-instructions", "--time=none", "--markdown=-")
    try:
        said = clone.command("compare", "HEAD~1..HEAD", *how, code=3)
        assert "1 failed at head" in said
        assert "failed at head: ValueError: no | such thing" in said
        # Nothing is compared where both ends fail, and so nothing is known to be worse.
        clone.commit("Later")
        said = clone.command("compare", "HEAD~1", *how, code=2)
        assert "failed at both: ValueError" in said
    finally:
        clone.run("git", "reset", "--quiet", "--hard", first)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compare", "HEAD~1", "no-such-commit"), "there is no commit no-such-commit"),
        (("compare", "HEAD~1", "--scenario", "social.HomeFee("), "no regular expression: "),
        (("compare", "HEAD~1", "--scenario", "social.HomeFed"), "like it: social.HomeFeed"),
        (("bisect", CREATE, "HEAD", "HEAD~1"), "is not before"),
        (("bisect", CREATE, "HEAD~1..HEAD", "HEAD"), "is a range of commits: name one commit"),
        (("compare", "HEAD~3...HEAD"), "is not two commits: name BASE and HEAD, or BASE..HEAD"),
    ],
)
def test_bad_input_is_one_line(
    clone: Clone, both: tuple[Checkout, Checkout], arguments: tuple[str, ...], said: str
) -> None:
    printed = clone.command(*arguments, code=2).strip().splitlines()
    assert said in printed[-1]
    assert "Traceback" not in "".join(printed)
    # A name is checked as soon as one commit is installed.
    assert sum("building" in line for line in printed) <= 1


def test_killed_it_leaves_nothing_and_the_next_run_works(
    clone: Clone, both: tuple[Checkout, Checkout]
) -> None:
    clone.commit("Nothing")
    before = clone.run("git", "status", "--porcelain"), clone.run("git", "rev-parse", "HEAD")
    call = ["compare", "HEAD~1", "--scenario", f"^{CREATE}$", "--no-instructions", "--seconds=5"]
    shutil.rmtree(clone.path / ".asv" / "compare" / "2" / "base", ignore_errors=True)
    for seconds in (2.0, 8.0):
        process = subprocess.Popen(
            [COMMAND, *call],
            cwd=clone.path,
            env=clone.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    after = clone.run("git", "status", "--porcelain"), clone.run("git", "rev-parse", "HEAD")
    assert before == after
    assert "1 unchanged" in clone.command(*call)
