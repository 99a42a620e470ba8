"""Trap 2: a benchmark that changed without a new version, or has a new one without a change."""

import importlib
import itertools
import linecache
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy_asv import label, version
from sqlalchemy_asv.environments.environment import CommitEnvironment

from ..support.scenarios import FAMILY, with_all_metrics

MODULE = """
from sqlalchemy_asv import Scenario, lazy_import
{imports}
operations = lazy_import("app.shop.operations")
{before}
class Base(Scenario):
    '''A domain.'''
    dataset = "app.shop.dataset"
    user_id = 42{extra}

    def setup_cache(self):
        return self.build()

class Case(Base):
    '''A line of a report.'''
    {budget}
    def operation(self, session):
        {operation}
{after}
"""
APPLICATION = {
    "__init__.py": "",
    "tools.py": "def shared(): return 1\n",
    "shop/__init__.py": "",
    "shop/operations.py": "from app.tools import shared\ndef feed(session, user): shared()\n",
    "shop/dataset.py": "ROWS = 10\n",
    "blog/__init__.py": "",
    "blog/operations.py": "def write(session): return 1\n",
}


class Discover(Protocol):
    def __call__(
        self, *, application: dict[str, str] | None = None, working_tree: bool = False, **parts: str
    ) -> dict[str, str]: ...


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Discover:
    """The versions of a module with one scenario, by benchmark."""
    numbers = itertools.count()

    def discover(
        *, application: dict[str, str] | None = None, working_tree: bool = False, **parts: str
    ) -> dict[str, str]:
        folder = tmp_path / str(next(numbers))
        given = {"operation": "return operations.feed(session, 42)", **parts}
        names = ("imports", "before", "extra", "budget", "after")
        files = {f"app/{n}": text for n, text in {**APPLICATION, **(application or {})}.items()}
        files["suite.py"] = MODULE.format(**{**dict.fromkeys(names, ""), **given})
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True, parents=True)
            (folder / name).write_text(text)
        version._source_of_module.cache_clear()
        version.data_layer.cache_clear()
        linecache.clearcache()
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder)
            patch.setattr(label, "data_layer", lambda: "abc" if working_tree else None)
            suite = importlib.import_module("suite")
            found = {name: getattr(suite.Case, name).version for name in FAMILY}
        for name in [name for name in sys.modules if name.partition(".")[0] in ("suite", "app")]:
            del sys.modules[name]
        return found

    return discover


def test_moving_code_and_adding_imports_leave_all_versions(versions: Discover) -> None:
    once = versions()
    same: Any
    for same in (
        {"operation": "return operations.feed(session, 42)  # comments do not count"},
        {"imports": "import datetime"},
        {"before": "def helper():\n    return 1\n"},
        {"after": "class Other(Base):\n    '''New.'''\n    def other(self): ...\n"},
        {"budget": "budget = 7\n"},
        {"budget": "budget: int = 7\n"},
    ):
        assert versions(**same) == once


def test_changing_the_operation_or_what_it_inherits_does_not(versions: Discover) -> None:
    once = versions()
    other = versions(operation="return operations.feed(session, 43)")
    inherited = versions(extra="0")
    for name in once:
        assert len({once[name], other[name], inherited[name]}) == 3


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({"blog/operations.py": "def write(session): return 2\n"}, False),
        ({"news/__init__.py": "", "news/models.py": "x = 1\n"}, False),
        ({"shop/models.py": "x = 1\n"}, False),
        ({"tools.py": "def shared(): return 1  # a comment\n"}, False),
        ({"tools.py": "def shared(): return 2\n"}, True),
        ({"shop/dataset.py": "ROWS = 11\n"}, True),
    ],
)
def test_where_commits_have_the_working_trees_data_layer_a_domain_counts_for_itself(
    versions: Discover, changed: dict[str, str], counts: bool
) -> None:
    once = versions(working_tree=True)
    other = versions(working_tree=True, application=changed)
    assert (once != other) == counts
    # If commits have data layers of their own, the version does not depend on those.
    assert versions() == versions(application=changed)


def test_a_module_that_is_imported_relatively_counts(versions: Discover) -> None:
    ours = {
        "shop/operations.py": "from ..tools import shared\nfrom . import more\n",
        "shop/more.py": "x = 1\n",
    }
    changed = [{"tools.py": "def shared(): return 2\n"}, {"shop/more.py": "x = 2\n"}]
    found = [versions(working_tree=True, application=ours | each) for each in [{}, *changed]]
    for name in found[0]:
        assert len({each[name] for each in found}) == 3


def test_an_instrument_counts_by_the_version_that_it_states(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (stated,) = {FAMILY["track_rows"].version}
    assert stated > 1  # rows have been corrected
    assert version.of_benchmark(["x = 1", "track_rows = 1"]) != version.of_benchmark(
        ["x = 1", f"track_rows = {stated}"]
    )


def test_docstrings_layout_and_budgets_do_not_count() -> None:
    plain = "def f(x):\n    return x\n"
    dressed = 'def f(x):\n    """Says."""\n\n    # why\n    return (x)\n'
    assert version.digest([plain]) == version.digest([dressed])
    assert version.digest([plain]) != version.digest([plain.replace("return x", "return -x")])
    limited = 'class A:\n    budget = 1\n    """Why."""\n    x = 2\n    """A number."""\n'
    assert version.digest([limited]) == version.digest(["class A:\n    x = 2\n"])


def test_other_arguments_count_for_the_metrics_that_use_them() -> None:
    plain = "class A(Scenario):\n    rows = 2\n"
    varied = f"{plain}\n    def arguments(self, n):\n        return {{'rows': n}}\n"
    assert version.digest([varied]) != version.digest([plain])
    without = version.without_method(varied, "arguments")
    assert version.digest([without]) == version.digest([plain])
    assert version.without_method(plain, "arguments") == plain
    assert [name for name, each in FAMILY.items() if each.repeats] == [
        "track_compiled",
        "track_cache_entries",
        "track_retained",
        "track_retained_bytes",
        "track_cycles",
    ]


def test_every_metric_of_every_scenario_has_a_version_and_the_scenarios_source() -> None:
    versions = set()
    for scenario in with_all_metrics():
        for name in FAMILY:
            metric = getattr(scenario, name)
            versions.add(metric.version)
            assert metric.pretty_source.startswith(f"class {scenario.__name__}(")
    assert len(versions) == len(FAMILY) * len(with_all_metrics())


def test_a_digest_of_the_working_tree_ignores_comments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").mkdir()

    def digest(text: str) -> str | None:
        (tmp_path / "app" / "models.py").write_text(text)
        environment = object.__new__(CommitEnvironment)
        environment._conf = type("Conf", (), {"sqlalchemy_asv": {"working_tree": ["app"]}})
        return environment._data_layer()

    one = digest("x = 1\n")
    assert digest('"""Says more."""\n# and more\nx = 1\n') == one
    assert digest("x = 2\n") != one
