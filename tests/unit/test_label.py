"""Trap 1: a version label that lies. Nothing is measured in an environment that differs from it."""

import importlib.metadata
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy_asv import label


def flags(hash_randomization: int) -> SimpleNamespace:
    names = (name for name in dir(sys.flags) if not name.startswith(("_", "n_")))
    found = {name: getattr(sys.flags, name) for name in names}
    return SimpleNamespace(**found | {"hash_randomization": hash_randomization})


@pytest.fixture
def asv_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment as asv describes it to a benchmark process, without a matrix."""
    installed = importlib.metadata.version
    describe(tmp_path, {name: installed(name) for name in ("sqlalchemy", "faker")})
    # pytest's own process has a hash seed of its own.
    monkeypatch.setattr("sys.flags", flags(hash_randomization=0))
    monkeypatch.setenv("ASV_ENV_DIR", str(tmp_path))
    monkeypatch.setenv("ASV_ENV_NAME", "virtualenv-py3.11")
    return tmp_path


def forget_all() -> None:
    label.difference.cache_clear()
    label.record.cache_clear()


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    forget_all()
    yield
    forget_all()


def describe(folder: Path, requirements: dict[str, str], labelled: tuple[str, ...] = ()) -> None:
    """Leave the record that installing a commit leaves."""
    record = {"distribution": "app", "requirements": requirements, "labelled": labelled}
    (folder / label.RECORD).write_text(json.dumps(record))


def pretend(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Make some distributions look installed in another version."""
    true = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: versions.get(name) or true(name)
    )


def test_an_environment_with_the_commits_pins_is_fine(asv_environment: Path) -> None:
    label.verify()


def test_outside_asv_there_is_nothing_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASV_ENV_DIR", raising=False)
    pretend(monkeypatch, sqlalchemy="1.0")
    label.verify()


def test_another_version_than_pinned_is_refused(
    asv_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, faker="1.0")
    with pytest.raises(SystemExit) as refusal:
        label.verify()
    message = str(refusal.value)
    assert message.startswith("sqlalchemy-asv: refusing to measure: the commit's pins say faker ")
    assert "installed is 1.0" in message
    assert "\n" not in message


def test_the_label_decides_where_it_says_something(
    asv_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = importlib.metadata.version("sqlalchemy")
    describe(asv_environment, {"sqlalchemy": installed}, ("sqlalchemy",))
    label.verify()
    describe(asv_environment, {"sqlalchemy": "2.0.1"}, ("sqlalchemy",))
    forget_all()
    monkeypatch.setenv("ASV_ENV_NAME", "virtualenv-py3.11-sqlalchemy2.0.1")
    with pytest.raises(SystemExit, match=r"sqlalchemy2\.0\.1 says sqlalchemy 2\.0\.1, installed"):
        label.verify()


def test_a_package_that_is_missing_is_refused(asv_environment: Path) -> None:
    describe(asv_environment, {"no-such-package": "1"})
    with pytest.raises(SystemExit, match="pins say no-such-package 1, installed is missing"):
        label.verify()


def test_what_is_imported_counts_and_not_what_is_recorded(
    asv_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlalchemy.__version__", "9.9.9")
    with pytest.raises(SystemExit, match=r"imports sqlalchemy 9\.9\.9, which is not the one"):
        label.verify()


def test_a_hash_seed_left_to_chance_is_refused(
    asv_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.flags", flags(hash_randomization=1))
    with pytest.raises(SystemExit, match="PYTHONHASHSEED is not 0"):
        label.verify()


@pytest.mark.parametrize("damaged", ["{", "[]", "{}", None])
def test_a_damaged_environment_is_refused_in_one_line(
    asv_environment: Path, damaged: str | None
) -> None:
    if damaged is None:
        (asv_environment / label.RECORD).unlink()
    else:
        (asv_environment / label.RECORD).write_text(damaged)
    with pytest.raises(SystemExit, match=r"environment virtualenv-py3\.11 is damaged .*; remove"):
        label.verify()
