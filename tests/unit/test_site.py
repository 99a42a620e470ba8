"""The site's figures, from results of histories that the tests make."""

import datetime as dt
import itertools
import json
import math
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asv
import pytest
from asv.config import Config
from asv.repo import get_repo
from asv.results import Results
from asv.runner import BenchmarkResult
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy_asv.asv_ext.git import git
from sqlalchemy_asv.site import (
    document,
    feed,
    mended,
    numbers,
    offline,
    overview,
    recorded,
    sources,
    statements,
)
from sqlalchemy_asv.site.recorded import Environment
from sqlalchemy_asv.templates import pieces

NAME = "shop.Listing"
METRICS = ("statements", "rows", "instructions", "allocated")
BENCHMARKS = {
    f"{NAME}.track_{metric}": {
        "name": f"{NAME}.track_{metric}",
        "version": "1",
        "params": [["'lazy'", "'joined'"]],
        "param_names": ["loading"],
        "code": "class Listing: ...",
    }
    for metric in METRICS
}
LAZY = f"{NAME}('lazy')"


class History:
    """A repository, and results of its commits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        git(folder, "init", "--quiet", "--initial-branch=main")
        self.day = 0

    def commit(self, subject: str) -> str:
        self.day += 1
        when = f"2026-01-{self.day:02}T12:00:00Z"
        names = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
        subprocess.run(
            ["git", *names, "commit", "--quiet", "--allow-empty", "--message", subject],
            cwd=self.folder,
            env={"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "PATH": "/usr/bin:/bin"},
            check=True,
        )
        return git(self.folder, "rev-parse", "HEAD")

    def parted(self) -> tuple[str, str, str]:
        """A commit, one after it on another branch, and one on the branch of the settings."""
        first = self.commit("The shop")
        git(self.folder, "checkout", "--quiet", "-b", "theirs")
        theirs = self.commit("An N+1")
        git(self.folder, "checkout", "--quiet", "main")
        return first, theirs, self.commit("A logo")

    @property
    def conf(self) -> Any:
        return Config.from_json(
            {
                "project": "Shop",
                "repo": str(self.folder),
                "branches": ["main"],
                "results_dir": str(self.folder / "results"),
                "html_dir": str(self.folder / "html"),
                "env_dir": str(self.folder / "env"),
            }
        )

    def record(
        self,
        commit: str,
        counts: Mapping[str, float],
        *,
        database: str = "sqlite",
        machine: str = "here",
        started: dt.datetime | None = None,
    ) -> None:
        """Store counts of the lazy case, made now or then; the other one has them twice."""
        variables = {} if database == "sqlite" else {"DATABASE": database}
        params = {"machine": machine, "python": "3.11"}
        results = Results(params, {}, commit, self.day, "3.11", f"env-{database}", variables)
        for metric, value in counts.items():
            done = BenchmarkResult([value, 2 * value], [None] * 2, [None] * 2, 0, "", None)
            benchmark = BENCHMARKS[f"{NAME}.track_{metric}"]
            results.add_result(benchmark, done, started, record_samples=False)
        results.save(str(self.folder / "results"))

    def read(self) -> recorded.Recorded:
        conf = self.conf
        return recorded.read(conf, get_repo(conf), BENCHMARKS)

    def overview(self) -> dict[str, Any]:
        conf = self.conf
        found = recorded.read(conf, get_repo(conf), BENCHMARKS)
        return overview.history(conf, found, BENCHMARKS)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def row(about: dict[str, Any], title: str = LAZY, environment: int = 0) -> dict[str, Any]:
    rows = about["environments"][environment]["domains"]["shop"]
    (found,) = (each for each in rows if each["title"] == title)
    return dict(found)


def test_a_branch_is_compared_with_where_it_parted(history: History) -> None:
    """Two branches that were measured one after the other are not one history."""
    first, theirs, ours = history.parted()
    history.record(first, {"statements": 2})
    history.record(theirs, {"statements": 8})
    history.record(ours, {"statements": 2})
    found = history.read()
    assert [found.commits[c].before for c in (first, theirs, ours)] == [None, first, first]
    (environment,) = found.environments
    assert [commit.hash for commit in found.of_branch(environment)] == [first, ours]
    about = history.overview()
    # The page credits nobody with mending what another branch has broken.
    assert row(about)["changed"] is None
    newest = about["environments"][0]["newest"]
    assert (newest["commit"], newest["before"]) == (ours[:8], first[:8])
    assert (newest["better"], newest["worse"]) == (0, 0)
    # The other branch can be compared.
    compared = overview.to_compare(found)
    names = [commit["name"] for commit in compared["commits"]]
    assert {*names} == {commit[:8] for commit in (first, theirs, ours)}
    assert about["elsewhere"] == 1


def test_statements_of_a_branch_are_compared_with_where_it_parted(history: History) -> None:
    first, theirs, ours = history.parted()
    folder = history.folder / "statements"
    folder.mkdir()
    for commit, times in ((first, 1), (theirs, 8), (ours, 1)):
        history.record(commit, {"statements": times})
        sent = {"texts": ["SELECT 1"], "scenarios": {LAZY: [[0, times]]}, "packages": {}}
        (folder / f"{commit[:8]}-env-sqlite.json").write_text(json.dumps(sent))
    found = statements.content(history.read(), folder)
    order = [found["commits"].index(commit) for commit in (first, theirs, ours)]
    assert [found["before"][n] for n in order] == [None, order[0], order[0]]
    assert found["environments"] == {"env-sqlite": "SQLite"}
    runs = found["scenarios"][LAZY]["env-sqlite"]

    def at(number: int) -> Any:
        return [value for begin, value in runs if begin <= number][-1]

    assert [at(number) for number in order] == [[[0, 1]], [[0, 8]], [[0, 1]]]


def test_two_databases_of_a_commit_have_names_of_their_own(history: History) -> None:
    commit = history.commit("The shop")
    for database in ("postgresql", "sqlite"):
        history.record(commit, {"statements": 2}, database=database)
    about = history.overview()
    assert [each["title"] for each in about["environments"]] == ["SQLite", "PostgreSQL"]
    graph = row(about, environment=1)["cells"][0]["graph"]
    assert (
        graph == f"index.html#{NAME}.track_statements?p-loading=%27lazy%27&env-DATABASE=postgresql"
    )


def test_a_name_says_what_tells_environments_apart() -> None:
    one = Environment("here", "a", "sqlite", "3.11")
    assert one.title([one]) == "SQLite"
    other = Environment("there", "a", "sqlite", "3.13")
    assert one.title([one, other]) == "SQLite, Python 3.11, on here"
    alike = Environment("here", "b", "sqlite", "3.11")
    assert {each.title([one, alike]) for each in (one, alike)} == {"SQLite, a", "SQLite, b"}


def test_the_last_change_is_the_newest_that_is_no_noise(history: History) -> None:
    commits = [history.commit(f"Change {number}") for number in range(4)]
    for commit, instructions in zip(commits, (1e6, 1.5e6, 1.501e6, 1.502e6), strict=True):
        history.record(commit, {"statements": 2, "instructions": instructions})
    changed = row(history.overview())["changed"]
    assert changed == {
        "commit": commits[1][:8],
        "from": commits[0][:8],
        "text": "instructions +50%",
        "word": "worse",
    }


def test_a_case_that_is_new_has_not_changed(history: History) -> None:
    """From nothing, it is no regression."""
    first, second = history.commit("The shop"), history.commit("More")
    history.record(first, {"rows": 5})
    history.record(second, {"rows": 5, "statements": 3})
    assert row(history.overview())["changed"] is None
    newest = history.overview()["environments"][0]["newest"]
    assert newest["worst"] == []


def test_the_verdict_names_the_worst_first(history: History) -> None:
    first, second = history.commit("The shop"), history.commit("An N+1")
    history.record(first, {"statements": 2, "instructions": 1e6, "allocated": 5000})
    history.record(second, {"statements": 20, "instructions": 2e6, "allocated": 4000})
    newest = history.overview()["environments"][0]["newest"]
    assert newest["trade_offs"] == newest["cases"] == 2
    assert newest["worst"][0][1] == "statements 10.0x (and 2 more)"
    assert newest["more"] == 0


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"cycles": (0, 8)}, "worse"),
        ({"cycles": (8, 9), "statements": (3, 2)}, "better"),  # as `compare` says it
        ({"rows": (100, 0), "statements": (1, 100)}, "worse"),
        ({"rows": (100, 0), "calls": (100, 900)}, "trade-off"),
    ],
)
def test_a_change_that_another_explains_decides_nothing(
    changes: dict[str, tuple[float, float]], word: str
) -> None:
    assert recorded.verdict(changes) == word


def test_a_source_is_what_its_author_wrote() -> None:
    """asv keeps the class where a metric is made, and the methods that set it up, as well."""
    kept = (
        "class <locals>:\n    class Feed(Social):\n        size = 3\n\n"
        "        def operation(self):\n            return feed()\n    \n\n"
        "class Scenario:\n    def setup(self):\n        pass\n"
    )
    source = (
        "class Feed(Social):\n    size = 3\n\n    def operation(self):\n        return feed()\n"
    )
    assert sources.scenario_source(kept) == source
    assert sources.scenario_source("def track_size():\n    return 1\n").startswith("def track")
    benchmarks = {"social.Feed.track_calls": {"code": kept, "pretty_source": kept}}
    mended.shorten(benchmarks)
    assert benchmarks == {"social.Feed.track_calls": {"code": source}}


def test_the_sources_have_the_operation_that_a_scenario_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file, text in {
        "benchmarks/social.py": (
            'posts = lazy_import("shop.elsewhere", "shop.posts")\nother = 3\n'
            "class Feed:\n    def operation(self, session): return posts.feed(session)\n"
        ),
        "src/shop/posts.py": "def feed(session):\n    return '<b>'\n\n\ndef unused(): ...\n",
        "site/kept": "",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    code = "class Feed:\n    def operation(self, session): return posts.feed(other.real)\n"
    known = {"social.Feed.track_calls": {"code": code}}
    sources.write(Path("site"), Path("benchmarks"), known, "overview.html")
    page = Path("site/sources.html").read_text()
    assert "feed in src/shop/posts.py" in page
    assert "return &#39;&lt;b&gt;&#39;" in page
    assert "unused" not in page


def test_tables_that_grow_now_and_then_are_no_change() -> None:
    """Bytes left behind at two neighbouring releases, with the same objects left behind."""
    assert not recorded.differs("retained_bytes", 2989, 18_736)
    assert not recorded.differs("retained_bytes", 0, 8344)
    assert recorded.differs("retained_bytes", 0, 30_000)


def test_the_same_values_are_no_change() -> None:
    for metric in ("statements", "instructions", "allocated", "retained_bytes", "cycles"):
        for value in (0.0, 5.0, 1e6):
            assert not recorded.differs(metric, value, value)


def test_a_commit_with_times_alone_is_not_offered_for_comparison(history: History) -> None:
    first, second = history.commit("The shop"), history.commit("More")
    history.record(first, {"statements": 2})
    name = f"{NAME}.time_wall"
    BENCHMARKS[name] = {**BENCHMARKS[f"{NAME}.track_rows"], "name": name}
    try:
        results = Results(
            {"machine": "here", "python": "3.11"}, {}, second, 0, "3.11", "env-sqlite", {}
        )
        done = BenchmarkResult([0.1, 0.2], [None] * 2, [None] * 2, 0, "", None)
        results.add_result(BENCHMARKS[name], done, record_samples=False)
        results.save(str(history.folder / "results"))
        (environment,) = history.overview()["environments"]
    finally:
        del BENCHMARKS[name]
    assert environment["commits"] == [first[:8], second[:8]]
    assert environment["counted"] == [first[:8]]


def test_a_damaged_file_is_named_and_the_rest_is_shown(history: History) -> None:
    first, second = history.commit("The shop"), history.commit("More")
    history.record(first, {"statements": 2})
    history.record(second, {"statements": 2})
    file = history.folder / "results" / "here" / f"{second[:8]}-env-sqlite.json"
    file.write_text('{"version": 2, "params": 5}')
    about = history.overview()
    (line,) = about["damaged"]
    assert line == f"here/{file.name} is damaged and left out"
    assert about["environments"][0]["commits"] == [first[:8]]


def test_a_commit_that_git_does_not_know_is_left_out(history: History) -> None:
    first = history.commit("The shop")
    history.record(first, {"statements": 2})
    history.record("1" * 40, {"statements": 2})
    assert [*history.read().commits] == [first]


def publish(conf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The overview, without the scripts of others."""
    monkeypatch.setattr(offline, "fetch", lambda folder: folder)
    monkeypatch.setattr(offline, "copy", lambda packages, site: None)
    overview.Overview.publish(conf, get_repo(conf), BENCHMARKS, {}, {})


def test_all_histories_are_on_one_page(
    history: History, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    history.record(history.commit("The shop"), {"statements": 2})
    for name in ("commits", "releases", "releases-psycopg"):
        (overview.SITES / name).mkdir(parents=True)
        conf = history.conf
        conf.html_dir = str(overview.SITES / name)
        if name != "commits":
            working_tree = {"working_tree": ["fixtures"], "document": "docs/changed.md"}
            conf.sqlalchemy_asv = working_tree if name == "releases" else {"working_tree": ["a"]}
            dependency = name.partition("-")[2] or "sqlalchemy"
            link = tmp_path / dependency / "repository"
            link.parent.mkdir()
            link.symlink_to(history.folder)
            conf.repo = str(link)
        publish(conf, monkeypatch)
    page = (overview.SITES / "index.html").read_text(encoding="utf-8")
    titles = ["Releases of SQLAlchemy", "Releases of psycopg", "Commits"]
    places = [page.index(f">{title}</h2>") for title in titles]
    assert places == sorted(places)
    assert page.count("what changed, and why") == 1
    assert f'href="releases/index.html#{NAME}.track_statements' in page
    # Each has a page of its own, without the others.
    alone = (overview.SITES / "commits" / overview.PAGE).read_text(encoding="utf-8")
    # One of another version, or damaged, does not keep the others from their page.
    for text in ('{"name": "releases", "dependency": "sqlalchemy"}', "{"):
        (overview.SITES / "releases" / "overview.json").write_text(text)
        (told, folder), (_, commits) = sorted(
            overview.beside(overview.SITES), key=lambda each: not each[0]["dependency"]
        )
        assert (told["dependency"], folder, commits) == ("psycopg", "releases-psycopg/", "commits/")
    assert "psycopg" not in alone
    assert f'href="index.html#{NAME}.track_statements' in alone


def test_a_site_published_elsewhere_is_alone(
    history: History, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    history.record(history.commit("The shop"), {"statements": 2})
    (tmp_path / "html").mkdir()
    publish(history.conf, monkeypatch)
    assert not list(tmp_path.glob("*.html"))


def test_the_document_of_a_history_is_a_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "# Faster\n\n| release | ratio |\n|---|---|\n| 2.0.1 | <1 |\n"
    (tmp_path / "changed.md").write_text(text)
    template = Path(asv.__file__).parent / "www" / "index.html"
    (tmp_path / "index.html").write_bytes(template.read_bytes())
    conf = SimpleNamespace(
        html_dir=str(tmp_path), project_url="", sqlalchemy_asv={"document": "changed.md"}
    )
    document.WhatChanged.publish(conf, None, {}, [], {})
    assert "<td>&lt;1</td>" in (tmp_path / "what-changed.html").read_text(encoding="utf-8")
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert index.count('<a href="#/what-changed">What changed</a>') == 1


def test_every_text_is_escaped(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    markup = "<img src=x onerror=alert(1)>"
    first, second = history.commit(markup), history.commit(f"More {markup}")
    history.record(first, {"statements": 2})
    history.record(second, {"statements": 3})
    (history.folder / "html").mkdir()
    publish(history.conf, monkeypatch)
    page = (history.folder / "html" / overview.PAGE).read_text(encoding="utf-8")
    assert "&lt;img" in page
    assert "<img" not in page
    assert '<meta charset="utf-8">' in page


@pytest.mark.parametrize("several", [False, True])
def test_the_feed_has_each_event_once(history: History, several: bool) -> None:
    markup = "<b>An N+1</b>"
    first, second = history.commit("The shop"), history.commit(markup)
    for day, database in ((1, "sqlite"), (2, "postgresql"))[: several + 1]:
        then = dt.datetime(2026, 3, day, tzinfo=dt.UTC)
        history.record(first, {"statements": 1}, database=database, started=then)
        history.record(second, {"statements": 20}, database=database, started=then)
    name = f"{NAME}.track_statements('lazy')"
    params = [{"branch": branch} for branch in ("main", "theirs")]
    if several:
        params = [each | {"env-DATABASE": on} for each in params for on in ("[none]", "postgresql")]
    conf = history.conf
    (history.folder / "html").mkdir()
    listed = [[name, "graph.json", each, 0, 20, 1, [[None, 2, 1, 20]]] for each in params]
    (history.folder / "html" / "regressions.json").write_text(json.dumps({"regressions": listed}))
    revisions = {first: 1, second: 2}
    feed.Feed.publish(conf, get_repo(conf), BENCHMARKS, {}, revisions)
    text = (history.folder / "html" / "regressions.xml").read_text(encoding="utf-8")
    assert text.count("<entry>") == 1 + several
    # What is recorded on one database later does not make the events of another one new.
    dates = re.findall(r"<updated>2026-03-0(\d)T00:00:00Z", text.partition("<entry>")[2])
    assert dates == (["2", "1"] if several else ["1"])
    assert (f"{name} on PostgreSQL: 20.0x at {second[:8]}" in text) == several
    assert (f"{name}: 20.0x at {second[:8]}" in text) != several
    assert f"from={first[:8]}&amp;to={second[:8]}&amp;find={NAME}%28%27lazy%27%29" in text
    # A subject is text, in the HTML that is text of the feed.
    assert f"{first[:8]} → {second[:8]} (&amp;lt;b&amp;gt;An N+1&amp;lt;/b&amp;gt;): 1 → 20" in text


@pytest.mark.parametrize("file", mended.SOURCES)
def test_scripts_of_another_asv_stay_as_they_are(
    file: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = (Path(asv.__file__).parent / "www" / file).read_text("utf-8")
    assert mended.replaced(source, file, mended.SOURCES[file]) != source
    assert not caplog.records
    assert mended.replaced("another source", file, mended.SOURCES[file]) == "another source"
    assert f"{file} is another than that of asv 0.6.6" in caplog.text


def test_the_picture_is_in_the_order_of_versions(history: History) -> None:
    """Releases of an older series go on while there is a newer one."""
    for release in ("2.0.0", "2.0.1", "2.1.0", "2.0.2"):
        if release == "2.0.2":
            git(history.folder, "checkout", "--quiet", "-b", "2.0.x", "2.0.1")
        commit = history.commit(f"sqlalchemy {release}")
        git(history.folder, "tag", release)
        value = {"2.0.0": 1000e3, "2.0.1": 1001e3, "2.1.0": 801e3, "2.0.2": 1002e3}[release]
        history.record(commit, {"instructions": value})
    conf = history.conf
    conf.sqlalchemy_asv = {"working_tree": ["fixtures"], "headlines": [LAZY, "gone.Away"]}
    recorded_ones = recorded.read(conf, get_repo(conf), BENCHMARKS)
    found = overview.picture(conf, recorded_ones)
    assert found is not None
    assert found["names"] == ["2.0.0", "2.0.1", "2.0.2", "2.1.0"]
    (series,) = found["series"]
    assert series == {"title": LAZY, "values": [100.0, 100.1, 100.2, 80.1]}
    # 2.1.0 follows 2.0.1, not the release that is drawn before it.
    assert found["steps"] == [f"2.1.0: {LAZY} -20%"]
    assert [label["name"] for label in found["labels"]] == ["2.1.0"]
    conf.sqlalchemy_asv = {"headlines": ["gone.Away"]}
    assert overview.picture(conf, history.read()) is None


# --- figures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (25_000_000, "instructions", "25.0 M"),
        (9_999, "statements", "9,999"),
        (10_000, "calls", "10.0 k"),
        (123_456, "bytes", "123 kB"),
        (512, "bytes", "512 B"),
        (0, "rows", "0"),
        (2.5, "ratio", "2.50"),
        (0.0012, "seconds", "1.20 ms"),
        (1.25e9, "instructions", "1.25 G"),
    ],
)
def test_figures_are_readable(value: float, unit: str, shown: str) -> None:
    assert numbers.shown(value, unit) == shown


@pytest.mark.parametrize(
    ("base", "head", "said"),
    [
        (100, 112, "+12%"),
        (100, 98.5, "-1.5%"),
        (2, 20, "10.0x"),
        (20, 2, "-90%"),
        (501, 1, "-99.8%"),
        (0, 1000, "0 → 1,000"),
        (5, 0, "5 → 0"),
        (46_312, 46_316, "46,312 → 46,316"),
        (46_312, 46_340, "+0.1%"),
        (7, 7, "+0.0%"),
    ],
)
def test_changes_are_readable(base: float, head: float, said: str) -> None:
    assert numbers.change(base, head) == said


@pytest.mark.parametrize(
    ("case", "found"),
    [
        ("social.HomeFeed('lazy')", ["social.", "HomeFeed", "('lazy')"]),
        ("features.Tagged(0.5)", ["features.", "Tagged", "(0.5)"]),
        ("test_it.py::test_feed[1.5]", ["test_it.", "py::test_feed[1.5]"]),
    ],
)
def test_a_line_ends_between_the_parts_of_a_case(case: str, found: list[str]) -> None:
    assert pieces(case) == found


@given(*[st.just(0.0) | st.floats(1e-9, 1e12)] * 2)
def test_no_change_is_infinite(base: float, head: float) -> None:
    assert not any(odd in numbers.change(base, head) for odd in ("inf", "nan", "e+"))


@given(st.lists(st.none() | st.integers(0, 3), max_size=12))
def test_runs_give_each_value_back(values: list[int | None]) -> None:
    commits = [SimpleNamespace(hash=str(number)) for number in range(len(values))]
    given_values = {c.hash: v for c, v in zip(commits, values, strict=True) if v is not None}
    runs = recorded.runs(given_values, commits)  # type: ignore[arg-type]

    def at(number: int) -> int | None:
        found = [value for begin, value in runs if begin <= number]
        return found[-1] if found else None

    assert [at(number) for number in range(len(values))] == values
    assert all(one[1] != other[1] for one, other in itertools.pairwise(runs))


@given(st.lists(st.none() | st.floats(0, 1e9), min_size=1, max_size=20))
def test_a_sparkline_stays_in_its_box(line: list[float | None]) -> None:
    path = overview.sparkline(line)
    for part in path.replace("M", " ").replace("H", " ").replace("V", " ").split():
        assert math.isfinite(float(part))
        assert -1 <= float(part) <= overview.WIDTH
