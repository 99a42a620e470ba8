"""asv's own pages, mended where they fail our readers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asv.console import log
from asv.publishing import OutputPublisher
from asv.util import UserError

from ..templates import render
from .overview import PAGE, address
from .pages import copy
from .sources import scenario_source

KNOWN = "0.6.6"
HOVERED = "element, graph_url, benchmark_basename, parameter_idx, revisions"
SOURCES = {
    # asv's own labels of tags: all of them, over each other, and as HTML. The axis has names.
    "graphdisplay.js": [
        ("        update_tags();\n        update_range();", "        update_range();"),
        ("            update_tags();\n", ""),
        ("/^([a-z0-9]+)-([a-z0-9]+)$/", "/^([^-]+)-([^-]+)$/"),
        # A tooltip that is there keeps its text.
        (
            ".fadeIn(0)\n                .tooltip({",
            ".fadeIn(0)\n                .tooltip('destroy').tooltip({",
        ),
        # A source is no HTML.
        ("title: bm.code,\n                html: true,", "title: bm.code,"),
    ],
    # An address that leads nowhere.
    "asv.js": [
        (
            "            info.params['benchmark'] = info.location[0];\n",
            "            if (!main_json.benchmarks[info.location[0]]) {\n"
            "                window.location.replace($('#names').data('overview'));\n"
            "                return;\n"
            "            }\n"
            "            info.params['benchmark'] = info.location[0];\n",
        ),
    ],
    # A popup for each of a thousand links took most of the time of a page; nobody opens most.
    "asv_ui.js": [
        (
            f"    function hover_graph({HOVERED}) {{",
            f"    function hover_graph({HOVERED}) {{\n"
            "        element.one('mouseenter', function () {\n"
            f"            hovered_graph({HOVERED});\n"
            "            element.popover('show');\n"
            "        });\n"
            "    }\n\n"
            f"    function hovered_graph({HOVERED}) {{",
        ),
    ],
    # From nothing to something is no factor.
    "regressions.js": [
        (
            "benchmark_url).text(benchmark_name)",
            "benchmark_url).text($.asv.on(benchmark_name, param_dict))",
        ),
        (
            "$('<td/>').text(factor.toFixed(2) + 'x')",
            "$.asv.sorted($.asv.factor(revs[2], revs[3]), factor)",
        ),
        (
            "factor_td.text(factor.toFixed(2) + 'x')",
            "factor_td.text($.asv.factor(best_value, last_value)).data('sort-value', factor)",
        ),
        # Columns in the order of their numbers, not of their texts.
        ("$('<td/>').text(old_value)", "$.asv.sorted(old_value, revs[2])"),
        (
            "$('<td/>').text(new_value)",
            "$.asv.sorted(new_value, revs[3]),\n"
            "                    $.asv.sorted($.asv.pretty_unit(item[4], benchmark.unit), item[4])",
        ),
        # The value right after an event may be gone since.
        (
            "'<th data-sort=\"value\">Best after</th>' +",
            "'<th data-sort=\"value\">After</th>' +\n"
            "                           '<th data-sort=\"value\">Now</th>' +",
        ),
        ('<th data-sort="factor">Factor</th>', '<th data-sort="factor">Change</th>'),
        # The order of a table is no step of the browser's history, nor one of another page.
        (
            "        if (new_hash != window.location.hash) {\n            if (reload",
            "        if (!/^#\\/?regressions/.test(window.location.hash)) {\n"
            "            return;\n"
            "        }\n"
            "        if (new_hash != window.location.hash) {\n            if (reload",
        ),
        ("window.location.hash = new_hash;", "window.location.replace(new_hash);"),
        # The second branch's table would have all of them drawn again.
        ("        else {\n            skip_reload = false;\n        }\n    }\n", "    }\n"),
        (
            "best_td.text($.asv.pretty_unit(best_value, benchmark.unit));",
            "best_td = $.asv.sorted($.asv.pretty_unit(best_value, benchmark.unit), best_value);",
        ),
        (
            "last_td.text($.asv.pretty_unit(last_value, benchmark.unit));",
            "last_td = $.asv.sorted($.asv.pretty_unit(last_value, benchmark.unit), last_value);",
        ),
        ("return key(a) - key(b)", "return (a > b) - (a < b)"),
        (
            "return parseFloat(a.replace(/x/, '')) - parseFloat(b.replace(/x/, ''))",
            "return (a > b) - (a < b)",
        ),
        # Two commits lead to their comparison.
        (
            "commit_td.append($('<span/>').text(commit_a + '..' + commit_b));",
            "commit_td.append($.asv.between(commit_a, commit_b));",
        ),
    ],
}
"""Texts of asv's scripts, and what takes their place."""
GONE = ("", "summarylist", "summarygrid")
"""asv's pages whose place the overview takes."""


class Mended(OutputPublisher):  # type: ignore[misc]
    """After all pages: asv's scripts, its navigation, and the way to the overview."""

    order = 99

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        site = Path(conf.html_dir)
        for name, changes in SOURCES.items():
            script = site / name
            script.write_text(replaced(script.read_text("utf-8"), name, changes), "utf-8")
        tags = {commit: tag for tag, commit in repo.get_tags().items()}
        shorten(benchmarks)
        # asv's tree of benchmarks leads to graphs.
        drawn = {Path(name).name for name, graph in graphs}
        for name in {*benchmarks} - drawn:
            del benchmarks[name]
        names = {revisions[commit]: tags[commit] for commit in revisions if commit in tags}
        copy("numbers.js", site)
        copy("mended.js", site)
        index = site / "index.html"
        html = index.read_text(encoding="utf-8")
        overview = address(conf)
        # Its own overview, which is there wherever the site is served.
        more = render("sqlalchemy_asv.site", "mended.html", names=names, overview=PAGE, gone=GONE)
        anchor = re.search(r'<script[^>]*\s+src="asv\.js">\s*</script>', html)
        if anchor is None:
            raise UserError(f"this version of asv has no asv.js in its page: see {__name__}")
        html = html[: anchor.end()] + "\n" + more + html[anchor.end() :]
        html = re.sub(
            r'<li id="nav-li-"[^>]*>.*?</li>', f'<li><a href="{overview}">Overview</a></li>', html
        )
        html = re.sub(r'\s*<li id="nav-li-summarylist"[^>]*>.*?</li>', "", html)
        index.write_text(html, encoding="utf-8")


def shorten(benchmarks: Mapping[str, dict[str, Any]]) -> None:
    """Leave the source that an author has written, and nothing around it.

    asv writes all that it knows of the benchmarks to the index that each of its pages loads. Most
    of that is sources.
    """
    for each in benchmarks.values():
        each["code"] = scenario_source(each.get("code", ""))
        each.pop("pretty_source", None)


def replaced(source: str, name: str, changes: list[tuple[str, str]]) -> str:
    """A script with changes; as it is, with a warning, if it lacks a text that they replace."""
    if not all(old in source for old, _ in changes):
        log.warning(f"{name} is another than that of asv {KNOWN}, and stays as asv has it")
        return source
    for old, new in changes:
        source = source.replace(old, new)
    return source
