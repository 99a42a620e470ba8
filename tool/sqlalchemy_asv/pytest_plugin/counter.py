"""The part of the plugin that counts: it is imported when pytest is asked for counts."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections import Counter as Multiset
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .. import options
from ..files import write_text
from ..isolation.jobs import note
from . import MARK, summary
from .recorder import Recorder, counted_calls, objects

LIMITS = ("statements", "rows", "compiled", "n_plus_ones")
Found = dict[str, Any]


class Counter:
    """Counts each test's call, and gathers what all processes of the run have counted."""

    def __init__(self, config: pytest.Config) -> None:
        self.recorder = Recorder()
        self._end = self.recorder.install()
        self._config = config
        self._file: str | None = config.getoption("sqlalchemy_counts_file")
        self._shown = bool(self._file or config.getoption("sqlalchemy_counts"))
        self._calls = bool(config.getoption("sqlalchemy_calls", default=False))
        self._retained = bool(config.getoption("sqlalchemy_retained", default=False))
        self._is_worker = hasattr(config, "workerinput")
        self._progress = os.environ.get(options.PROGRESS, "") if not self._is_worker else ""
        self.tests: dict[str, Found] = {}
        self.warnings: list[Found] = []
        self.schema: list[Any] = []

    # --- in the process that runs a test ------------------------------------------------------

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        before = objects() if self._retained else None
        with self.recorder.test() as counts:
            if self._calls:
                runtest = item.runtest

                def counted() -> None:
                    counts.calls = counted_calls(runtest)

                item.runtest = counted  # type: ignore[method-assign]
                try:
                    outcome: Any = yield
                finally:
                    del item.runtest
            else:
                outcome = yield
        if before is not None:
            more = objects()
            more.subtract(before)
            counts.retained = {name: number for name, number in more.items() if number}
        mark = item.get_closest_marker(MARK)
        if mark is not None and outcome.excinfo is None:
            try:
                self._insist(mark)
            except pytest.fail.Exception as error:
                outcome.force_exception(error)

    def _insist(self, mark: pytest.Mark) -> None:
        """Fail if a limit is exceeded."""
        counts = self.recorder.counts
        unknown = [name for name in mark.kwargs if name not in LIMITS]
        if unknown or mark.args:
            pytest.fail(f"{MARK} takes {', '.join(LIMITS)} by name", pytrace=False)
        for name, limit in mark.kwargs.items():
            found = getattr(counts, name)
            number = len(found) if name == "n_plus_ones" else found
            if number > limit:
                lines = "\n".join(f"  {line}" for line in counts.sent())
                pytest.fail(f"{name} {number}, the limit is {limit}:\n{lines}", pytrace=False)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        outcome: Any = yield
        report = outcome.get_result()
        if call.when == "call":
            report.sqlalchemy_counts = self.recorder.counts.as_dict() | {"source": source(item)}
        if call.when == "teardown":
            self.recorder.forget()
            report.sqlalchemy_schema = self.recorder.schema
            self.recorder.schema = []

    # --- in the process that gathers ----------------------------------------------------------

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        note(self._progress, f"+{len(session.items)}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # A plugin may run a test again. A process that crashed has no set-up to report.
        if report.when == "setup" or report.nodeid not in self.tests:
            self.tests[report.nodeid] = {"outcome": "passed", "reason": ""}
        found = self.tests[report.nodeid]
        if report.when == "call":
            found.update(getattr(report, "sqlalchemy_counts", {}))
        if report.outcome != "passed":
            found["outcome"] = report.outcome if report.when == "call" else _before(report)
            found["reason"] = _reason(report)
        if report.when == "teardown":
            self.schema += getattr(report, "sqlalchemy_schema", [])
            note(self._progress, report.nodeid)

    def pytest_warning_recorded(self, warning_message: Any, nodeid: str, location: Any) -> None:
        self.warnings.append(
            {
                "category": warning_message.category.__name__,
                "text": next(iter(str(warning_message.message).splitlines()), ""),
                "file": _below(warning_message.filename, self._config.rootpath),
                "line": warning_message.lineno,
                "test": nodeid,
            }
        )

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._is_worker or not self._shown:
            return
        terminalreporter.section("SQLAlchemy")
        for line in summary.lines(self.tests):
            terminalreporter.write_line(line)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._file and not self._is_worker:
            path = Path(self._config.invocation_params.dir, self._file)
            write_text(path, f"{json.dumps(self.result(), indent=1)}\n")

    def pytest_unconfigure(self) -> None:
        self._end()

    def result(self) -> Found:
        """The content of the file."""
        seen = Multiset(json.dumps(each, sort_keys=True) for each in self.warnings)
        return {
            "tests": self.tests,
            "warnings": [{**json.loads(text), "times": times} for text, times in seen.items()],
            "schema": self.schema,
        }


def source(item: pytest.Item) -> str:
    """A digest of a test's own code, without that of what it calls; empty if there is none."""
    try:
        text = inspect.getsource(getattr(item, "function", None) or type(item))
    except (OSError, TypeError):
        return ""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _before(report: pytest.TestReport) -> str:
    """The outcome of a test whose set-up or end was not as it should be."""
    return "skipped" if report.outcome == "skipped" else "error"


def _reason(report: pytest.TestReport) -> str:
    """The reason of an outcome in one line."""
    longrepr: Any = report.longrepr
    crash = getattr(longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(longrepr or "")
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _below(file: str, root: Path) -> str:
    """A file's path below the tests' folder or `site-packages`, without that of this machine."""
    path = Path(file)
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return file.rpartition("site-packages/")[2] if "site-packages/" in file else path.name
