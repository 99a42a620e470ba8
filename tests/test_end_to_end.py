"""The whole way, on real commits: asv runs, compares, publishes, and a browser reads the site."""

import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, Route, expect, sync_playwright

from reporting.servers import server_folder

from .packages import no_instructions, skip
from .servers import own_postgresql

ROOT = Path(__file__).parents[1]
FEED = "social.HomeFeedByScale.track_statements"
SCALES = 4
"""Parameters of the feed, each a row in a table."""
TIME = "social.UpdateProfile.time_cpu"
MARKUP = "<script>window.marked = 1</script>"
"""What must be shown as text wherever it comes from."""


class Clone:
    """A clone of this repository with what the working tree adds, as somebody new would have it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "späce clone"
        home = folder / "home"
        home.mkdir()
        self.environment = {**os.environ, "HOME": str(home), "NO_COLOR": "1"}
        # Nobody has told git who they are.
        for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
            self.environment[name] = os.devnull
        self.run("git", "clone", "--quiet", str(ROOT), str(self.path), cwd=folder)
        listing = self.run("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=ROOT)
        for name in filter(None, listing.split("\0")):
            if (ROOT / name).is_file():
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.path / name)
        # Recorded results are another machine's, and not what is tested here.
        shutil.rmtree(self.path / "results", ignore_errors=True)
        self.commit("The working tree")

    def run(self, *command: str, cwd: Path | None = None, code: int = 0) -> str:
        done = subprocess.run(
            command,
            cwd=cwd or self.path,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, f"{command} exited {done.returncode}:\n{done.stdout}"
        return done.stdout

    def asv(self, *arguments: str, code: int = 0) -> str:
        return self.run(sys.executable, "-m", "asv", *arguments, code=code)

    def commit(self, message: str) -> str:
        identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
        self.run("git", "add", "--all")
        self.run("git", *identity, "commit", "--quiet", "--allow-empty", "-m", message)
        return self.run("git", "rev-parse", "HEAD").strip()

    def results(self, commit: str, folder: str = "commits") -> list[dict[str, Any]]:
        files = (self.path / "results" / folder).glob(f"*/{commit[:8]}-*.json")
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("end to end"))


@pytest.fixture(scope="module")
def history(clone: Clone) -> list[str]:
    """Five measured commits: a lazy feed, made eager, left alone, made lazy again, left alone.

    With the lazy feed comes a slow registration.
    """
    operations = clone.path / "fixtures" / "social" / "operations.py"
    eager = operations.read_text(encoding="utf-8")
    head, feed, body = eager.partition("def home_feed(")
    lazy = head + feed + body.replace('loading: Loading = "selectin"', 'loading: Loading = "lazy"')
    lazy = lazy.replace("    session.add(user)\n", "    time.sleep(0.02)\n    session.add(user)\n")
    lazy = lazy.replace("import datetime as dt\n", "import datetime as dt\nimport time\n")
    lazy = lazy.replace(
        "select(Post)\n            .join(Follow",
        f"select(Post)\n            .prefix_with('/* {MARKUP} */')\n            .join(Follow",
    )
    assert lazy.count("sleep") == lazy.count(MARKUP) == 1
    commits = []
    for text, message in [
        (lazy, "A lazy feed"),
        (eager, "Load eagerly"),
        (eager, "Nothing"),
        (lazy, f"Load lazily {MARKUP}"),
        (lazy, "Nothing again"),
    ]:
        operations.write_text(text, encoding="utf-8")
        commits.append(clone.commit(message))
    registration = r"social\.CreateUser\.(time_wall|track_statements)"
    bench = [part for regex in (FEED, TIME, registration) for part in ("--bench", regex)]
    clone.asv("run", "HEAD~5..HEAD", "--record-samples", *bench)
    return commits


def test_every_commit_of_the_range_is_measured(clone: Clone, history: list[str]) -> None:
    counts = []
    for commit in history:
        (found,) = clone.results(commit)
        assert found["results"][TIME][0][0] > 0
        counts.append(found["results"][FEED][0])
    lazy, eager = counts[0], counts[1]
    assert counts == [lazy, eager, eager, lazy, lazy]
    assert all(n_plus_1 > 20 > few for n_plus_1, few in zip(lazy, eager, strict=True))


def test_compare_shows_what_became_worse(clone: Clone, history: list[str]) -> None:
    table = clone.asv("compare", "HEAD~2", "HEAD~1")
    rows = [line for line in table.splitlines() if FEED in line]
    assert len(rows) == SCALES
    assert all(row.startswith("| + ") for row in rows)
    table = clone.asv("compare", "--only-changed", "HEAD~1", "HEAD")
    assert FEED not in table


def test_continuous(clone: Clone, history: list[str]) -> None:
    """asv exits 1 where something became worse."""
    output = clone.asv("continuous", "HEAD~2", "HEAD~1", "--bench", FEED, code=1)
    assert "PERFORMANCE DECREASED" in output


def test_find(clone: Clone, history: list[str]) -> None:
    clone.asv("find", "HEAD~3..HEAD", TIME)


def test_profile(clone: Clone, history: list[str]) -> None:
    assert "update_profile" in clone.asv("profile", TIME, "HEAD")


def command(clone: Clone, *arguments: str, code: int = 0) -> str:
    """`sqlalchemy-asv`, as its console script calls it."""
    call = "import sys; from reporting.command import main; sys.exit(main())"
    return clone.run(sys.executable, "-c", call, *arguments, code=code)


def test_budgets(clone: Clone, history: list[str]) -> None:
    table = command(clone, "budgets", history[4], code=1)
    (line,) = (line for line in table.splitlines() if "EXCEEDED" in line)
    assert line.split()[:2] == ["social.CreateUser", "mean"]
    table = command(clone, "budgets", history[1])
    assert "EXCEEDED" not in table
    assert re.search(r"load\.Feed +p95 .*not measured", table)
    found = json.loads(command(clone, "budgets", history[1], "--json"))
    (verdicts,) = found["environments"].values()
    (mean,) = (v for v in verdicts if (v["scenario"], v["figure"]) == ("social.CreateUser", "mean"))
    assert 0 < mean["value"] < mean["limit"] == 0.01


def test_budgets_of_what_was_never_measured(clone: Clone, history: list[str]) -> None:
    for name, why in (
        (f"{history[0]}~1", "was never measured"),
        ("no-such-commit", "there is no commit no-such-commit"),
    ):
        output = command(clone, "budgets", name, code=2)
        assert output.startswith("sqlalchemy-asv: ")
        assert why in output
        assert len(output.splitlines()) == 1


# --- the site ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(clone: Clone, history: list[str]) -> Iterator[str]:
    """The published site's address, served by `asv preview`."""
    # A file that is damaged, with a name that tries as well.
    folder = clone.path / "results" / "statements" / "commits"
    damaged = folder / f"{history[0][:8]}-<img src=x onerror=window.marked=1>.json"
    damaged.write_text("{")
    clone.asv("publish")
    damaged.unlink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "asv", "preview", "--port", str(port)],
        cwd=clone.path,
        env=clone.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        address = f"http://127.0.0.1:{port}/"
        for _ in range(100):
            try:
                urlopen(address).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address
        server.terminate()


@pytest.fixture(scope="module")
def page(site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser that reaches this machine only; anything else it asks for fails the test."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        skip("needs a browser: install Debian's package chromium")
    outside = []

    def local_only(route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ],
        )
        errors: list[str] = []
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.route("**/*", local_only)
        page.goto(site)
        yield page
        browser.close()
    assert outside == []
    assert errors == []


def test_from_the_grid_to_a_graph(page: Page) -> None:
    page.get_by_role("link", name="Benchmark grid").click()
    page.locator(
        "#summarygrid-display a", has_text="HomeFeedByScale.track_statements"
    ).first.click()
    expect(page.locator("#title")).to_have_text(FEED)
    canvas = page.locator("#main-graph canvas.flot-base")
    expect(canvas).to_be_visible()
    drawn = canvas.evaluate(
        """canvas => new Set(canvas.getContext("2d")
            .getImageData(0, 0, canvas.width, canvas.height).data).size"""
    )
    assert drawn > 10, "the graph is blank"


def test_the_list(page: Page) -> None:
    page.get_by_role("link", name="Benchmark list").click()
    expect(page.locator("#summarylist-body tr", has_text=FEED).first).to_be_visible()


def test_regressions_lead_to_their_graph(page: Page, history: list[str]) -> None:
    page.get_by_role("link", name="Regressions", exact=True).click()
    rows = page.locator("#regressions-body table:not(.ignored) tbody tr")
    expect(rows).to_have_count(SCALES)
    expect(rows.filter(has_text=history[3][:8])).to_have_count(SCALES)
    rows.first.get_by_role("link").first.click()
    expect(page.locator("#main-graph canvas.flot-base")).to_be_visible()


def test_improvements_lead_to_their_graph(page: Page, history: list[str]) -> None:
    page.get_by_role("link", name="Improvements", exact=True).click()
    rows = page.locator("#improvements-display tbody tr")
    expect(rows).to_have_count(SCALES)
    expect(rows.filter(has_text=f"{history[0][:8]}..{history[1][:8]}")).to_have_count(SCALES)
    expect(page.locator("#regressions-display")).to_be_hidden()
    rows.first.get_by_role("link").first.click()
    expect(page.locator("#improvements-display")).to_be_hidden()
    expect(page.locator("#main-graph canvas.flot-base")).to_be_visible()


def test_budgets_over_the_commits(page: Page, history: list[str]) -> None:
    page.get_by_role("link", name="Budgets", exact=True).click()
    table = page.locator("#budgets-display table")
    expect(table.locator("thead th")).to_have_count(3 + len(history))
    row = table.locator("tbody tr", has_text="mean").filter(has_text="social.CreateUser")
    expect(row.locator("td.danger")).to_have_count(3)
    expect(row.locator("td.success")).to_have_count(2)
    assert MARKUP in table.inner_text()
    assert page.evaluate("window.marked") is None


def test_statements_and_where_they_changed(page: Page, history: list[str]) -> None:
    page.get_by_role("link", name="Statements", exact=True).click()
    page.locator("#statements-scenario").select_option("social.HomeFeedByScale(1)")
    commits = page.locator("#statements-display details")
    expect(commits).to_have_count(len(history))
    # The second is eager, the fourth lazy again; what changed is open, the rest closed.
    opened = page.locator("#statements-display details[open]")
    expect(opened).to_have_count(2)
    assert opened.nth(0).locator("tr.success").count() > 0
    assert "changed here" in opened.nth(1).inner_text()
    # SQL, a commit's message and an error.
    text = page.locator("#statements-display").inner_text()
    assert text.count(MARKUP) >= 2
    assert "<img src=x onerror=window.marked=1>.json is damaged" in text
    assert page.evaluate("window.marked") is None


def test_the_feed(site: str, history: list[str]) -> None:
    with urlopen(f"{site}regressions.xml") as feed:  # noqa: S310
        text = feed.read().decode()
    assert text.count("<entry>") == SCALES
    assert history[3][:8] in text


# --- commits and environments that differ ---------------------------------------------------------


def test_a_third_domain_takes_no_edit_elsewhere(clone: Clone, history: list[str]) -> None:
    """The README's walk, file by file; at the commit before it the domain is n/a."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    files = re.findall(r"^`(\S+\.py)`\n\n```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert len(files) == 5
    for name, text in files:
        (clone.path / name).parent.mkdir(exist_ok=True)
        (clone.path / name).write_text(text, encoding="utf-8")
    after = clone.commit("A library")
    output = clone.asv("run", "HEAD~2..HEAD", "--bench", "library", "--bench", TIME, "-e")
    assert "this commit has no" in output
    name = "library.BooksOnShelf.time_wall"
    (new,), (old,) = clone.results(after), clone.results(history[-1])
    assert new["results"][name][0][0] > 0
    assert math.isnan(old["results"][name][0][0])
    for found in (new, old):
        assert found["results"][TIME][0][0] > 0


def environments_by_age(versions: Iterable[str]) -> list[str]:
    return sorted(versions, key=lambda version: [int(part) for part in version.split(".")])


def test_environments_of_the_matrix_hold_what_they_say_or_nothing_is_measured(
    clone: Clone, history: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ("--config", "asv.matrix.conf.json")
    bench = ("--bench", TIME)
    # On one of its databases; asv's own is the one without a server.
    monkeypatch.setitem(clone.environment, "DATABASE", "sqlite")
    clone.asv(*config, "run", "HEAD^!", *bench, "--show-stderr")
    commit = clone.run("git", "rev-parse", "HEAD").strip()
    results = clone.results(commit, "matrix")
    assert len(results) == 2
    environments = {}
    for folder in (clone.path / ".asv" / "env").iterdir():
        info = json.loads((folder / "asv-env-info.json").read_text(encoding="utf-8"))
        if version := info["requirements"].get("sqlalchemy"):
            environments[version] = folder / "bin" / "python"
    assert len(environments) == 2
    for version, python in environments.items():
        imported = clone.run(str(python), "-c", "import sqlalchemy; print(sqlalchemy.__version__)")
        assert imported.strip() == version
    # Somebody installs another release into the environment of an older one.
    *_, old, new = environments_by_age(environments)
    clone.run(
        str(environments[old]), "-m", "pip", "install", "-q", "--no-deps", f"sqlalchemy=={new}"
    )
    output = clone.asv(*config, "run", "HEAD^!", *bench, "--show-stderr", "--dry-run", code=2)
    refusals = [line.strip() for line in output.splitlines() if "refusing to measure" in line]
    assert refusals
    for line in refusals:
        assert line.endswith(
            f"environment virtualenv-py{sys.version_info[0]}.{sys.version_info[1]}-sqlalchemy{old}"
            f"-DATABASEsqlite says sqlalchemy {old}, installed is {new}; remove .asv/env"
        )
    assert "Traceback" not in output


def test_releases_are_measured_with_the_data_layer_of_the_working_tree(clone: Clone) -> None:
    """Two releases from the index that pip is configured with, as users install them."""
    command = str(Path(sys.executable).with_name("sqlalchemy-asv"))
    config = ("--config", "asv.releases.conf.json")
    before = clone.run("git", "status", "--porcelain", "--", ":!results")
    assert "new: 2.0.57, 2.1.8, 2.0.58, 2.1.9" in clone.run(command, "releases", "--since=2.0.57")
    calls = "social.UpdateProfile.track_calls"
    for release in ("2.0.57", "2.1.9"):
        clone.asv(*config, "run", f"{release}^!", "--bench", calls)
        (python,) = (clone.path / ".asv/releases/sqlalchemy/env").glob("*/bin/python")
        imported = clone.run(str(python), "-c", "import sqlalchemy; print(sqlalchemy.__version__)")
        assert imported.strip() == release
    files = sorted((clone.path / "results/releases").glob("*/*-virtualenv*.json"))
    found = [json.loads(file.read_text(encoding="utf-8"))["results"][calls][0] for file in files]
    assert len({value for (value,) in found}) == 2
    # What the last one left installed is not the working tree's any more.
    operations = clone.path / "fixtures" / "social" / "operations.py"
    as_it_was = operations.read_text(encoding="utf-8")
    operations.write_text(f"{as_it_was}\nMORE = 1\n", encoding="utf-8")
    refused = clone.asv(*config, "run", "2.1.9^!", "--bench", calls, "--dry-run", code=2)
    operations.write_text(as_it_was, encoding="utf-8")
    assert "has another data layer than the working tree; remove .asv/releases/sqlal" in refused
    # By their names, whatever the settings of this repository's own commits are.
    compare = ("compare", "2.0.57", "2.0.58", "--scenario=social.UpdateProfile", "--time=none")
    compared = clone.run(command, *compare, "--no-instructions")
    assert "2.0.57 → 2.0.58 on sqlite: 1 unchanged" in compared
    found_out = clone.run(
        *(command, "bisect", "social.UpdateProfile", "2.0.58", "2.1.9", "--metric=calls")
    )
    assert "2.1.8 sqlalchemy 2.1.8" in found_out
    # Nothing of it is in the tracked tree but the results.
    assert clone.run("git", "status", "--porcelain", "--", ":!results") == before
    clone.asv(*config, "publish")
    start = (clone.path / ".asv/site/index.html").read_text(encoding="utf-8")
    assert '<a href="releases/index.html">Releases of SQLAlchemy</a>' in start
    assert "releases/#/what-changed" in start
    index = json.loads((clone.path / ".asv/site/releases/index.json").read_text(encoding="utf-8"))
    assert index["project_url"] == "../index.html"


def test_small_changes_show_in_counts(clone: Clone, history: list[str]) -> None:
    """A statement, a row, one percent of Python more: each in the counts meant for it."""
    operations = clone.path / "fixtures" / "social" / "operations.py"
    before = operations.read_text(encoding="utf-8")
    head, feed, body = before.partition("def home_feed(")
    body = body.replace('loading: Loading = "lazy"', 'loading: Loading = "selectin"')

    def changed(old: str, new: str) -> str:
        assert old in body
        return head + feed + body.replace(old, new, 1)

    end = "    return posts\n"
    variants = {
        "nothing": head + feed + body,
        "a statement": changed(end, "    session.execute(select(literal(1))).close()\n" + end),
        "a row": changed(".limit(limit)", ".limit(limit + 1)").replace(
            end, "    posts.pop()\n" + end, 1
        ),
        "a hundredth": changed(end, "    for _ in range(CALLS):\n        len(())\n" + end),
    }
    bench = r"social\.HomeFeedByScale\.track_(statements|rows|calls|allocated)\(1\)"
    missing = no_instructions()
    if not missing:
        bench = bench.replace("allocated", "allocated|instructions")
    counts: dict[str, dict[str, float]] = {}
    for name, text in variants.items():
        calls = round(counts["nothing"]["calls"] / 100) if counts else 0
        operations.write_text(text.replace("CALLS", str(calls)), encoding="utf-8")
        commit = clone.commit(f"The feed with {name}")
        clone.asv("run", "HEAD^!", "--bench", bench, "--show-stderr")
        (found,) = clone.results(commit)
        counts[name] = {
            benchmark.rpartition(".track_")[2]: values[0][2]
            for benchmark, values in found["results"].items()
        }
    operations.write_text(before, encoding="utf-8")
    nothing = counts["nothing"]
    assert counts["a statement"]["statements"] == nothing["statements"] + 1
    assert counts["a row"]["statements"] == nothing["statements"]
    assert counts["a row"]["rows"] > nothing["rows"]
    assert counts["a hundredth"]["statements"] == nothing["statements"]
    assert counts["a hundredth"]["rows"] == nothing["rows"]
    assert counts["a hundredth"]["calls"] == pytest.approx(nothing["calls"] * 1.01, rel=0.002)
    if missing:
        assert not os.environ.get("CI"), missing
    else:
        assert counts["a hundredth"]["instructions"] > nothing["instructions"]


def test_a_detached_and_shallow_clone(clone: Clone, history: list[str], tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    clone.run("git", "clone", "-q", "--depth=1", clone.path.as_uri(), str(shallow), cwd=tmp_path)
    clone.run("git", "checkout", "-q", "--detach", cwd=shallow)
    asv = (sys.executable, "-m", "asv")
    output = clone.run(*asv, "run", "HEAD^!", "--bench", TIME, cwd=shallow)
    assert "failed" not in output
    clone.run(*asv, "publish", cwd=shallow)
    assert (shallow / ".asv" / "site" / "commits" / "index.html").exists()


# --- databases ------------------------------------------------------------------------------------

FEW = ("--bench", r"social\.CreateUser\.(time_cpu|track_statements)")
PASSWORD = "s3cr3t-Passw0rd"


def processes() -> str:
    listing = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True)
    return listing.stdout


def test_postgresql_without_a_server_starts_one_and_ends_it(
    clone: Clone, history: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(clone.environment, "DATABASE", "postgresql")
    monkeypatch.delitem(clone.environment, "POSTGRESQL_URL", raising=False)
    clone.asv("run", "HEAD^!", *FEW)
    commit = clone.run("git", "rev-parse", "HEAD").strip()
    (found,) = [f for f in clone.results(commit) if f["env_vars"].get("DATABASE") == "postgresql"]
    assert found["results"]["social.CreateUser.track_statements"][0] == [1]
    assert str(server_folder(clone.path / ".asv")) not in processes()


def test_mariadb_without_a_server_is_one_line(
    clone: Clone, history: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(clone.environment, "DATABASE", "mariadb")
    monkeypatch.delitem(clone.environment, "MARIADB_URL", raising=False)
    (line,) = clone.asv("run", "HEAD^!", *FEW, code=2).splitlines()
    assert "MARIADB_URL is not set: start a server, for example by" in line


def test_an_unknown_database_is_one_line(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(clone.environment, "DATABASE", "oracle")
    (line,) = clone.asv("run", "HEAD^!", *FEW, code=2).splitlines()
    assert line == (
        "sqlalchemy-asv: there is no database 'oracle': DATABASE takes sqlite, postgresql, mariadb"
    )


def test_a_password_appears_nowhere(
    clone: Clone, history: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(clone.environment, "DATABASE", "postgresql")
    with own_postgresql() as url:
        # The server trusts everybody, but a password is sent, or would be, all the same.
        given = url.replace("postgres:@", f"postgres:{PASSWORD}@")
        assert PASSWORD in given
        monkeypatch.setitem(clone.environment, "POSTGRESQL_URL", given)
        seen = []
        with subprocess.Popen(
            [sys.executable, "-m", "asv", "run", "HEAD^!", *FEW, "--show-stderr", "-v"],
            cwd=clone.path,
            env=clone.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as run:
            while run.poll() is None:
                seen.append(processes())
                time.sleep(0.2)
            assert run.stdout is not None
            seen.append(run.stdout.read())
        assert run.returncode == 0
        seen.append(clone.asv("publish", "-v"))
    # A server that is gone says so without saying where it was.
    seen.append(clone.asv("run", "HEAD^!", *FEW, "--show-stderr", code=2))
    assert "postgresql failed: " in seen[-1]
    assert not [text for text in seen if PASSWORD in text]
    for folder in ("results", ".asv/site"):
        for path in (clone.path / folder).rglob("*"):
            assert PASSWORD not in str(path)
            if path.is_file():
                content = path.read_bytes()
                assert PASSWORD.encode() not in content, path
                assert b"postgres:" not in content, path
