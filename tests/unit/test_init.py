"""`sqlalchemy-asv init`: what it finds in a repository, and what it says where it cannot go on."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asv.util import UserError, load_json
from sqlalchemy_asv.environments import sources
from sqlalchemy_asv.environments.resolving import explained
from sqlalchemy_asv.init import finding, suite, writing
from sqlalchemy_asv.templates import render
from sqlalchemy_asv.worker import inspecting

from ..support.applications import commit, git, write

PACKAGE = '[project]\nname = "shop"\nversion = "1"\n'
MODELS = "from sqlalchemy.orm import DeclarativeBase\n\nclass Base(DeclarativeBase): ...\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "--quiet")
    return folder.resolve()


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        write(root / name, text)
    commit(root, "First")
    return root


def test_an_application_is_found_with_all_that_it_reads(root: Path) -> None:
    settings = (
        "import os\nfrom os import environ\n"
        "KEY = os.environ['SECRET_KEY']\nURL = os.getenv('DATABASE_URL', 'sqlite://')\n"
        "DEBUG = environ.get('DEBUG')\n"
    )
    put(
        root,
        {
            "pyproject.toml": PACKAGE + 'dependencies = ["asyncpg>=0.29"]\n',
            "src/shop/__init__.py": "",
            "src/shop/models.py": MODELS,
            "src/shop/settings.py": settings,
            "src/shop/broken.py": "def (",
            "tests/test_models.py": MODELS,
            "alembic.ini": "[alembic]\nscript_location = migrations\n",
            "migrations/env.py": "from shop.models import Base\n",
        },
    )
    found = finding.find(root)
    assert (found.root, found.folder, found.subfolder) == (root, root, "")
    assert sources.is_package(found.folder)
    assert found.source == "the metadata of its package"
    assert found.modules == ["shop.models", "shop"]
    assert found.alembic == "alembic.ini"
    assert (found.addresses, found.variables) == (["DATABASE_URL"], ["SECRET_KEY"])
    assert found.drivers == {"postgresql": "asyncpg"}
    assert found.notes == []
    assert writing.settings_of(found, ["shop.models:Base"]) == {
        "metadata": ["shop.models:Base"],
        "alembic": "alembic.ini",
        "database_url": ["DATABASE_URL"],
        "drivers": {"postgresql": "asyncpg"},
        "environment": {"SECRET_KEY": None},
    }


def test_any_name_of_a_module_is_found_and_a_deleted_one_is_not(root: Path) -> None:
    files = {"pyproject.toml": PACKAGE, "shop/größe.py": MODELS, "shop/deleted.py": MODELS}
    put(root, files)
    (root / "shop/deleted.py").unlink()
    assert finding.find(root).modules == ["shop.größe"]


def test_an_application_in_a_subfolder_and_a_lock_at_the_root(root: Path) -> None:
    put(
        root,
        {
            "uv.lock": "",
            "README.md": "",
            "backend/pyproject.toml": PACKAGE,
            "backend/shop/models.py": MODELS,
        },
    )
    found = finding.find(root)
    assert (found.subfolder, found.source, found.modules) == ("backend", "uv.lock", ["shop.models"])


def test_what_is_left_to_people_is_said(root: Path) -> None:
    put(
        root,
        {
            "poetry.lock": "",
            "requirements-a.txt": "",
            "requirements-b.txt": "",
            "pyproject.toml": PACKAGE,
            "shop/models.py": MODELS,
            "migrations/alembic.ini": "",
            "migrations/env.py": "from flask import current_app\n",
        },
    )
    notes = "\n".join(finding.find(root).notes)
    assert "poetry.lock is read by neither uv nor pip. Set asv's `install_command`" in notes
    assert "there are requirements-a.txt, requirements-b.txt: name those that count" in notes
    assert "the migrations need Flask's application" in notes


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            {"shop/models.py": MODELS},
            "requirements.txt or pyproject.toml with a project, so it cannot",
        ),
        (
            {"pyproject.toml": PACKAGE, "shop/a.py": "x = 1\n"},
            "no module that git tracks here declares tables",
        ),
        (
            {"a/pyproject.toml": PACKAGE, "b/pyproject.toml": PACKAGE},
            "there are several applications, a, b: call init in one of them",
        ),
        ({"pyproject.toml": "[project\n"}, "pyproject.toml cannot be read"),
    ],
)
def test_what_is_missing_is_named_with_the_remedy(
    root: Path, files: dict[str, str], reason: str
) -> None:
    with pytest.raises(UserError, match=reason) as refused:
        finding.find(put(root, files))
    assert "\n" not in str(refused.value)


def test_no_repository_and_no_commit(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no commit yet"):
        finding.find(root)
    (tmp_path / "plain").mkdir()
    with pytest.raises(UserError, match="in no git repository"):
        finding.find(tmp_path / "plain")


def test_files_that_are_there_are_left_as_they_are(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(
        root,
        {"pyproject.toml": PACKAGE, "shop/models.py": MODELS, "asv.conf.json": "{}"},
    )
    monkeypatch.chdir(root)
    with pytest.raises(UserError, match=r"asv\.conf\.json is there already"):
        writing.start(root, workflow=False)
    (root / "asv.conf.json").unlink()
    for name in writing.FOLDERS:
        put(root, {f"{name}/mine.py": ""})
    with pytest.raises(UserError, match="benchmarks and performance are there already"):
        writing.start(root, workflow=False)


def test_a_folder_that_init_had_begun_to_write_is_its_own(root: Path) -> None:
    folder = root / "benchmarks"
    assert writing.begun(folder)
    put(root, {"benchmarks/__init__.py": "", "benchmarks/__pycache__/first.pyc": ""})
    assert writing.begun(folder)
    put(root, {"benchmarks/first.py": "import shop"})
    assert writing.begun(folder)
    put(root, {"benchmarks/__init__.py": "import shop"})
    assert not writing.begun(folder)
    assert not writing.begun(Path(__file__))


def test_what_python_makes_beside_benchmarks_is_ignored(root: Path) -> None:
    put(root, {".gitignore": "*.log"})
    started = SimpleNamespace(written=[])
    for _ in range(2):
        writing.ignore(started, root, "benchmarks")  # type: ignore[arg-type]
        assert (root / ".gitignore").read_text("utf-8") == "*.log\n__pycache__/\n"
    assert started.written == [".gitignore (__pycache__/)"]


def test_the_settings_for_tests_in_the_docs_are_enough(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "your-tests.md").read_text("utf-8")
    example = page.partition("```json\n")[2].partition("```")[0]
    put(root, {"pyproject.toml": PACKAGE, "asv.conf.json": example})
    monkeypatch.chdir(root)
    found = suite.settings_for(root, None).sqlalchemy_asv
    assert found["measuring_requirements"] == ["factory-boy", "pytest"]


def test_the_fewest_names_that_have_all_tables_are_chosen() -> None:
    looked: list[dict[str, Any]]
    base, people = {"name": "Base", "tables": ["a", "b"]}, {"name": "People", "tables": ["c"]}
    part = {"name": "Base", "tables": ["a"]}
    looked = [
        {"module": "shop.goods", "metadata": [part]},
        {"module": "shop.base", "metadata": []},
        {"module": "shop.models", "metadata": [base, people]},
        {"module": "shop.people", "metadata": [people]},
    ]
    assert finding.chosen(looked) == ["shop.models:Base", "shop.models:People"]
    assert finding.chosen([]) == []


def test_the_settings_that_are_written_can_be_read(tmp_path: Path) -> None:
    own = {"metadata": ["shop.models:Base"], "drivers": {"sqlite": "aiosqlite"}}
    text = render(
        "sqlalchemy_asv.init",
        "asv.conf.txt",
        project='a "quoted" one',
        repo="..",
        subfolder="backend",
        own=own,
        about=writing.ABOUT,
        folder="performance",
    )
    file = tmp_path / "asv.conf.json"
    file.write_text(text, encoding="utf-8")
    found = load_json(str(file), js_comments=True)
    assert (found["project"], found["repo_subdir"]) == ('a "quoted" one', "backend")
    assert found["sqlalchemy_asv"] == own
    assert found["benchmark_dir"] == "performance"


def test_the_workflow_keeps_environments_and_says_its_minutes() -> None:
    text = render(
        "sqlalchemy_asv.init",
        "verdict.txt",
        python="3.12",
        requirement="sqlalchemy-asv==1.0",
        folder="backend/",
    )
    assert "path: backend/.asv" in text
    assert "working-directory: backend/" in text
    assert "minutes" in text
    script = text.partition("        run: |\n          code=0")[2]
    done = subprocess.run(["bash", "-n"], input=f"code=0{script}", text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "${{ github.event.pull_request.base.sha }}" in text


# --- what a commit says of its packages -----------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "package"),
    [
        ({"pyproject.toml": PACKAGE}, True),
        ({"pyproject.toml": "[tool.ruff]\n"}, False),
        ({"setup.py": ""}, True),
        ({}, False),
        ({"pyproject.toml": PACKAGE, "uv.lock": ""}, False),  # uv wants a build system
        ({"pyproject.toml": PACKAGE + "[build-system]\n", "uv.lock": ""}, True),
        ({"pyproject.toml": PACKAGE + "[tool.uv]\npackage = false\n"}, False),
        ({"pyproject.toml": "[build-system]\n[tool.poetry]\npackage-mode = false\n"}, False),
    ],
)
def test_a_package_is_told_by_the_rules_of_its_installer(
    tmp_path: Path, files: dict[str, str], package: bool
) -> None:
    for name, text in files.items():
        write(tmp_path / name, text)
    assert sources.is_package(tmp_path) is package


def test_everything_that_decides_a_resolution_is_in_its_digest(tmp_path: Path) -> None:
    write(tmp_path / "requirements.txt", "-r more.txt\n--constraint=limits.txt\nsix\n")
    write(tmp_path / "more.txt", "idna\n")
    write(tmp_path / "limits.txt", "idna<3\n")
    found = sources.Source("it", files=(tmp_path / "requirements.txt",))
    assert {"idna\n", "idna<3\n"} <= {*found.texts()}
    assert not found.local
    for line in ("-e .", "./lib", "lib @ file:///somewhere", "file:///somewhere"):
        write(tmp_path / "more.txt", f"{line}\n")
        assert found.local, line
    assert not sources.Source("it", ("lib @ https://example.org/lib-1.tar.gz",)).local


def test_the_reason_of_an_installer_is_one_line() -> None:
    uv = "error: No solution found\n  cause: Because six is too old, it fails.\n"
    assert explained(uv) == "Because six is too old, it fails."
    pip = (
        "WARNING: a cache\nERROR: Cannot install a and b because they conflict.\n"
        "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/\n"
    )
    assert explained(pip) == "Cannot install a and b because they conflict."
    assert explained("first\nthe last one\n") == "the last one"


def test_requirements_with_hashes_are_requirements(tmp_path: Path) -> None:
    file = tmp_path / "requirements-dev.txt"
    write(file, "-r more.txt\npytest==8.0 \\\n    --hash=sha256:abc\nsix  # a comment\n./lib\n")
    assert list(suite.requirements_in(file)) == ["pytest==8.0", "six"]


def test_a_damaged_lock_is_named(tmp_path: Path) -> None:
    file = tmp_path / "pylock.toml"
    file.write_text("lock-version = '9'\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"pylock\.toml cannot be used: "):
        sources.of_pylock(file, "3.11")


def test_a_module_that_ends_its_process_is_an_error_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ends_all.py").write_text("import os; os._exit(3)")
    (tmp_path / "has_tables.py").write_text(
        "import sqlalchemy as sa\nmetadata = sa.MetaData()\nsa.Table('kept', metadata)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "found"
    ended = inspecting._alone("ends_all", file)
    assert ended["error"] == "its process ended itself, with exit code 3"
    assert inspecting._alone("nonesuch", file)["error"].startswith("ModuleNotFoundError")
    found = inspecting._alone("has_tables", file)
    assert found["metadata"] == [{"name": "metadata", "tables": ["kept"]}]
    assert "has_tables" not in sys.modules
