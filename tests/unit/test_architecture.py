"""Rules of the house that import-linter (`make check`) cannot check."""

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from maintenance import campaign

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tool"


def imported(source: str) -> set[str]:
    """The modules that a module imports, with a dot before those of its own package."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


@pytest.mark.parametrize("module", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda m: m.name)
def test_scenarios_import_the_tools_public_names_and_their_domains_base(module: Path) -> None:
    found = imported(module.read_text(encoding="utf-8"))
    assert {name for name in found if name.startswith("sqlalchemy_asv")} <= {"sqlalchemy_asv"}
    # `databases.py` restores datasets after the scenarios of other modules.
    assert {name for name in found if name.startswith(".")} <= {".base"} | (
        {"."} if module.name == "databases.py" else set()
    )


def test_the_tool_names_nothing_that_it_measures() -> None:
    for module in TOOL.rglob("*.py"):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
        assert not [t for t in texts if isinstance(t, str) and re.search(r"\bfixtures\b", t)], (
            module
        )


@pytest.mark.parametrize(
    "name",
    [
        module.stem
        for module in sorted((ROOT / "maintenance").glob("*.py"))
        if "def main(" in module.read_text(encoding="utf-8")
    ],
)
def test_programs_of_maintainers_say_how_they_are_called(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"maintenance.{name}").main(["--help"])
    assert ended.value.code == 0
    assert f"usage: python -m maintenance.{name}" in capsys.readouterr().out


UNDER_TEST = """
import importlib, sys
ALLOWED = sys.stdlib_module_names | {"sqlalchemy_asv", "sqlalchemy", "greenlet"}
ALLOWED |= {"typing_extensions", "cython_runtime"}
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(f"sqlalchemy_asv.{name}")
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(name for name in loaded - ALLOWED if not name.startswith("_")))
"""


def test_under_test_sqlalchemy_and_the_standard_library_are_enough() -> None:
    names = [
        *("scenario", "counting", "about", "benchmark", "budget", "commit", "suite"),
        *("databases.sqlite", "databases.benchmarks", "profiler.causes", "profiler.memory"),
        *("worker.counts", "worker.sampling", "worker.profile", "worker.budgets"),
        "load.benchmark",
    ]
    done = subprocess.run(
        [sys.executable, "-c", UNDER_TEST, *names], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


DISCOVERED = """
import importlib, pkgutil, sys
import benchmarks
for module in pkgutil.iter_modules(benchmarks.__path__, "benchmarks."):
    importlib.import_module(module.name)
print(*sys.modules)
"""


def test_what_asv_imports_changes_no_standard_library_and_is_small() -> None:
    """gevent changes the standard library, and Faker the size of every process."""
    done = subprocess.run(
        [sys.executable, "-c", DISCOVERED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {"gevent", "locust", "faker", "tqdm", "asv"}.isdisjoint(done.stdout.split())


def test_the_tool_pins_nothing() -> None:
    project = tomllib.loads((TOOL / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    requirements = [*project["dependencies"], *(r for extra in extras for r in extra)]
    assert all(re.fullmatch(r"[A-Za-z0-9_.\[\]-]+>=[0-9][\w.]*", r) for r in requirements)


def test_exact_pins_stand_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    requirements = [*project["dependencies"], *(r for extra in extras for r in extra)]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][\w.]*", r) for r in requirements)
    for other in ("Makefile", "asv.conf.json", "asv.releases.conf.json", ".ci/run"):
        assert "==" not in (ROOT / other).read_text(encoding="utf-8")


def settings(name: str) -> dict[str, object]:
    text = (ROOT / name).read_text(encoding="utf-8")
    parsed: dict[str, object] = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    return parsed


def test_all_configurations_measure_alike() -> None:
    commits, others = settings("asv.conf.json"), settings("asv.releases.conf.json")
    differing = {
        key for key in commits.keys() | others.keys() if commits.get(key) != others.get(key)
    }
    assert differing == {"repo", "branches", "env_dir", "results_dir", "html_dir"} | {
        *("build_cache_size", "sqlalchemy_asv")
    }


def test_results_hold_no_secret_and_no_path() -> None:
    files = list((ROOT / "results").rglob("*.json"))
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"password|secret", text), path.name
        # A string that is an absolute path, on any system.
        assert not re.search(r'"(/|~/|[A-Za-z]:\\)', text), path.name


@pytest.mark.parametrize("history", ["commits", "releases"])
def test_results_of_one_machine_make_one_history(history: str) -> None:
    # asv makes a graph for every combination of parameters, and looks for steps in each.
    found = set()
    for file in (ROOT / "results" / history).glob("*/*.json"):
        if file.name != "machine.json":
            params = json.loads(file.read_text("utf-8"))["params"]
            found.add((params["machine"], *sorted(set(params) - {"DATABASE", "sqlalchemy"})))
    assert found
    assert len(found) == len({machine for machine, *_ in found})


def test_a_command_loads_nothing_that_takes_long_before_it_needs_it() -> None:
    """SQLAlchemy is loaded in the processes under test, SciPy where times are compared."""
    program = (
        "import sys, sqlalchemy_asv.plugin, sqlalchemy_asv.compare.suites\n"
        "from sqlalchemy_asv.cli import COMMANDS, program\n"
        "for name in COMMANDS: program.get_command(None, name)\n"
        "print({'sqlalchemy', 'scipy', 'numpy', 'matplotlib', 'faker', 'locust'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


# --- pages ----------------------------------------------------------------------------------------

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "tool" / "README.md"]
PAGES += sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]
            assert anchor in anchors, target


def test_the_trials_in_the_docs_are_those_that_were_made() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert campaign.Record(campaign.MADE).table() in text
