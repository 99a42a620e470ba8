"""A clone of this repository for each module of tests."""

from pathlib import Path

import pytest

from ..support.clone import Clone


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder of environments that all processes of pytest share."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "environments"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Clone:
    return Clone(tmp_path_factory.mktemp("clone"), shared)
