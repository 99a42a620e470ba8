"""Arrows run one way: reading -> results <- benchmarks -> fixtures."""

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "fixtures": {"benchmarks", "reporting", "asv", "asv_runner", "locust", "gevent", "tests"},
    "benchmarks": {"reporting", "asv", "locust", "gevent", "tests"},
    "load": {"benchmarks", "reporting", "asv", "asv_runner", "tests"},
    "reporting": {"fixtures", "benchmarks", "locust", "gevent", "tests"},
}


def imported(source: str) -> set[str]:
    """The top-level packages that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_arrow_runs_backwards(room: str) -> None:
    modules = list((ROOT / room).rglob("*.py"))
    assert modules
    for module in modules:
        wrong = imported(module.read_text(encoding="utf-8")) & FORBIDDEN[room]
        assert not wrong, f"{module.relative_to(ROOT)} imports {wrong}"


def test_benchmarks_import_of_a_commit_nothing_at_import_time() -> None:
    for module in (ROOT / "benchmarks").rglob("*.py"):
        assert "fixtures" not in imported(module.read_text(encoding="utf-8")), module.name


def test_exact_pins_stand_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    requirements = [*project["dependencies"], *(r for extra in extras for r in extra)]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][\w.]*", r) for r in requirements)
    for other in ("Makefile", "asv.conf.json", ".ci/run"):
        assert "==" not in (ROOT / other).read_text(encoding="utf-8")


def settings(name: str) -> dict[str, object]:
    text = (ROOT / name).read_text(encoding="utf-8")
    parsed: dict[str, object] = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    return parsed


@pytest.mark.parametrize(
    ("other", "own"),
    [
        ("asv.matrix.conf.json", {"matrix"}),
        (
            "asv.releases.conf.json",
            {"repo", "branches", "env_dir", "build_command", "install_command"},
        ),
    ],
)
def test_all_configurations_measure_alike(other: str, own: set[str]) -> None:
    commits, others = settings("asv.conf.json"), settings(other)
    differing = {
        key for key in commits.keys() | others.keys() if commits.get(key) != others.get(key)
    }
    assert differing - {"build_cache_size"} == {"results_dir", "html_dir"} | own


def test_results_hold_no_secret_and_no_path() -> None:
    files = list((ROOT / "results").rglob("*.json"))
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"password|secret", text), path.name
        # A string that is an absolute path, on any system.
        assert not re.search(r'"(/|~/|[A-Za-z]:\\)', text), path.name


@pytest.mark.parametrize("history", ["commits", "matrix", "releases"])
def test_results_of_one_machine_make_one_history(history: str) -> None:
    # asv makes a graph for every combination of parameters, and looks for steps in each.
    found = set()
    for file in (ROOT / "results" / history).glob("*/*.json"):
        if file.name != "machine.json":
            params = json.loads(file.read_text("utf-8"))["params"]
            found.add((params["machine"], *sorted(set(params) - {"DATABASE", "sqlalchemy"})))
    assert found
    assert len(found) == len({machine for machine, *_ in found})
