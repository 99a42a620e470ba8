"""What a commit asks for is what is installed: as by the installer of its own files."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asv.config import Config
from asv.util import UserError
from sqlalchemy_asv import scratch
from sqlalchemy_asv.compare.checkout import Checkout
from sqlalchemy_asv.environments import environment, installers
from sqlalchemy_asv.environments.installers import uv

from ..support.applications import commit, git, write

PROJECT = """\
[project]
name = "asks"
version = "1.0"
requires-python = ">=3.11"
dependencies = [
    "SQLAlchemy>=2.0.40,<2.1",
    "six>=1.15",
    "tomli>=2; python_version < '3.11'",
    "idna>=3; python_version >= '3.11'",
    "uritools @ {url}",
    "requests[socks]>=2.31",
]

[project.optional-dependencies]
fast = ["iniconfig>=2"]
never = ["toml>=0.10"]

[dependency-groups]
perf = ["pluggy>=1.4"]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.metadata]
allow-direct-references = true
"""
OWN = {"extras": ["fast"], "groups": ["perf"]}
ALREADY = {"pip", "setuptools", "wheel", "asv-runner", "pympler", "asks"}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = tmp_path / "asks"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    # A package that comes by a URL, without a network.
    away = tmp_path / "uritools"
    write(away / "pyproject.toml", '[project]\nname = "uritools"\nversion = "9.9"\n')
    write(away / "uritools.py", "")
    write(root / "pyproject.toml", PROJECT.replace("{url}", away.as_uri()))
    write(root / "src/asks/__init__.py", "")
    write(root / "benchmarks/__init__.py", "")
    write(root / ".gitignore", ".asv\n")
    monkeypatch.chdir(root)
    with scratch.run():
        yield root


def installed(
    root: Path, tmp_path: Path, own: dict[str, Any], subfolder: str = ""
) -> dict[str, str]:
    """The packages that the tool installs for HEAD, by name."""
    conf = Config.from_json(
        {
            "version": 1,
            "project": "asks",
            "repo": str(root),
            "repo_subdir": subfolder,
            "branches": ["HEAD"],
            "dvcs": "git",
            "environment_type": "sqlalchemy-asv",
            "env_dir": str(root / ".asv" / "env"),
            "benchmark_dir": str(root / "benchmarks"),
            "sqlalchemy_asv": own,
        }
    )
    assert environment  # asv finds it among the subclasses of its own
    folder = tmp_path / "measurements"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.rmdir()
    side = Checkout(conf, "base", "sqlite", folder, root / ".asv" / "one")
    side.install(git(root, "rev-parse", "HEAD"))
    found: dict[str, str] = side.installed["packages"]
    return found


def by(tmp_path: Path, *command: str, cwd: Path) -> dict[str, str]:
    """The packages in a new environment after a command; {python} is its Python."""
    folder = tmp_path / "plain"
    subprocess.run([sys.executable, "-m", "virtualenv", "-q", "--clear", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder)}
    said = [part.replace("{python}", python) for part in command]
    subprocess.run(said, cwd=cwd, env=environment, check=True, capture_output=True)
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=json"], check=True, capture_output=True, text=True
    ).stdout
    return {
        each["name"].lower().replace("_", "-"): each["version"]
        for each in json.loads(listed)
        if each["name"].lower().replace("_", "-") not in ALREADY
    }


def alike(found: dict[str, str], expected: dict[str, str]) -> None:
    found = {name: version for name, version in found.items() if name not in ALREADY}
    # asv needs packaging too, which is then no package of the commit alone.
    assert {**found, "packaging": ""} == {**expected, "packaging": ""}


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pip":
        monkeypatch.setattr(installers, "uv", lambda: None)
    name: str = request.param
    return name


def test_metadata_with_ranges_markers_extras_groups_and_urls(
    repository: Path, tmp_path: Path, installer: str
) -> None:
    commit(repository, "First")
    found = installed(repository, tmp_path, OWN)
    assert found["uritools"] == "9.9"
    assert {"iniconfig", "pluggy", "pysocks", "idna"} <= found.keys()
    assert not {"toml", "tomli"} & found.keys()
    expected = by(
        tmp_path,
        *("{python}", "-m", "pip", "install", "-q", ".[fast]", "--group", "perf"),
        cwd=repository,
    )
    alike(found, expected)


def test_what_a_commit_asks_no_more_is_gone_and_nothing_is_left_of_its_parent(
    repository: Path, tmp_path: Path
) -> None:
    commit(repository, "First")
    assert "six" in installed(repository, tmp_path, OWN)
    project = repository / "pyproject.toml"
    text = project.read_text(encoding="utf-8").replace('    "six>=1.15",\n', "")
    write(project, text.replace('    "requests[socks]>=2.31",\n', ""))
    commit(repository, "Less")
    found = installed(repository, tmp_path, {})
    assert not {"six", "requests", "pysocks", "urllib3", "iniconfig", "pluggy"} & found.keys()
    alike(found, by(tmp_path, "{python}", "-m", "pip", "install", "-q", ".", cwd=repository))


def test_requirements_files_and_no_package(
    repository: Path, tmp_path: Path, installer: str
) -> None:
    write(repository / "requirements.txt", "-r more.txt\nSQLAlchemy>=2.0.40,<2.1  # a comment\n")
    write(repository / "more.txt", "-c limits.txt\nidna\ntomli; python_version < '3.11'\n")
    write(repository / "limits.txt", "idna<3.7\n")
    (repository / "pyproject.toml").unlink()
    commit(repository, "First")
    found = installed(repository, tmp_path, {})
    assert found["idna"] == "3.6"
    expected = by(
        tmp_path,
        *("{python}", "-m", "pip", "install", "-q", "-r", "requirements.txt"),
        cwd=repository,
    )
    alike(found, expected)
    # The application is imported from its folder, `src`.
    (python,) = (repository / ".asv" / "one" / "base").glob("*/bin/python")
    code = "import asks; print(asks.__file__)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip().endswith("project/src/asks/__init__.py"), done.stderr


def test_another_revision_of_the_same_version_is_another_package(
    repository: Path, tmp_path: Path, installer: str
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "--quiet")
    write(library / "pyproject.toml", '[project]\nname = "Our.Library"\nversion = "0.1"\n')
    (repository / "pyproject.toml").unlink()
    for content in ("ONE = 1\n", "TWO = 2\n"):
        write(library / "our_library.py", content)
        revision = commit(library, content)
        url = f"git+{library.as_uri()}@{revision}"
        write(repository / "requirements.txt", f"Our.Library @ {url}\nSQLAlchemy\n")
        commit(repository, content)
        for _ in range(2):
            assert installed(repository, tmp_path, {})["our-library"] == "0.1"
            found = repository.glob(".asv/one/base/*/lib/*/site-packages/our_library.py")
            assert [file.read_text("utf-8") for file in found] == [content]


def test_a_version_of_the_index_takes_the_place_of_a_folder_of_that_version(
    repository: Path, tmp_path: Path, installer: str
) -> None:
    """And the other way round."""
    folder = tmp_path / "six"
    write(folder / "pyproject.toml", '[project]\nname = "six"\nversion = "1.16.0"\n')
    write(folder / "six.py", "OURS = True\n")
    (repository / "pyproject.toml").unlink()
    for asked in ("six==1.16.0", f"six @ {folder.as_uri()}", "six==1.16.0"):
        write(repository / "requirements.txt", f"{asked}\nSQLAlchemy\n")
        commit(repository, asked)
        assert installed(repository, tmp_path, {})["six"] == "1.16.0"
        (found,) = repository.glob(".asv/one/base/*/lib/*/site-packages/six.py")
        assert (found.read_text("utf-8") == "OURS = True\n") == ("@" in asked)


def test_folders_with_and_without_a_name(repository: Path, tmp_path: Path, installer: str) -> None:
    (repository / "pyproject.toml").unlink()
    for name in ("common", "more"):
        write(
            repository / f"libs/{name}/pyproject.toml",
            f'[project]\nname = "{name}-lib"\nversion = "1"\n',
        )
        write(repository / f"libs/{name}/{name}_lib.py", "")
    write(repository / "requirements.txt", "-e ./libs/common\n./libs/more\nSQLAlchemy\n")
    commit(repository, "First")
    assert {"common-lib", "more-lib"} <= installed(repository, tmp_path, {}).keys()


def test_pins_of_the_working_trees_tests_give_way_to_those_of_the_commit(
    repository: Path, tmp_path: Path, installer: str
) -> None:
    """Its file of requirements for tests repeats the pins of the newest commit."""
    (repository / "pyproject.toml").unlink()
    write(repository / "requirements.txt", "SQLAlchemy>=2.0.40,<2.1\nsix==1.16.0\n")
    commit(repository, "First")
    own = {"measuring_requirements": ["six==1.17.0", "iniconfig"]}
    found = installed(repository, tmp_path, own)
    assert (found["six"], "iniconfig" in found) == ("1.16.0", True)


def with_uv_lock(repository: Path) -> None:
    program = uv()
    assert program is not None
    subprocess.run([program, "-q", "lock"], cwd=repository, check=True)


def test_a_lock_of_uv_in_a_workspace(repository: Path, tmp_path: Path) -> None:
    """The lock stands at the root, the application in a subfolder, and needs another member."""
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    write(repository / "pyproject.toml", '[tool.uv.workspace]\nmembers = ["backend", "common"]\n')
    sources = "\n[tool.uv.sources]\ncommon = { workspace = true }\n"
    text = text.replace('"six>=1.15"', '"six>=1.15", "common"') + sources
    write(repository / "backend/pyproject.toml", text)
    write(repository / "backend/src/asks/__init__.py", "")
    common = text.partition("[build-system]")[2].partition("[tool.hatch")[0]
    write(
        repository / "common/pyproject.toml",
        '[project]\nname = "common"\nversion = "1"\nrequires-python = ">=3.11"\n'
        f"[build-system]{common}",
    )
    write(repository / "common/common/__init__.py", "")
    with_uv_lock(repository)
    commit(repository, "First")
    found = installed(repository, tmp_path, OWN, "backend")
    assert found["common"] == "1"
    program = uv()
    assert program is not None
    sync = ("sync", "--frozen", "--inexact", "--extra", "fast", "--group", "perf")
    alike(found, by(tmp_path, program, *sync, cwd=repository / "backend"))


def test_a_pylock(repository: Path, tmp_path: Path) -> None:
    with_uv_lock(repository)
    program = uv()
    assert program is not None
    export = ("export", "-q", "--format", "pylock.toml", "--no-emit-project", "-o", "pylock.toml")
    subprocess.run([program, *export], cwd=repository, check=True)
    (repository / "uv.lock").unlink()
    commit(repository, "First")
    found = installed(repository, tmp_path, {})
    assert {"idna", "six", "uritools"} <= found.keys()
    expected = by(
        tmp_path,
        *(program, "pip", "install", "-q", "--python", "{python}", "-r", "pylock.toml"),
        cwd=repository,
    )
    alike(found, expected)


Change = Callable[[Path], None]


def unlocked(root: Path) -> None:
    (root / "pyproject.toml").unlink()


def impossible(root: Path) -> None:
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    write(root / "pyproject.toml", text.replace('"six>=1.15"', '"six>=99"'))


def several(root: Path) -> None:
    (root / "pyproject.toml").unlink()
    write(root / "requirements-a.txt", "six\n")
    write(root / "requirements-b.txt", "six\n")


@pytest.mark.parametrize(
    ("change", "own", "reason"),
    [
        (unlocked, {}, "no lock, no requirements.txt and no package: name its `requirements`"),
        (impossible, {}, "six"),
        (several, {}, "there are requirements-a.txt, requirements-b.txt: name those that count"),
        (None, {"requirements": ["gone.txt"]}, "there is no gone.txt, which `requirements`"),
    ],
)
def test_a_commit_that_cannot_be_installed_says_why_in_one_line(
    repository: Path, tmp_path: Path, change: Change | None, own: dict[str, Any], reason: str
) -> None:
    if change is not None:
        change(repository)
    commit(repository, "First")
    with pytest.raises(UserError, match="could not be installed: ") as refused:
        installed(repository, tmp_path, own)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
