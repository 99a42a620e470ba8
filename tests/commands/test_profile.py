"""`sqlalchemy-asv profile`, and how commands end."""

import json
import subprocess

import pytest
from sqlalchemy_asv.templates import render

from ..support.clone import COMMAND, ROOT


def command(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [COMMAND, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def test_a_profile_of_a_scenario() -> None:
    output = command("profile", "social.HomeFeed", "--scale", "0.1", "--runs", "3")
    assert "N+1: 1 + 20 of the same statement" in output
    assert "loading Post.comments" in output
    assert "times as long" in output
    assert "plan: SEARCH comments USING INDEX" in output
    assert "Statement cache: nothing compiled in repetition 5; the repetitions added no" in output
    assert "Left behind by 5 repetitions: 0 objects, 0 bytes\n" in output
    assert str(ROOT) not in output
    how = ("--param", "loading=selectin", "--json", "-")
    found = json.loads(command("profile", "social.HomeFeed.time_wall", *how))
    assert found["params"] == {"loading": "selectin"}
    assert found["times"]["runs"] == 20
    assert not any(group["n_plus_one"] for group in found["queries"]["repeated"])
    assert "N+1" not in render("sqlalchemy_asv.cli", "profile.txt", found=found)


def test_a_profile_of_a_write_has_statements_without_a_plan() -> None:
    output = command("profile", "social.CreateUser", "--scale", "0.1", "--runs", "3")
    assert "INSERT INTO users" in output
    assert "no plan: " in output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["social.HomeFed"], "there is no scenario social.HomeFed; like it: social.HomeFeed"),
        (["social.HomeFeed", "--param", "loading=fast"], "loading is one of lazy, selectin"),
        (["social.HomeFeed", "--param", "speed=1"], "HomeFeed has no parameter speed"),
    ],
)
def test_what_cannot_be_profiled_is_said_in_a_line(arguments: list[str], why: str) -> None:
    output = command("profile", *arguments, code=2)
    assert why in output
    assert len(output.splitlines()) == 1


def test_a_scale_of_nothing_is_refused() -> None:
    assert "'--scale': 0.0 is not in the range 0.001<=x<=10000." in command(
        "profile", "social.HomeFeed", "--scale", "0", code=2
    )
