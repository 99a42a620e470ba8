"""Load tests: waits are counted, percentiles are right, faults are told, nothing counts twice."""

import contextlib
import json
import math
import os
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from greenlet import GreenletExit
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy_asv.databases.base import Images, build_images
from sqlalchemy_asv.load import running
from sqlalchemy_asv.load.pool import MeasuredPool
from sqlalchemy_asv.load.report import Result
from sqlalchemy_asv.load.response_times import ResponseTimes
from sqlalchemy_asv.load.running import Load

from ..support.scenarios import ECOMMERCE
from ..support.servers import OwnMariaDB

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-P", "-m", "locust", "--headless", "--loglevel", "ERROR"]
LOCUSTFILE = """
import random, time
from locust import task
from sqlalchemy import text
from sqlalchemy_asv.load import events
from sqlalchemy_asv.load.users import DataLayerUser, Limits

events.defaults(users=20)

def operation(session):
{operation}

class Somebody(DataLayerUser):
    dataset = "fixtures.social.dataset"
    limits = Limits(error_rate=0.5, average=10)
    think_time = 0

    @task
    def act(self):
        {task}
"""


class Test:
    """A locustfile, run by default on a small SQLite file."""

    __test__ = False

    def __init__(self, folder: Path, operation: str, task: str = "self.perform(operation)") -> None:
        self.folder = folder
        self.file = folder / "locustfile.py"
        operation = textwrap.indent(operation, "    ")
        self.file.write_text(LOCUSTFILE.format(operation=operation, task=task), encoding="utf-8")
        self.url = f"sqlite:///{folder / 'test.sqlite'}?timeout=0.2"
        self.figures = folder / "figures.json"

    def start(self, *options: str, **streams: Any) -> subprocess.Popen[str]:
        command = [*COMMAND, "--locustfile", str(self.file), "--figures", str(self.figures)]
        return subprocess.Popen(
            [*command, "--scale", "0.01", "--warm-up", "0.5", *options],
            env={**os.environ, "LOAD_URL": self.url, "PYTHONPATH": str(ROOT / "tool")},
            stdout=streams.get("stdout", subprocess.PIPE),
            stderr=streams.get("stderr", subprocess.STDOUT),
            text=True,
        )

    def run(self, *options: str) -> tuple[dict[str, Any], str, int]:
        """Figures of all operations, output, exit code."""
        process = self.start(*options)
        output, _ = process.communicate(timeout=120)
        return self.result()["operations"]["all"], output, process.returncode

    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.figures.read_text(encoding="utf-8"))
        return found


# --- waiting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation",
    [
        "session.execute(text('SELECT 1'))\ntime.sleep(0.05)",
        # Never yields to the others.
        "end = time.perf_counter() + 0.05\nwhile time.perf_counter() < end: pass",
    ],
    ids=["waiting", "computing"],
)
def test_waiting_for_the_only_connection_counts(tmp_path: Path, operation: str) -> None:
    figures, _, _ = Test(tmp_path, operation).run(
        "--users", "20", "--pool-size", "1", "--run-time", "4s"
    )
    # Twenty users, one after the other: twenty times 50 ms, and more on a busy machine.
    assert 0.8 < figures["p50"] * figures["throughput"] / 20 < 1.2
    assert figures["p50"] > 0.9


@pytest.mark.parametrize(("reason", "lines"), [(GreenletExit(), 0), (RuntimeError("no"), 1)])
def test_a_user_who_is_ended_while_its_connection_is_reset_leaves_no_traceback(
    reason: BaseException, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    engine = create_engine("sqlite://", poolclass=MeasuredPool)
    connection = engine.connect()

    def fail(_: object) -> None:
        raise reason

    vars(engine.dialect)["do_rollback"] = fail
    # An error is the pool's to report; the end of a user goes on.
    with contextlib.suppress(GreenletExit):
        connection.close()
    assert len(caplog.records) == lines


def test_who_holds_the_connections_is_told(tmp_path: Path) -> None:
    operation = "session.execute(text('SELECT 1'))\ntime.sleep(0.05)"
    figures, output, _ = Test(tmp_path, operation).run(
        "--users", "20", "--pool-size", "1", "--run-time", "4s"
    )
    assert figures["pool"] > 0.8 * figures["average"]
    assert figures["held"] > 0.05 > figures["database"]
    assert "the pool was empty when requests needed a connection" in output
    assert "they were held by operation 100%" in output
    idle = re.search(r"for (\d+)% of the time that connections were held, the database did", output)
    assert idle
    assert int(idle[1]) > 80


def test_a_failure_keeps_its_class_its_line_and_its_text(tmp_path: Path) -> None:
    figures, output, _ = Test(tmp_path, "'abc'.nothing").run("--users", "2", "--run-time", "2s")
    (error,) = figures["errors"]
    place, _, said = error.partition(": ")
    assert re.fullmatch(r"AttributeError at locustfile\.py:\d+ in operation", place)
    assert said == "'str' object has no attribute 'nothing'"
    assert error in output


def test_a_driver_quotes_nothing(tmp_path: Path) -> None:
    operation = "session.execute(text('SELECT secret FROM nowhere'))"
    figures, _, _ = Test(tmp_path, operation).run("--users", "2", "--run-time", "2s")
    (error,) = figures["errors"]
    assert re.fullmatch(
        r"OperationalError at locustfile\.py:\d+ in operation: no such table: nowhere", error
    )


@pytest.mark.parametrize("name", ["feed", "ecommerce"])
def test_the_command_has_a_default_for_everything_else(name: str) -> None:
    command = [str(Path(sys.executable).with_name("sqlalchemy-asv")), "load", name]
    done = subprocess.run(
        [*command, "--seconds", "1", "--warm-up", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # a slow machine exceeds limits
    assert re.search(r"users, \d s after warm-up", done.stdout)


def test_a_busy_process_is_told(tmp_path: Path) -> None:
    busy = "end = time.perf_counter() + 0.01\nwhile time.perf_counter() < end: pass"
    _, output, _ = Test(tmp_path, busy).run("--users", "5", "--run-time", "4s")
    assert "of a processor: users waited for Python" in output
    _, output, _ = Test(tmp_path, "time.sleep(0.1)").run("--users", "5", "--run-time", "4s")
    assert "of a processor" not in output


# --- percentiles ------------------------------------------------------------------------------


def nearest_rank(values: list[float], percentile: float) -> float:
    return sorted(values)[max(math.floor(len(values) * percentile / 100 + 0.5), 1) - 1]


@given(
    st.lists(st.floats(1e-5, 100), min_size=1, max_size=300),
    st.integers(1, 3),
)
@settings(deadline=None, max_examples=50)
def test_percentiles_of_any_times_in_one_process_and_merged(
    seconds: list[float], processes: int
) -> None:
    merged = ResponseTimes()
    for process in range(processes):
        times = ResponseTimes()
        for value in seconds[process::processes]:
            times.record("operation", value)
        merged.add(json.loads(json.dumps(times.take())))
        assert not times.take()
    figures = merged.operations["operation"].figures(10)
    assert figures.requests == len(seconds)
    assert figures.throughput == len(seconds) / 10
    assert figures.average == pytest.approx(statistics.mean(seconds))
    for name, percentile in (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100)):
        expected = nearest_rank(seconds, percentile)
        # The histogram's unit is a microsecond.
        assert getattr(figures, name) == pytest.approx(expected, rel=0.01, abs=1e-6)


@pytest.mark.parametrize("processes", [1, 2])
def test_percentiles_over_processes(tmp_path: Path, processes: int) -> None:
    """Known latencies, 1 ms to 1000 ms, recorded directly; with two workers and a master."""
    known = (
        "time.sleep(0.002); events.record(self.environment, 'known',"
        " self.random.randint(1, 1000) / 1000, None)"
    )
    figures, output, _ = Test(tmp_path, "pass", known).run(
        "--users", "20", "--run-time", "4s", "--processes", str(processes)
    )
    assert figures["requests"] > 1500, output
    # Of so many draws; the histogram itself is exact to 0.1%.
    assert figures["p50"] == pytest.approx(0.5, rel=0.1)
    assert figures["p95"] == pytest.approx(0.95, rel=0.02)
    assert figures["p99"] == pytest.approx(0.99, rel=0.01)


# --- faults -----------------------------------------------------------------------------------


def test_an_operation_that_fails_now_and_then(tmp_path: Path) -> None:
    fault = "operation.calls = getattr(operation, 'calls', 0) + 1\nif operation.calls % 100 == 0:"
    figures, output, code = Test(
        tmp_path, f"{fault}\n    raise ValueError('the hundredth')\ntime.sleep(0.005)"
    ).run("--users", "20", "--run-time", "4s")
    assert figures["requests"] > 500
    assert figures["error_rate"] == pytest.approx(0.01, abs=0.005)
    ((error, number),) = figures["errors"].items()
    assert re.fullmatch(r"ValueError at locustfile\.py:\d+ in operation: the hundredth", error)
    assert number == figures["failures"]
    assert f"failed {figures['failures']} times: {error}" in output
    assert code == 0


def test_limits_decide_the_exit_code(tmp_path: Path) -> None:
    _, output, code = Test(tmp_path, "raise ValueError('always')").run("--run-time", "2s")
    assert code == 1
    assert "error_rate 100.00%, limit 50.00%: EXCEEDED" in output
    nothing = Result(users=1, seconds=1, operations={}, limits={"p95": 1}, notes=[])
    assert nothing.exit_code == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_figures_that_a_full_disk_cannot_keep_are_shown_and_end_with_one_line(
    tmp_path: Path,
) -> None:
    test = Test(tmp_path, "pass")
    test.figures = Path("/dev/full")
    process = test.start("--run-time", "2s", "--report", "/dev/full")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "limit 50.00%: kept" in output
    assert "Traceback" not in output
    assert output.count("sqlalchemy-asv: /dev/full: No space left on device\n") == 2


def test_a_locked_file_is_a_failure_with_its_reason_and_the_test_goes_on(tmp_path: Path) -> None:
    test = Test(tmp_path, "session.execute(text('DELETE FROM likes WHERE 0'))\nsession.commit()")
    process = test.start("--users", "2", "--run-time", "6s")
    while not (tmp_path / "test.sqlite-wal").exists():
        time.sleep(0.05)
        assert process.poll() is None
    time.sleep(2.5)
    with contextlib.closing(sqlite3.connect(tmp_path / "test.sqlite", timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(1)
        other.rollback()
    process.communicate(timeout=60)
    figures = test.result()["operations"]["all"]
    assert all(
        error.startswith("OperationalError at ") and error.endswith(": database is locked")
        for error in figures["errors"]
    )
    assert figures["failures"] < figures["requests"] / 2


@pytest.fixture
def mariadb() -> Iterator[OwnMariaDB]:
    server = OwnMariaDB()
    try:
        yield server
    finally:
        server.stop()


def test_a_server_that_restarts_is_a_failure_and_the_test_goes_on(
    tmp_path: Path, mariadb: OwnMariaDB
) -> None:
    test = Test(tmp_path, "session.execute(text('SELECT 1'))\ntime.sleep(0.01)")
    test.url = mariadb.url.replace("mariadb:", "mariadb+pymysql:")
    engine = create_engine(test.url)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE loaded")
    engine.dispose()
    test.url = test.url.replace("/mysql", "/loaded")
    process = test.start("--users", "5", "--run-time", "9s")
    time.sleep(4)
    mariadb.end()
    mariadb.start()
    output, _ = process.communicate(timeout=60)
    figures = test.result()["operations"]["all"]
    assert figures["failures"] > 0
    assert all(error.startswith("OperationalError") for error in figures["errors"]), figures
    assert "127.0.0.1" not in output
    # It went on: more succeeded than could before the restart.
    assert figures["requests"] - figures["failures"] > 3.5 * 5 / 0.011 * 0.3


def test_a_lost_worker_is_told_and_its_requests_count_once(tmp_path: Path) -> None:
    test = Test(tmp_path, "time.sleep(0.01)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    master = test.start(
        *("--master", "--master-bind-port", port, "--expect-workers", "2"),
        *("--users", "10", "--run-time", "12s"),
    )
    workers = [
        test.start(
            "--worker", "--master-port", port, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(2)
    ]
    try:
        time.sleep(6)
        workers[0].send_signal(signal.SIGKILL)
        output, _ = master.communicate(timeout=60)
    finally:
        for process in (*workers, master):
            process.kill()
    result = test.result()
    assert "1 of 2 workers were lost" in output
    # Ten users all the time, or fewer: never more than they can do.
    assert 0 < result["operations"]["all"]["requests"] < 10 * result["seconds"] / 0.01


# --- on a commit's data layer -----------------------------------------------------------------


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Images:
    monkeypatch.chdir(tmp_path)
    return build_images(ECOMMERCE, (1,))


def test_the_shop_as_asv_runs_it(tmp_path: Path, filled: Images) -> None:
    # The folder where it starts has another data layer, which must not be found.
    Path("fixtures").mkdir()
    Path("fixtures/__init__.py").write_text("raise SystemExit('the wrong data layer')")
    before = Path(filled.places[1]).read_bytes()
    report = tmp_path / "report.html"
    file = str(ROOT / "load" / "ecommerce.py")
    test = running.Load(file, users=10, seconds=3, warm_up=1, report=str(report))
    found = running.run(test, filled, 1, quiet=True)
    assert found["operations"]["all"]["failures"] == 0
    operations = {"browse_products", "create_order", "open_product", "process_order"}
    assert operations < found["operations"].keys()
    assert Path(filled.places[1]).read_bytes() == before
    page = report.read_text(encoding="utf-8")
    assert "<svg" in page
    assert not re.search(r"<script|(src|href)=.http", page)


def test_a_commit_that_lacks_an_operation_has_no_figures(tmp_path: Path, filled: Images) -> None:
    source = (ROOT / "load" / "ecommerce.py").read_text(encoding="utf-8")
    file = tmp_path / "locustfile.py"
    for wrong, missing in (
        ("open_something,", r"no fixtures\.ecommerce\.operations\.open_something"),
        ("open_product,", None),
    ):
        file.write_text(source.replace("open_product,", wrong), encoding="utf-8")
        with (
            pytest.raises(NotImplementedError, match=missing)
            if missing
            else contextlib.nullcontext()
        ):
            running.run(
                running.Load(str(file), users=2, seconds=1, warm_up=0.5), filled, 1, quiet=True
            )


def test_a_password_is_in_no_message(tmp_path: Path) -> None:
    test = Test(tmp_path, "pass")
    test.url = "postgresql+psycopg://somebody:geheim@127.0.0.1:1/base"
    process = test.start("--run-time", "2s")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "the database of LOAD_URL failed: OperationalError: Connection refused" in output
    assert not {"somebody", "geheim", "127.0.0.1"} & set(output.replace(":", " ").split())
    assert len(output.strip().splitlines()) == 1


def test_load_tests_with_other_parameters_are_other_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked: list[Load] = []

    def run(load: Load, *_: Any, **__: Any) -> dict[str, Any]:
        asked.append(load)
        return {"operations": {}}

    monkeypatch.setattr(running, "run", run)
    loads = [Load("feed.py", 1), Load("feed.py", 1, processes=4), Load("feed.py", 1, warm_up=9)]
    for each in [*loads, *loads]:
        running.kept(each, cast("Any", None), 1)
    assert asked == loads
