"""The whole way, on real commits: asv runs, compares, publishes, and a browser reads the site."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy_asv.compare import output
from sqlalchemy_asv.compare.model import Comparison

from ..support.browser import browser, serious, served
from ..support.clone import COMMAND, Clone

FEED = "social.HomeFeedByScale.track_statements"
AFFORDABLE = r"social\.HomeFeedByScale\.track_statements\((0.01|0.1|1)\)"
SCALES = 3
"""Parameters of the feed, each a row in a table."""
TIME = "social.UpdateProfile.time_cpu"
MARKUP = "<script>window.marked = 1</script>"
"""Markup that must be shown as text, whatever its source."""
TAG = "<img/src=x/onerror=window.marked=1>"
"""The same, as git takes it for the name of a tag."""


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
    bench = [part for regex in (AFFORDABLE, TIME, registration) for part in ("--bench", regex)]
    clone.asv("run", "HEAD~5..HEAD", "--record-samples", *bench)
    return commits


def test_every_commit_of_the_range_is_measured(clone: Clone, history: list[str]) -> None:
    counts = []
    for commit in history:
        (found,) = clone.results(commit)
        assert found["results"][TIME][0][0] > 0
        counts.append(found["results"][FEED][0][:SCALES])
    lazy, eager = counts[0], counts[1]
    assert counts == [lazy, eager, eager, lazy, lazy]
    assert all(n_plus_1 > 20 > few for n_plus_1, few in zip(lazy, eager, strict=True))


def test_compare_shows_what_became_worse(clone: Clone, history: list[str]) -> None:
    table = clone.asv("compare", "HEAD~2", "HEAD~1")
    rows = [line for line in table.splitlines() if FEED in line and "n/a" not in line]
    assert len(rows) == SCALES
    assert all(row.startswith("| + ") for row in rows)
    table = clone.asv("compare", "--only-changed", "HEAD~1", "HEAD")
    assert FEED not in table


def test_continuous(clone: Clone, history: list[str]) -> None:
    """asv exits 1 if something became worse."""
    output = clone.asv("continuous", "HEAD~2", "HEAD~1", "--bench", AFFORDABLE, code=1)
    assert "PERFORMANCE DECREASED" in output


def test_profile(clone: Clone, history: list[str]) -> None:
    assert "update_profile" in clone.asv("profile", TIME, "HEAD")


def test_budgets(clone: Clone, history: list[str]) -> None:
    table = clone.command("budgets", history[4], code=1)
    exceeded = {tuple(row.split()[:2]) for row in table.splitlines() if "EXCEEDED" in row}
    # On a busy machine the deviation may be beyond its limit as well.
    assert ("social.CreateUser", "mean") in exceeded
    assert exceeded <= {("social.CreateUser", "mean"), ("social.CreateUser", "stdev")}
    # The exit code depends on the deviation, and so on what else the machine does.
    told = subprocess.run(
        [COMMAND, "budgets", history[1], "--json", "-"],
        cwd=clone.path,
        env=clone.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    (verdicts,) = json.loads(told.stdout)["environments"].values()
    words = {(v["scenario"], v["figure"]): v["verdict"] for v in verdicts}
    assert words["load.Feed", "p95"] == "not measured"
    over = {figure for figure, word in words.items() if word == "EXCEEDED"}
    assert over <= {("social.CreateUser", "stdev")}
    (mean,) = (v for v in verdicts if (v["scenario"], v["figure"]) == ("social.CreateUser", "mean"))
    assert 0 < mean["value"] < mean["limit"] == 0.01


def test_budgets_of_what_was_never_measured(clone: Clone, history: list[str]) -> None:
    for name, why in (
        (f"{history[0]}~1", "was never measured"),
        ("no-such-commit", "there is no commit no-such-commit"),
    ):
        output = clone.command("budgets", name, code=2)
        assert output.startswith("sqlalchemy-asv: ")
        assert why in output
        assert len(output.splitlines()) == 1


@pytest.fixture(scope="module")
def site(clone: Clone, history: list[str]) -> Iterator[str]:
    """The published site's address, served by `asv preview`."""
    # A file that is damaged, with a name that tries as well.
    folder = clone.path / "results" / "statements" / "commits"
    damaged = folder / f"{history[0][:8]}-<img src=x onerror=window.marked=1>.json"
    damaged.write_text("{")
    # A result that is damaged, of whatever kind the damage is: the rest is shown.
    (machine,) = (file.parent for file in clone.path.glob("results/commits/*/machine.json"))
    results = [machine / f"{history[0][:8]}-{name}.json" for name in ("text", "types")]
    results[0].write_bytes(b"\xff{")
    results[1].write_text('{"version": 2, "params": 5}', encoding="utf-8")
    clone.run("git", "tag", TAG, history[1])
    said = clone.asv("publish")
    for file in (damaged, *results):
        file.unlink()
    for file in results:
        assert file.name in said
    with served(
        "asv", "preview", "--port", folder=clone.path, environment=clone.environment
    ) as address:
        yield address


@pytest.fixture(scope="module")
def page(site: str) -> Iterator[Page]:
    with browser() as page:
        page.goto(site)
        yield page


@pytest.fixture
def overview(page: Page, site: str) -> Page:
    page.goto("about:blank")
    page.goto(site)
    expect(page).to_have_url(f"{site}overview.html")
    return page


def test_from_the_overview_to_a_graph(overview: Page) -> None:
    row = overview.get_by_role("row").filter(has_text="social.HomeFeedByScale(1)")
    row.get_by_role("link").first.click()
    expect(overview.locator("#title")).to_have_text(FEED)
    canvas = overview.locator("#main-graph canvas.flot-base")
    expect(canvas).to_be_visible()
    drawn = canvas.evaluate(
        """canvas => new Set(canvas.getContext("2d")
            .getImageData(0, 0, canvas.width, canvas.height).data).size"""
    )
    assert drawn > 10, "the graph is blank"
    # The tag of a commit is the label of its place, as text.
    expect(overview.locator("#main-graph").get_by_text(TAG)).to_be_visible()
    assert overview.evaluate("window.marked") is None


def test_the_overview_says_what_changed_last(overview: Page, history: list[str]) -> None:
    text = overview.locator("main").first.inner_text()
    assert f"{history[4][:8]} (Nothing again) against {history[3][:8]}" in text
    row = overview.get_by_role("row").filter(has_text="social.HomeFeedByScale(1)")
    expect(row.locator(".worse")).to_contain_text("statements ")
    row.get_by_role("link", name=history[3][:8]).click()
    expect(overview.locator("#cases tbody tr")).to_have_count(1)
    expect(overview.locator("#cases")).to_contain_text("social.HomeFeedByScale(1)")


def test_two_commits_are_compared_and_their_statements(overview: Page, history: list[str]) -> None:
    form = overview.locator("form.between").first
    form.get_by_label("From").select_option(TAG)
    form.get_by_label("Name contains").fill("homefeedbyscale(1)")
    form.get_by_role("button", name="Compare").click()
    address = overview.url
    expect(overview.locator("#summary")).to_have_text(
        "Of 1 case 0 better, 1 worse, 0 trade-offs, 0 unchanged."
    )
    row = overview.locator("#cases tbody tr")
    expect(row).to_have_count(1)
    row.get_by_text("statements", exact=True).last.click()
    pairs = row.locator(".pair")
    expect(pairs.first).to_be_visible()
    # What differs is marked, and all of it is text.
    assert row.locator("ins, del").count() > 0
    assert MARKUP in row.inner_text()
    assert overview.evaluate("window.marked") is None
    assert serious(overview) == []
    # The address can be sent to somebody; names that nobody knows are said.
    overview.goto("about:blank")
    overview.goto(address)
    expect(overview.locator("#cases tbody tr")).to_have_count(1)
    overview.goto(address.replace("to=", "to=no-such-"))
    expect(overview.locator("#compared")).to_contain_text("There are no results of no-such-")


def test_the_whole_of_two_commits_worst_first(overview: Page, history: list[str]) -> None:
    overview.goto(f"{overview.url}#compare?from={history[2][:8]}&to={history[3][:8]}")
    rows = overview.locator("#cases tbody tr")
    expect(rows).to_have_count(SCALES)
    overview.locator("#choose-least").select_option("50")
    expect(rows).to_have_count(SCALES)
    overview.locator("#choose-show").select_option("all cases")
    expect(rows).to_have_count(SCALES + 1)
    expect(rows.last).to_contain_text("social.CreateUser")
    overview.locator("#choose-metric").select_option("statements")
    assert "metric=statements" in overview.url


def test_the_overview_is_for_everybody(overview: Page) -> None:
    """Small and dark screens, a keyboard, and a screen reader."""
    for scheme in ("light", "dark"):
        overview.emulate_media(color_scheme=scheme)
        assert serious(overview) == []
    overview.emulate_media(color_scheme="light")
    overview.set_viewport_size({"width": 360, "height": 800})
    try:
        for place in ("#", "#compare"):
            overview.evaluate("place => { location.hash = place }", place)
            overview.wait_for_timeout(300)
            width = overview.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, place
    finally:
        overview.set_viewport_size({"width": 1200, "height": 800})
    text = overview.locator("body").inner_text()
    assert "is damaged and left out" in overview.content()
    assert "Infinity" not in text
    assert overview.evaluate("window.marked") is None


def test_addresses_of_the_grid_and_the_list_lead_to_the_overview(page: Page, site: str) -> None:
    for old in ("index.html#/", "index.html#summarylist", "index.html#/summarylist?sort=1", ""):
        page.goto("about:blank")
        page.goto(f"{site}{old}")
        expect(page).to_have_url(f"{site}overview.html")


@pytest.fixture(autouse=True)
def _in_asv(request: pytest.FixtureRequest) -> None:
    """Other tests of pages begin on one of asv's."""
    if "page" in request.fixturenames and "overview" not in request.fixturenames:
        page, site = request.getfixturevalue("page"), request.getfixturevalue("site")
        page.goto(f"{site}index.html#/regressions")


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
    expect(rows.filter(has_text=f"{history[0][:8]}..{TAG}")).to_have_count(SCALES)
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
    # The second is eager, the fourth lazy again: these are open. The newest is closed.
    expect(commits).to_have_count(3)
    expect(page.locator("#statements-display")).to_contain_text("2 other commits changed nothing")
    opened = page.locator("#statements-display details[open]")
    expect(opened).to_have_count(2)
    assert opened.nth(0).locator("tr.success").count() > 0
    assert "changed here" in opened.nth(1).inner_text()
    # SQL, a commit's message and an error.
    # More of a statement is red, as the page says; only rows of a body have colours.
    more = opened.locator("tr.danger td").first
    expect(more).to_have_css("background-color", "rgb(242, 222, 222)")
    text = page.locator("#statements-display").inner_text()
    assert text.count(MARKUP) >= 2
    assert "<img src=x onerror=window.marked=1>.json is damaged" in text
    assert page.evaluate("window.marked") is None


def test_growth_names_the_class_of_each_count(page: Page) -> None:
    page.get_by_role("link", name="Growth", exact=True).click()
    row = page.locator("#growth-display tbody tr", has_text="social.HomeFeedByScale(scale)")
    expect(row.locator("td").nth(1)).to_contain_text("constant")


def test_the_page_of_a_verdict_shows_text(page: Page, tmp_path: Path) -> None:
    names = ("a", "</title><script>window.marked = 1</script>")
    comparison = Comparison("1" * 40, "2" * 40, names, "sqlite", [], [MARKUP])
    page.set_content(output.page(comparison))
    expect(page).to_have_title(re.compile("</title><script>"))
    assert MARKUP in page.inner_text("body")
    assert page.evaluate("window.marked") is None


def test_the_feed(site: str, history: list[str]) -> None:
    with urlopen(f"{site}regressions.xml") as feed:  # noqa: S310
        text = feed.read().decode()
    assert text.count("<entry>") == SCALES
    assert history[3][:8] in text
