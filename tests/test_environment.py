import importlib.metadata
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.harness import environment, requirements
from benchmarks.harness.version import data_layer


def flags(hash_randomization: int) -> SimpleNamespace:
    names = (name for name in dir(sys.flags) if not name.startswith(("_", "n_")))
    found = {name: getattr(sys.flags, name) for name in names}
    return SimpleNamespace(**found | {"hash_randomization": hash_randomization})


@pytest.fixture
def asv_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment as asv describes it to a benchmark process, without a matrix."""
    describe(tmp_path, {})
    # pytest's own process has a hash seed of its own.
    monkeypatch.setattr("sys.flags", flags(hash_randomization=0))
    monkeypatch.setenv("ASV_ENV_DIR", str(tmp_path))
    monkeypatch.setenv("ASV_ENV_NAME", "virtualenv-py3.11")
    return tmp_path


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    environment.difference.cache_clear()
    yield
    environment.difference.cache_clear()


def describe(folder: Path, requirements: dict[str, str]) -> None:
    (folder / "asv-env-info.json").write_text(json.dumps({"requirements": requirements}))


def pretend(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Make some distributions look installed in another version."""
    true = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: versions.get(name) or true(name)
    )


def test_an_environment_with_the_commits_pins_is_fine(asv_environment: Path) -> None:
    environment.verify()


def test_outside_asv_there_is_nothing_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASV_ENV_DIR", raising=False)
    pretend(monkeypatch, sqlalchemy="1.0")
    environment.verify()


def test_another_version_than_pinned_is_refused(
    asv_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, faker="1.0")
    with pytest.raises(SystemExit) as refusal:
        environment.verify()
    message = str(refusal.value)
    assert message.startswith("sqlalchemy-asv: refusing to measure: the commit's pins say faker ")
    assert "installed is 1.0" in message
    assert "\n" not in message


def test_the_label_decides_where_it_says_something(
    asv_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = importlib.metadata.version("sqlalchemy")
    describe(asv_environment, {"SQLAlchemy": installed})
    environment.verify()
    describe(asv_environment, {"sqlalchemy": "2.0.1"})
    environment.difference.cache_clear()
    monkeypatch.setenv("ASV_ENV_NAME", "virtualenv-py3.11-sqlalchemy2.0.1")
    with pytest.raises(SystemExit, match=r"sqlalchemy2\.0\.1 says sqlalchemy 2\.0\.1, installed"):
        environment.verify()


def test_what_is_imported_counts_and_not_what_is_recorded(
    asv_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlalchemy.__version__", "9.9.9")
    with pytest.raises(SystemExit, match=r"imports sqlalchemy 9\.9\.9, which is not the one"):
        environment.verify()


def test_a_data_layer_that_is_not_the_working_trees_is_refused(
    asv_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its digest is part of the version, it is what all commits are measured with."""
    layer = data_layer(Path(__file__).parents[1] / "fixtures")
    monkeypatch.setattr(environment, "installed_layer", lambda: layer)
    environment.verify()
    monkeypatch.setattr(environment, "installed_layer", lambda: "another")
    environment.difference.cache_clear()
    with pytest.raises(SystemExit, match="has another data layer than the working tree; remove"):
        environment.verify()


def test_a_hash_seed_left_to_chance_is_refused(
    asv_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.flags", flags(hash_randomization=1))
    with pytest.raises(SystemExit, match="PYTHONHASHSEED is not 0"):
        environment.verify()


def test_a_damaged_environment_is_refused_in_one_line(asv_environment: Path) -> None:
    (asv_environment / "asv-env-info.json").write_text("{")
    with pytest.raises(SystemExit, match=r"environment virtualenv-py3\.11 is damaged .*; remove"):
        environment.verify()


def test_pins_are_exact_and_unconditional() -> None:
    assert requirements.pins(
        ["SQLAlchemy==2.1.9", "a-b_c == 1", "x[y]==3", "loose>=1", 'asv==1; extra == "tools"']
    ) == {"sqlalchemy": "2.1.9", "a-b-c": "1", "x": "3"}
