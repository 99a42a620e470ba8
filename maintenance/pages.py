"""Time the pages of a published site in a browser, each with an empty cache.

    make publish
    python -m maintenance.pages

Prints the seconds from a click to what a page is for, the median of several loads, and the bytes
that it transferred. It reads `.asv/site` from a server on this machine. Run nothing else beside it.

Exit codes: 0 all pages are fast enough, 1 one is not, 2 nothing is published.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy_asv.asv_ext.errors import stop

from tests.support.browser import browser, served

SITE = Path(".asv/site")
LIMIT = 1.5
"""Seconds that a page may take."""
LOADS = 5
HISTORY = "releases/"
PAGES = {
    "index.html": "main table tbody tr",
    "index.html#compare": "#cases tbody tr",
    f"{HISTORY}index.html#social.HomeFeed.track_instructions": "#main-graph .flot-x-axis",
    f"{HISTORY}index.html#/regressions": "#regressions-body tbody tr",
    f"{HISTORY}index.html#/improvements": "#improvements-display tbody tr",
    f"{HISTORY}index.html#/growth": "#growth-display tbody tr",
    f"{HISTORY}index.html#/budgets": "#budgets-display tbody tr",
    f"{HISTORY}index.html#/statements": "#statements-display select",
    f"{HISTORY}index.html#/what-changed": "#what-changed-display h1",
    f"{HISTORY}sources.html": "main pre",
}
"""Pages, and the selector of what each is for."""


class Loaded(NamedTuple):
    """One load of a page."""

    seconds: float
    transferred: int
    """Bytes."""


def loaded(address: str, selector: str) -> Loaded:
    """Load a page with an empty cache, until what it is for is visible."""
    with browser() as page:
        page.goto(address, wait_until="commit")
        page.locator(selector).first.wait_for()
        now = page.evaluate("performance.now()")
        entries = "['navigation', 'resource'].flatMap(each => performance.getEntriesByType(each))"
        transferred = page.evaluate(f"{entries}.reduce((sum, each) => sum + each.transferSize, 0)")
    return Loaded(now / 1000, transferred)


def timed(site: Path, pages: dict[str, str], loads: int) -> Iterator[tuple[str, Loaded]]:
    """Each page with the median of its loads."""
    with served("http.server", "--bind", "127.0.0.1", folder=site) as address:
        for page, selector in pages.items():
            found = [loaded(address + page, selector) for _ in range(loads)]
            yield page, Loaded(statistics.median(each.seconds for each in found), found[0][1])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m maintenance.pages",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("page", nargs="*", default=[*PAGES], help="by default, all of them")
    parser.add_argument("--loads", type=int, default=LOADS, help="the loads of each page")
    given = parser.parse_args(arguments)
    if not (SITE / HISTORY / "index.html").exists():
        stop("nothing is published: run `make publish`")
    if unknown := {*given.page} - PAGES.keys():
        stop(f"{min(unknown)} is none of the pages: {', '.join(PAGES)}")
    print("| page | seconds | MB |\n|---|---|---|")
    slow = []
    for page, found in timed(SITE, {page: PAGES[page] for page in given.page}, given.loads):
        print(f"| `{page}` | {found.seconds:.2f} | {found.transferred / 1e6:.2f} |", flush=True)
        if found.seconds > LIMIT:
            slow.append(page)
    if slow:
        print(f"slower than {LIMIT:g} s: {', '.join(slow)}", file=sys.stderr)
    return bool(slow)


if __name__ == "__main__":
    sys.exit(main())
