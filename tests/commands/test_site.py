"""The site of the recorded releases: what a visitor finds, and whether the records bear it out."""

import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from asv.benchmarks import Benchmarks
from asv.repo import get_repo
from playwright.sync_api import Page, expect
from sqlalchemy_asv.asv_ext import settings
from sqlalchemy_asv.site import numbers, recorded
from sqlalchemy_asv.site.recorded import Environment, Recorded

from ..support.browser import browser, serious, served
from ..support.clone import ROOT, Clone

CONFIG = "asv.releases.conf.json"


@pytest.fixture(scope="module")
def published(clone: Clone) -> Path:
    """The site of the releases that this repository has recorded."""
    shutil.copytree(ROOT / "results", clone.path / "results", dirs_exist_ok=True)
    clone.command("releases")
    clone.asv("--config", CONFIG, "publish")
    return clone.path / ".asv" / "site"


def read(clone: Clone, config: str) -> Recorded:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(clone.path)
        conf = settings.load(config)
        return recorded.read(conf, get_repo(conf), Benchmarks.load(conf))


@pytest.fixture(scope="module")
def found(clone: Clone, published: Path) -> Recorded:
    return read(clone, CONFIG)


def environment_on(found: Recorded, database: str = "sqlite") -> Environment:
    """The environment of a database. All releases are recorded on SQLite, some on others too."""
    return next(each for each in found.environments if each.database == database)


def database(params: dict[str, str | None]) -> str:
    """The database of an event, from the parameters of its graph."""
    told = params.get("env-DATABASE")
    return "sqlite" if told in (None, "[none]") else told


def jumps(site: Path) -> Iterator[tuple[str, str, int | None, int, float, float]]:
    """Database, case and benchmark, revisions before and after, and both values, of all events."""
    regressions = json.loads((site / "regressions.json").read_text(encoding="utf-8"))
    for name, _, params, _, _, _, of_name in regressions["regressions"]:
        for before, after, base, head in of_name:
            yield database(params), name, before, after, base, head
    improvements = json.loads((site / "improvements.json").read_text(encoding="utf-8"))
    for name, params, _, before, after, base, head in improvements:
        yield database(params), name, before, after, base, head


def test_neighbouring_releases_bear_out_each_event(published: Path, found: Recorded) -> None:
    assert borne_out(published / "releases", found) > 100


def test_neighbouring_commits_bear_out_each_event(
    clone: Clone, published: Path, tmp_path: Path
) -> None:
    """All metrics of this repository's own history, in which five commits change an operation."""
    clone.asv("publish", "--html-dir", str(tmp_path))
    listed = borne_out(tmp_path, read(clone, "asv.conf.json"))
    assert listed > 40 or clone.run("git", "rev-parse", "--is-shallow-repository").strip() == "true"


def borne_out(site: Path, found: Recorded) -> int:
    """Each event is a difference of a commit from the one before it, in the same direction.

    Returns their number.
    """
    index = json.loads((site / "index.json").read_text(encoding="utf-8"))
    commits = {int(revision): hash for revision, hash in index["revision_to_hash"].items()}
    wrong, listed = [], 0
    for on, name, before, after, base, head in jumps(site):
        listed += 1
        benchmark, bracket, rest = name.partition("(")
        scenario, _, metric = benchmark.rpartition(".")
        metric = metric.removeprefix("track_")
        values = found.values[environment_on(found, on)][metric][f"{scenario}{bracket}{rest}"]
        later = found.commits[commits[after]]
        earlier = found.before(values, later)
        assert earlier is not None, name
        if before is not None and commits[before] != earlier.hash:
            wrong.append(f"{name}: {later.name} follows {earlier.name}")
        pair = values[earlier.hash], values[later.hash]
        if not recorded.differs(metric, *pair) or (pair[0] < pair[1]) != (base < head):
            wrong.append(f"{name}: {pair[0]} → {pair[1]} at {later.name}, not {base} → {head}")
    assert wrong == []
    return listed


@pytest.fixture(scope="module")
def page(published: Path) -> Iterator[tuple[Page, str]]:
    with (
        served("http.server", "--bind", "127.0.0.1", folder=published) as address,
        browser() as page,
    ):
        yield page, address


def test_two_clicks_to_what_an_upgrade_does_and_one_to_its_statements(
    page: tuple[Page, str], found: Recorded
) -> None:
    """What upgrading from 2.0.36 to the newest release does to lazy loading."""
    site, address = page
    site.goto(address)
    expect(site.locator("h2").first).to_have_text("Releases of SQLAlchemy")
    form = site.locator("form.between").first
    form.get_by_label("From").select_option("2.0.36")
    form.get_by_label("Name contains").fill("lazy")
    form.get_by_role("button", name="Compare").click()
    rows = site.locator("#cases tbody tr")
    expect(rows.first).to_contain_text("lazy")
    assert "from=2.0.36" in site.url
    rows.filter(has_text="social.HomeFeed('lazy')").get_by_text("statements", exact=True).click()
    either = re.compile("SELECT|Both send the same statements")
    expect(rows.filter(has_text="social.HomeFeed('lazy')")).to_contain_text(either)
    assert serious(site) == []
    environment = environment_on(found)
    newest = found.of_branch(environment)[-1]
    expect(site.locator("#choose-to")).to_have_value(newest.name)
    values = found.values[environment]["instructions"]["social.HomeFeed('lazy')"]
    (base,) = (c for c in found.commits.values() if c.name == "2.0.36")
    said = numbers.change(values[base.hash], values[newest.hash])
    expect(rows.filter(has_text="social.HomeFeed('lazy')")).to_contain_text(f"({said})")


def test_each_page_declares_its_characters(published: Path) -> None:
    pages = sorted(published.rglob("*.html"))
    assert {"overview.html", "sources.html", "what-changed.html"} <= {page.name for page in pages}
    assert [p.name for p in pages if "charset" not in p.read_text(encoding="utf-8").lower()] == []


def test_the_picture_of_the_releases(page: tuple[Page, str]) -> None:
    site, address = page
    site.goto(address)
    expect(site.locator(".picture svg path[stroke]").first).to_be_visible()
    named = site.locator(".picture").inner_text()
    assert "2.0.0" in named
    site.get_by_text("The picture as a table").click()
    expect(site.locator("details[open] li").first).to_contain_text("ecommerce.")


def test_no_figure_of_the_pages_is_infinite(page: tuple[Page, str]) -> None:
    site, address = page
    for place in ("regressions", "improvements"):
        site.goto(f"{address}releases/index.html#/{place}")
        rows = site.locator(f"#{place}-display tbody tr, #{place}-body tbody tr")
        expect(rows.first).to_be_visible()
        text = site.locator("body").inner_text()
        assert "Infinity" not in text
        assert "NaN" not in text
        assert "e+" not in text


def test_an_event_leads_to_the_comparison_of_its_releases(page: tuple[Page, str]) -> None:
    site, address = page
    for place in ("regressions", "improvements"):
        site.goto(f"{address}releases/index.html#/{place}")
        rows = site.locator(f"#{place}-display tbody tr:visible")
        row = rows.filter(has_text="..").first
        row.locator("a").first.hover()
        expect(
            site.locator(".popover canvas").first
        ).to_be_visible() if place == "regressions" else None
        between = row.get_by_text("..", exact=False).last
        base, _, head = between.inner_text().partition("..")
        between.click()
        expect(site.locator("#choose-from")).to_have_value(base)
        expect(site.locator("#choose-to")).to_have_value(head)


def test_pages_are_timed_in_a_browser(published: Path) -> None:
    """`python -m maintenance.pages` times all of them; a busy machine exceeds the limit."""
    asked = [sys.executable, "-m", "maintenance.pages", "--loads=1", "index.html"]
    there = {"cwd": published.parents[1], "capture_output": True, "text": True}
    done = subprocess.run(asked, **there, check=False)  # type: ignore[call-overload]
    assert done.returncode in (0, 1), done.stderr
    _, page, seconds, transferred, _ = done.stdout.splitlines()[-1].split("|")
    assert page.strip() == "`index.html`"
    assert float(seconds) > 0
    assert float(transferred) > 0.1


def test_a_graph_of_releases_has_their_names(page: tuple[Page, str]) -> None:
    site, address = page
    site.goto(f"{address}releases/index.html#social.HomeFeed.track_instructions")
    labels = site.locator("#main-graph .flot-x-axis .tickLabel")
    expect(labels.first).to_have_text("2.0.0")
    boxes: list[Any] = [labels.nth(number).bounding_box() for number in range(labels.count())]
    assert len(boxes) > 4
    assert all(one["x"] + one["width"] <= other["x"] for one, other in itertools.pairwise(boxes))
    expect(site.locator("#main-graph .flot-y-axis .tickLabel").last).to_contain_text(" M")


def test_the_keyboard_reaches_what_asv_made_for_a_mouse(page: tuple[Page, str]) -> None:
    site, address = page
    site.goto("about:blank")
    site.goto(f"{address}releases/index.html#features.InList.track_calls?branch=newest")
    expect(site.locator("#main-graph .flot-x-axis .tickLabel").first).to_be_visible()
    reached = set()
    for _ in range(60):
        site.keyboard.press("Tab")
        reached.add(site.evaluate("document.activeElement.innerText.trim()"))
    assert {"log scale", "2.0.x", "postgresql", "1000", "social"} <= reached
    site.focus("#log-scale")
    site.keyboard.press("Enter")
    expect(site.locator("#log-scale")).to_have_class(re.compile("active"))
    site.goto(f"{address}releases/index.html#/regressions")
    expect(site).to_have_url(re.compile("sort=3&dir=desc"))
    site.wait_for_load_state("networkidle")
    site.locator("#regressions-body th[data-sort]").first.press("Enter")
    expect(site).to_have_url(re.compile("sort=0"))


def test_the_verdict_and_the_comparison_behind_it_agree(page: tuple[Page, str]) -> None:
    site, address = page
    site.goto("about:blank")
    site.goto(address)
    said = site.locator("section section p", has_text="See all").first.inner_text()
    site.get_by_role("link", name="See all").first.click()
    summary = site.locator("#summary").inner_text()
    numbers_of = re.compile(r"(\d+) (cases?|better|worse|trade-offs?)")
    told = numbers_of.findall(said.partition(":")[2])
    assert len(told) == 4
    assert numbers_of.findall(summary)[:4] == told


def test_nothing_differs_from_itself(page: tuple[Page, str]) -> None:
    site, address = page
    site.goto(f"{address}#compare?from=2.0.36&to=2.0.36")
    expect(site.locator("#summary")).to_contain_text(" 0 better, 0 worse, 0 trade-offs, ")


def test_the_keyboard_stays_where_it_is(page: tuple[Page, str]) -> None:
    site, address = page
    site.goto("about:blank")
    site.goto(f"{address}#compare?from=2.0.29&to=2.0.36")
    expect(site.locator("#summary")).to_be_visible()
    site.focus("#choose-metric")
    for _ in range(2):
        site.keyboard.press("ArrowDown")
        site.wait_for_timeout(300)
        assert site.evaluate("document.activeElement.id") == "choose-metric"
    # Each choice is a step back.
    chosen = site.locator("#choose-metric").input_value()
    site.go_back()
    expect(site.locator("#choose-metric")).not_to_have_value(chosen)
    expect(site.locator("#compare")).to_be_visible()


@pytest.mark.parametrize("grouped", ["", "?grouped=true"])
def test_regressions_are_in_the_order_of_their_numbers(
    page: tuple[Page, str], grouped: str
) -> None:
    site, address = page
    site.goto("about:blank")
    site.goto(f"{address}releases/index.html#/regressions{grouped}")
    expect(site).to_have_url(re.compile("sort=3&dir=desc"))
    site.wait_for_load_state("networkidle")
    table = site.locator("#regressions-body table").first
    expect(table.locator("tbody tr").first).to_be_visible()

    def column(number: int) -> list[float]:
        """The figures of a column as JavaScript has them: from nothing is infinite."""
        cells = f"$(table).find('tbody td:nth-child({number + 1})').get()"
        found = table.evaluate(f"table => {cells}.map(cell => String($(cell).data('sort-value')))")
        return [float(figure.replace("Infinity", "inf")) for figure in found]

    assert column(3) == sorted(column(3), reverse=True)
    assert column(3)[0] > column(3)[-1] > 1
    for number in (4, 5):
        table.locator("th").nth(number).click()
        assert column(number) in (sorted(column(number)), sorted(column(number), reverse=True))


def test_the_way_back_leads_to_where_somebody_came_from(page: tuple[Page, str]) -> None:
    """The order of a table is no step of the browser's history."""
    site, address = page
    site.goto("about:blank")
    site.goto(address)
    site.get_by_role("link", name="regressions").first.click()
    expect(site).to_have_url(re.compile("sort=3&dir=desc"))
    site.go_back()
    expect(site.locator("h2").first).to_have_text("Releases of SQLAlchemy")


def test_what_became_of_a_regression_is_said(page: tuple[Page, str], found: Recorded) -> None:
    """2.1.0b1 left cycles, which are gone since 2.1.4 but for a few."""
    site, address = page
    case = "social.ActiveUsersWithThreads('subquery')"
    site.goto("about:blank")
    site.goto(f"{address}releases/index.html#/regressions")
    rows = site.locator("#regressions-body tbody tr")
    row = rows.filter(has_text="ActiveUsersWithThreads.track_cycles('subquery')")
    cells = row.filter(has_text="2.1.0b1").first.locator("td")
    expect(cells.first).to_be_visible()
    values = found.values[environment_on(found)]["cycles"][case]
    newest = found.of_branch(environment_on(found))[-1]
    titles = site.locator("#regressions-body thead").first.locator("th")
    told = dict(zip(titles.all_inner_texts(), cells.all_inner_texts(), strict=False))
    assert told["Now"] == f"{values[newest.hash]:,.0f} objects"
    assert told["After"] != told["Now"]


def test_a_graph_tells_each_point(page: tuple[Page, str]) -> None:
    site, address = page
    site.goto("about:blank")
    site.goto(
        f"{address}releases/index.html#features.InList.track_calls?branch=newest&p-length=1000"
    )
    expect(site.locator("#main-graph .flot-x-axis .tickLabel").first).to_be_visible()
    site.wait_for_load_state("networkidle")
    places = site.evaluate(
        """() => {
            const plot = $("#main-graph").data("plot"), at = plot.offset();
            const points = plot.getData()[0].datapoints.points;
            return [0, 1].map(n => {
                const o = plot.p2c({x: points[2 * n], y: points[2 * n + 1]});
                return [at.left + o.left, at.top + o.top];
            });
        }"""
    )
    said = []
    for x, y in places:
        site.mouse.move(x, y)
        expect(site.locator(".tooltip-inner").last).to_contain_text("calls @ 2.0.")
        site.wait_for_timeout(100)
        said.append(site.locator(".tooltip-inner").last.inner_text())
    assert [text.partition(" @ ")[2] for text in said] == ["2.0.0", "2.0.1"]


@pytest.mark.parametrize("place", ["#/nonsense", "#nonsense.Bench", "#/summarylist"])
def test_an_address_of_nothing_leads_to_the_overview(page: tuple[Page, str], place: str) -> None:
    site, address = page
    site.goto("about:blank")
    site.goto(f"{address}releases/index.html{place}")
    expect(site.locator("h2").first).to_have_text("Releases of SQLAlchemy")


def test_another_database_has_neighbours_of_its_own(
    page: tuple[Page, str], found: Recorded
) -> None:
    site, address = page
    environment = environment_on(found, "postgresql")
    known = found.counted(environment)
    newest = [c for c in found.of_branch(environment) if c.hash in known][-1]
    before = found.before(known, newest)
    assert before is not None
    site.goto("about:blank")
    site.goto(f"{address}#compare?on=postgresql")
    expect(site.locator("#choose-on")).to_have_value("PostgreSQL")
    expect(site.locator("#choose-from")).to_have_value(before.name)
    expect(site.locator("#choose-to")).to_have_value(newest.name)


@pytest.mark.parametrize(
    ("asked", "name"),
    [("on=Oracle", "Oracle"), ("from=1.4.0", "1.4.0"), ("from=2.0.3&on=PostgreSQL", "2.0.3")],
)
def test_what_is_not_recorded_is_named(page: tuple[Page, str], asked: str, name: str) -> None:
    site, address = page
    site.goto("about:blank")
    site.goto(f"{address}#compare?{asked}")
    expect(site.locator(".damaged")).to_have_text(
        f"There are no results of {name} here. Choose another one."
    )
    # The control shows it too, so that any of the others can be chosen.
    expect(site.locator("option", has_text=f"{name} (no results)")).to_have_count(1)


def test_a_release_can_be_typed_and_the_address_is_whole(page: tuple[Page, str]) -> None:
    site, address = page
    site.goto("about:blank")
    site.goto(f"{address}#compare")
    site.focus("#choose-from")
    site.keyboard.type("2.0.40", delay=50)
    expect(site.locator("#choose-from")).to_have_value("2.0.40")
    for part in ("on=SQLite", "from=2.0.40", "to=2."):
        assert part in site.url
    site.focus("#choose-find")
    site.keyboard.type("lazy")
    site.keyboard.press("Tab")
    expect(site).to_have_url(re.compile("find=lazy"))
    assert site.evaluate("document.activeElement.id || document.activeElement.className") == "wide"


def test_the_number_of_changes_is_that_of_the_commits_shown(page: tuple[Page, str]) -> None:
    site, address = page
    site.goto("about:blank")
    site.goto(f"{address}releases/index.html#/statements?scenario=ecommerce.OpenProduct")
    chosen = site.locator("#statements-scenario")
    expect(chosen).to_have_value("ecommerce.OpenProduct")
    told = chosen.locator("option:checked").inner_text()
    shown = site.locator("#statements-display summary", has_text="changed here").count()
    assert re.findall(r"(\d+) change", told) == [str(shown)]


def test_a_comparison_leads_to_the_section_of_its_release(page: tuple[Page, str]) -> None:
    site, address = page
    site.goto("about:blank")
    site.goto(f"{address}#compare?from=2.1.5&to=2.1.6")
    site.get_by_role("link", name="What changed in this history, and why").click()
    expect(site.locator("h3", has_text="2.1.6:")).to_be_in_viewport()
    expect(site.locator("h1", has_text="What changed in SQLAlchemy")).not_to_be_in_viewport()


def test_no_event_is_listed_twice(published: Path) -> None:
    """The branches `newest` and `2.0.x` have the releases up to 2.0.46 in common."""
    listed = json.loads((published / "releases" / "improvements.json").read_text(encoding="utf-8"))
    events = [(name, database(params), after) for name, params, _, _, after, _, _ in listed]
    assert len(events) == len({*events})


def test_the_feed_names_releases_and_databases(
    published: Path, found: Recorded, page: tuple[Page, str]
) -> None:
    atom = "{http://www.w3.org/2005/Atom}"
    file = published / "releases" / "regressions.xml"
    entries = ElementTree.parse(file).findall(f"{atom}entry")  # noqa: S314 (it is our own)
    assert len({entry.findtext(f"{atom}id") for entry in entries}) == len(entries)
    titles = [entry.findtext(f"{atom}title") for entry in entries]
    names = {commit.name for commit in found.commits.values()}
    told = [re.fullmatch(r"(.+) on (.+): .+ at (.+)", title or "") for title in titles]
    feed = {(each[1], each[2], each[3]) for each in told if each}
    assert {at for _, _, at in feed} <= names
    listed = json.loads((published / "releases" / "regressions.json").read_text(encoding="utf-8"))
    index = json.loads((published / "releases" / "index.json").read_text(encoding="utf-8"))
    commits = {int(revision): hash for revision, hash in index["revision_to_hash"].items()}
    shown = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
    assert feed == {
        (name, shown[database(params)], found.commits[commits[after]].name)
        for name, _, params, _, _, _, of_name in listed["regressions"]
        for _, after, _, _ in of_name
    }
    place = next(place for place, title in enumerate(titles) if "on PostgreSQL" in (title or ""))
    link = entries[place].find(f"{atom}link")
    assert link is not None
    site, address = page
    site.goto("about:blank")
    site.goto(f"{address}releases/{link.get('href')}")
    expect(site.locator("#choose-on")).to_have_value("PostgreSQL")
    expect(site.locator("#choose-to")).to_have_value(str(titles[place]).rpartition(" at ")[2])
    expect(site.locator("#cases tbody tr").first).to_be_visible()
