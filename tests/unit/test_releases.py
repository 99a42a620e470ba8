"""Histories of releases, made from a package index of the test's own."""

import json
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from asv.util import UserError
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from packaging.version import Version
from sqlalchemy_asv import cli
from sqlalchemy_asv.asv_ext import history, releases, settings
from sqlalchemy_asv.asv_ext.git import git
from sqlalchemy_asv.compare import bisect
from sqlalchemy_asv.environments import requirements
from sqlalchemy_asv.environments.requirements import Wheel

ROOT = Path(__file__).parents[2]
NAME = "sqlalchemy"


class Index:
    """A package index over HTTP, as PEP 691 and PEP 700 have it."""

    def __init__(self) -> None:
        self.projects: dict[str, list[dict[str, Any]]] = {}

    def add(
        self,
        release: str,
        day: int,
        *,
        yanked: bool | str = False,
        tags: str = "py3-none-any",
        dated: bool = True,
        name: str = NAME,
    ) -> None:
        file = f"{name}-{release}-{tags}.whl"
        entry: dict[str, Any] = {"filename": file, "url": file, "hashes": {}, "yanked": yanked}
        if dated:
            entry["upload-time"] = f"2026-{1 + day // 28:02}-{1 + day % 28:02}T12:00:00.5Z"
        self.projects.setdefault(name, []).append(entry)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    """The index that pip is configured with, in a folder that has this project's settings."""
    served = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.strip("/").rpartition("/")[2]
            if name not in served.projects:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
            self.end_headers()
            page = {"meta": {"api-version": "1.1"}, "name": name, "files": served.projects[name]}
            self.wfile.write(json.dumps(page).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://somebody:secret@127.0.0.1:{server.server_address[1]}/simple"
    monkeypatch.setenv("PIP_INDEX_URL", address)
    for name in ("pyproject.toml", releases.SETTINGS, settings.COMMITS):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    yield served
    server.shutdown()
    server.server_close()


def run(*arguments: str) -> int:
    """The exit code of the command, whether it returns or ends."""
    try:
        return cli.main(["releases", *arguments])
    except SystemExit as end:
        return int(end.code or 0)


def repository(name: str = NAME) -> releases.Repository:
    return releases.Repository(releases.FOLDER / name / "repository", name)


def log(name: str = NAME) -> dict[str, tuple[str, str, str]]:
    """Hash, parents and date by release."""
    listed = repository(name).git("log", "--all", "--format=%s%x09%H%x09%P%x09%at %ct")
    lines = (line.split("\t") for line in listed.splitlines())
    return {subject.split()[1]: (commit, parents, date) for subject, commit, parents, date in lines}


def parent(release: str) -> str | None:
    found = log()
    return next((r for r, (commit, *_) in found.items() if commit == found[release][1]), None)


def without_pre_releases() -> None:
    """The settings of a user who has asked for none."""
    file = Path(releases.SETTINGS)
    text = file.read_text(encoding="utf-8")
    assert '"pre_releases": true' in text
    file.write_text(text.replace('"pre_releases": true', '"pre_releases": false'), "utf-8")


def test_each_release_is_a_commit_with_its_date_and_one_pin(index: Index) -> None:
    index.add("2.0.1", 9)
    index.add("2.0.0", 3)
    index.add("1.4.50", 1)
    index.add("2.1.0rc1", 4)
    without_pre_releases()
    assert run() == 0
    found = log()
    assert list(found) == ["2.0.1", "2.0.0"]
    when = int(datetime(2026, 1, 4, 12, tzinfo=UTC).timestamp())
    assert found["2.0.0"][2] == f"{when} {when}"
    assert parent("2.0.1") == "2.0.0"
    assert repository().git("show", "2.0.1:requirements.txt") == "sqlalchemy==2.0.1"
    assert repository().git("ls-tree", "-r", "--name-only", "2.0.1") == "requirements.txt"
    # The same for everybody, so that results of one clone are those of another.
    assert found["2.0.1"][0] == "f549948f320aa64405a5244cca4b80b3d03c8e91"


def test_series_mended_side_by_side_are_branches(index: Index) -> None:
    for day, release in enumerate(("2.0.0", "2.0.1", "2.1.0", "2.0.2", "2.1.1")):
        index.add(release, day)
    assert run() == 0
    assert [parent(r) for r in ("2.0.1", "2.1.0", "2.0.2", "2.1.1")] == [
        *("2.0.0", "2.0.1", "2.0.1", "2.1.0")
    ]
    assert repository().branches() == ["newest", "2.0.x"]
    ends = [repository().git("log", "-1", "--format=%s", b) for b in ("newest", "2.0.x")]
    assert ends == ["sqlalchemy 2.1.1", "sqlalchemy 2.0.2"]


def test_pre_releases_part_what_a_series_brings_into_steps(
    index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    for day, release in enumerate(("2.0.0", "2.1.0b1", "2.0.1", "2.1.0rc1", "2.1.0", "2.0.2")):
        index.add(release, day)
    without_pre_releases()
    assert run() == 0
    assert log().keys() == {"2.0.0", "2.0.1", "2.1.0", "2.0.2"}
    before = log()
    # The parent of 2.1.0 would be another, and so its hash, under which results may be stored.
    assert run("--pre") == 2
    assert (
        "was made without pre-releases: to have them, remove .asv/releases/sqlalchemy"
        in (capsys.readouterr().err.splitlines()[-1])
    )
    assert log() == before
    shutil.rmtree(releases.FOLDER / NAME)
    assert run("--pre") == 0
    parents = [parent(r) for r in ("2.1.0b1", "2.0.1", "2.1.0rc1", "2.1.0", "2.0.2")]
    assert parents == ["2.0.0", "2.0.0", "2.1.0b1", "2.1.0rc1", "2.0.1"]
    assert repository().branches() == ["newest", "2.0.x"]


def test_the_settings_of_another_dependency_remember_its_pre_releases(index: Index) -> None:
    for day, release in enumerate(("3.0.0", "3.1.0b1", "3.1.0")):
        index.add(release, day, name="psycopg")
    assert run("psycopg", "--pre") == 0
    index.add("3.2.0rc1", 3, name="psycopg")
    assert run("psycopg") == 0
    assert log("psycopg").keys() == {"3.0.0", "3.1.0b1", "3.1.0", "3.2.0rc1"}


def test_parts_of_a_history_are_neighbours_and_all_of_it(
    index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(10):
        index.add(f"2.0.{number}", number)
    listed = releases.FOLDER / NAME / "commits"
    found = []
    for part in ("1/3", "2/3", "3/3"):
        assert run("--part", part) == 0
        names = {commit: release for release, (commit, *_) in log().items()}
        found.append([names[commit] for commit in listed.read_text().split()])
    assert found == [
        ["2.0.2", "2.0.1", "2.0.0"],
        ["2.0.5", "2.0.4", "2.0.3"],
        ["2.0.9", "2.0.8", "2.0.7", "2.0.6"],
    ]
    assert "part 3 of 3: 4 releases" in capsys.readouterr().out
    for wrong in ("0/3", "4/3", "two", "1/0", "-1/2"):
        assert run(f"--part={wrong}") == 2
        assert f"{wrong} is no part, such as 2/8" in capsys.readouterr().err


def test_again_adds_what_is_new_and_rewrites_nothing(
    index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    index.add("2.0.0", 0)
    index.add("2.1.0", 1)
    assert run() == 0
    before = log()
    capsys.readouterr()
    assert run() == 0
    assert "new: none" in capsys.readouterr().out
    assert log() == before
    index.add("2.0.1", 2)
    index.add("2.1.1", 3)
    # Withdrawn later: its results stay.
    index.projects[NAME][0]["yanked"] = "it was broken"
    assert run() == 0
    assert "new: 2.0.1, 2.1.1" in capsys.readouterr().out
    after = log()
    assert {release: after[release] for release in before} == before
    assert after.keys() == {"2.0.0", "2.1.0", "2.0.1", "2.1.1"}


@limits(max_examples=15, deadline=None)
@given(
    st.lists(
        st.builds("{}.{}.{}".format, st.just(2), st.integers(0, 2), st.integers(0, 4)),
        unique=True,
        min_size=2,
        max_size=8,
    ),
    st.data(),
)
def test_in_one_go_or_one_by_one_the_commits_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, published: list[str], data: st.DataObject
) -> None:
    # The first release is the lowest, since a history begins with it.
    published = [min(published, key=Version), *published[1:]]
    published = list(dict.fromkeys(published))
    dated = [
        releases.Release(Version(text), datetime(2026, 1, 1 + day, tzinfo=UTC), None, True)
        for day, text in enumerate(published)
    ]
    cut = data.draw(st.integers(1, len(dated)))
    folder = tmp_path_factory.mktemp("histories")
    whole, grown = (releases.Repository(folder / name / "git", NAME) for name in "ab")
    whole.add(dated)
    grown.add(dated[:cut])
    grown.add(dated)
    assert whole.commits() == grown.commits()
    ends = {whole.git("rev-parse", branch) for branch in whole.branches()}
    # Nothing follows an end of a branch, and every commit is in one.
    parents = whole.git("log", "--all", "--format=%P").split()
    assert not ends & set(parents)
    assert len(whole.git("rev-list", "--branches").split()) == len(dated)


@pytest.mark.parametrize("yanked", [True, "wheels were broken"])
def test_what_cannot_be_measured_is_said_and_the_rest_goes_on(
    index: Index, capsys: pytest.CaptureFixture[str], yanked: bool | str
) -> None:
    index.add("2.0.0", 0)
    index.add("2.0.1", 1, yanked=yanked)
    index.add("2.0.2", 2, tags="cp27-cp27m-win32")
    index.add("2.0.3", 3)
    assert run() == 0
    said = capsys.readouterr().err.splitlines()
    reason = yanked if isinstance(yanked, str) else "no reason given"
    python = ".".join(map(str, sys.version_info[:2]))
    assert said == [
        f"sqlalchemy-asv: sqlalchemy 2.0.1 was withdrawn, so it is left out: {reason}",
        f"sqlalchemy-asv: sqlalchemy 2.0.2 has no wheel for Python {python}: not measured here",
    ]
    # It is in the history, which is the same for everybody.
    found = log()
    assert found.keys() == {"2.0.0", "2.0.2", "2.0.3"}
    listed = (releases.FOLDER / NAME / "commits").read_text().split()
    assert listed == [found["2.0.3"][0], found["2.0.0"][0]]


def test_another_dependency_gets_settings_of_its_own(index: Index) -> None:
    for day, release in enumerate(("3.0.0", "3.1.0", "3.2.0", "3.1.1")):
        index.add(release, day, name="psycopg")
    assert run("Psycopg") == 0
    conf = settings.load("asv.releases-psycopg.conf.json")
    assert conf.repo == ".asv/releases/psycopg/repository"
    assert conf.results_dir == "results/releases-psycopg"
    assert conf.html_dir == ".asv/site/releases-psycopg"
    assert conf.env_dir == ".asv/releases/psycopg/env"
    assert conf.branches == ["newest", "3.1.x"]
    for branch in conf.branches:
        assert history.commit_hash(conf, branch)


def test_a_name_of_a_release_means_the_history_that_has_it(
    index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    index.add("2.0.0", 0)
    index.add("2.0.1", 1)
    git(".", "init", "--quiet")
    assert settings.with_commits(None, "2.0.0").repo == "."
    assert run() == 0
    conf = settings.with_commits(None, "2.0.0", "2.0.1")
    assert conf.repo == ".asv/releases/sqlalchemy/repository"
    assert history.named(conf, history.commit_hash(conf, "2.0.1")) == "2.0.1"
    assert settings.with_commits(None, "2.0.0", "HEAD").repo == "."
    assert settings.with_commits("asv.conf.json", "2.0.0").repo == "."
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
    git(".", *identity, "commit", "--quiet", "--allow-empty", "--message", "Ours")
    git(".", "tag", "2.0.0")
    with pytest.raises(SystemExit):
        settings.with_commits(None, "2.0.0")
    said = "2.0.0 are tags of two repositories: say --config asv.conf.json or asv.releases.conf"
    assert said in capsys.readouterr().err


def test_between_two_branches_the_way_goes_through_their_parting(index: Index) -> None:
    for day, release in enumerate(("2.0.0", "2.0.1", "2.1.0", "2.0.2", "2.0.3", "2.1.1")):
        index.add(release, day)
    assert run() == 0
    conf = settings.load(releases.SETTINGS)
    old, new = (history.commit_hash(conf, name) for name in ("2.0.3", "2.1.1"))
    commits, turn = bisect.between(conf, old, new)
    names = [history.named(conf, commit) for commit in commits]
    assert names == ["2.0.3", "2.0.2", "2.0.1", "2.1.0", "2.1.1"]
    assert names[turn] == "2.0.1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["numpy"], "pyproject.toml pins no numpy"),
        (["faker"], "the package index has no faker"),
        (["--since", "3.0"], "the package index has no release of sqlalchemy from 3.0 on"),
        (["--since", "first"], "first is no version"),
        (["aiomysql"], "the package index does not date aiomysql 0.3.0"),
    ],
)
def test_a_mistake_is_one_line(
    index: Index, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    index.add("2.0.0", 0)
    index.add("0.3.0", 0, name="aiomysql", dated=False)
    assert run(*arguments) == 2
    found = capsys.readouterr()
    assert said in found.err.splitlines()[-1]
    assert "Traceback" not in found.err
    assert not releases.FOLDER.exists()


def test_where_all_is_withdrawn_there_is_no_history(
    index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    index.add("2.0.0", 0, yanked="broken")
    assert run() == 2
    assert "no release of sqlalchemy that was not withdrawn" in capsys.readouterr().err
    assert not releases.FOLDER.exists()


def test_a_history_cannot_begin_earlier_afterwards(
    index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    index.add("2.0.0", 0)
    index.add("2.0.1", 1)
    assert run("--since", "2.0.1") == 0
    before = log()
    capsys.readouterr()
    assert run() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "begins with 2.0.1, after 2.0.0: to begin earlier, remove .asv/releases/sqla" in line
    assert log() == before


def test_a_history_that_begins_late_has_what_came_after(index: Index) -> None:
    for day, release in enumerate(("2.0.0", "2.1.0", "2.0.1", "2.1.1", "2.0.2")):
        index.add(release, day)
    assert run("--since", "2.0.1") == 0
    assert log().keys() == {"2.0.1", "2.1.1", "2.0.2"}
    assert [parent(release) for release in ("2.1.1", "2.0.2")] == ["2.0.1", "2.0.1"]


def test_an_index_without_answer_is_one_line_without_its_address(
    index: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A port that nobody listens on.
    monkeypatch.setenv("PIP_INDEX_URL", "http://somebody:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "2")
    assert run() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the package index that pip is configured with gives no answer (" in line
    assert "secret" not in line


def test_asv_without_a_history_says_how_to_make_one(clone_of_this: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "asv", "--config", releases.SETTINGS, "run", "2.0.0^!"],
        cwd=clone_of_this,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert line == (
        "sqlalchemy-asv: there is no history in .asv/releases/sqlalchemy/repository yet:"
        " `sqlalchemy-asv releases` makes it"
    )


@pytest.fixture
def clone_of_this(tmp_path: Path) -> Path:
    for name in (releases.SETTINGS, "benchmarks", "fixtures", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


# --- what asv installs ----------------------------------------------------------------------------


def wheel(folder: Path, *requires: str) -> Wheel:
    """A wheel with these requirements, as a build makes it."""
    file = folder / "app-1-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        lines = ["Metadata-Version: 2.1", "Name: My.App", "Version: 1"]
        lines += [f"Requires-Dist: {each}" for each in requires]
        archive.writestr("app-1.dist-info/METADATA", "\n".join(lines) + "\n")
    return Wheel.read(file)


def test_the_name_and_the_requirements_of_a_distribution_are_read_from_its_wheel(
    tmp_path: Path,
) -> None:
    found = wheel(
        tmp_path,
        "SQLAlchemy==2.1.9",
        "loose>=1",
        "extra[y]==3",
        'old==1; python_version < "3"',
        'tool==1; extra == "tools"',
        "any==2.*",
    )
    assert found.name == "my-app"
    # Nothing that applies is dropped, exact or not.
    assert [*found.requires] == ["sqlalchemy", "loose", "extra", "any"]
    exact = requirements.exact_versions(found.requires)
    assert exact == {"sqlalchemy": "2.1.9", "extra": "3"}


def test_a_release_replaces_the_pin_and_those_that_go_with_it(tmp_path: Path) -> None:
    data_layer = wheel(tmp_path, "psycopg==3.3.9", "psycopg-binary==3.3.9", "psycopg-pool==3.2.0")
    (tmp_path / "requirements.txt").write_text("psycopg==3.2.1\n")
    found = requirements.of_release(tmp_path, data_layer)
    assert requirements.exact_versions(found) == {"psycopg": "3.2.1", "psycopg-binary": "3.2.1"}
    (tmp_path / "requirements.txt").write_text("numpy==1.0\n")
    with pytest.raises(ValueError, match="does not depend on numpy"):
        requirements.of_release(tmp_path, data_layer)


def test_the_label_of_an_environment_asks_for_versions() -> None:
    found = requirements.of_label({"pip+SQLAlchemy": "2.0.1", "numpy": ""})
    assert requirements.exact_versions(found) == {"sqlalchemy": "2.0.1"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("sqlalchemy==2.0.58", "sqlalchemy"),
        ("sqlalchemy @ https://example.org/sqlalchemy-2.1.0.tar.gz", "sqlalchemy"),
        ("sqlalchemy @ file:///nowhere/SQLAlchemy-2.1.0-py3-none-any.whl", "sqlalchemy"),
        ("lib @ file:/nowhere/lib-1.0-py3-none-any.whl", "lib"),
        ("psycopg2-binary-2.9.9.tar.gz", "psycopg2-binary"),
        ("SQLAlchemy-2.1.0-py3-none-any.whl", "sqlalchemy"),
        ("lib", "a-library"),
    ],
)
def test_a_requirement_is_a_name_a_url_or_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("psycopg2-binary-2.9.9.tar.gz", "SQLAlchemy-2.1.0-py3-none-any.whl"):
        (tmp_path / file).touch()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "pyproject.toml").write_text('[project]\nname = "a-library"\n')
    assert requirements.of_argument(text).name == name


@pytest.mark.parametrize("text", ["gone.whl", "odd.whl", "empty", "=="])
def test_what_is_no_requirement_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.whl").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=text):
        requirements.of_argument(text)


@pytest.mark.parametrize("pin", ["==2.0.*", "<3,>=2.0", "~=2.0.1", "==2.0.58"])
def test_a_history_begins_with_the_major_version_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pin: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(f'[project]\ndependencies = ["SQLAlchemy{pin}"]\n')
    assert str(releases.first_of_major("sqlalchemy")) == "2.0"


def test_without_pip_its_settings_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    assert releases.pip_settings() == {}


def test_extras_of_the_working_tree_are_read_from_its_project() -> None:
    found = requirements.of_extras(ROOT, ["load"])
    assert any(each.startswith("locust==") for each in found)
    assert requirements.of_extras(ROOT / "no-such-folder", []) == []
    with pytest.raises(UserError, match="has no extra nonesuch"):
        requirements.of_extras(ROOT, ["nonesuch"])
