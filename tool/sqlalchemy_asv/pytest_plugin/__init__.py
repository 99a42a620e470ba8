"""The plugin for pytest: what each test asks of its databases.

pytest loads this module wherever the tool is installed. Unless it is asked to count, it does
nothing, and imports nothing of SQLAlchemy.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import pytest

MARK = "sqlalchemy_limit"
COUNTER = "sqlalchemy-asv-counter"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sqlalchemy-asv", "SQLAlchemy")
    group.addoption(
        "--sqlalchemy-counts",
        action="store_true",
        help="Count the statements, rows, compilations and commits of each test, on all engines,"
        " and show a summary.",
    )
    group.addoption(
        "--sqlalchemy-counts-file",
        metavar="FILE",
        help="Write the counts of each test to FILE, as JSON. Counts as well.",
    )
    group.addoption(
        "--sqlalchemy-calls",
        action="store_true",
        help="With counts: count calls of Python functions as well. Takes longer.",
    )
    group.addoption(
        "--sqlalchemy-retained",
        action="store_true",
        help="With counts: count the objects that each test leaves behind. Takes longer.",
    )
    group.addoption(
        "--sqlalchemy-reversed",
        action="store_true",
        help="Run the tests in the opposite order, to see which counts depend on it.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARK}(statements=…, rows=…, compiled=…, n_plus_ones=…): fail if the test's call asks"
        " more of SQLAlchemy.",
    )
    if config.getoption("sqlalchemy_counts") or config.getoption("sqlalchemy_counts_file"):
        registered(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("sqlalchemy_reversed", default=False):
        items.reverse()
    for item in items:
        used: Sequence[str] = getattr(item, "fixturenames", ())
        if "sqlalchemy_counts" in used or item.get_closest_marker(MARK) is not None:
            registered(config)
            return


@pytest.fixture
def sqlalchemy_counts(request: pytest.FixtureRequest) -> Any:
    """The counts of this test so far: `statements`, `rows`, `compiled`, `n_plus_ones` and others.

    See `sqlalchemy_asv.pytest_plugin.counts.Counts`.
    """
    return registered(request.config).recorder.counts


def registered(config: pytest.Config) -> Any:
    """The plugin that counts, which is registered at its first use."""
    found = config.pluginmanager.get_plugin(COUNTER)
    if found is None:
        found = importlib.import_module(".counter", __name__).Counter(config)
        config.pluginmanager.register(found, COUNTER)
    return found
