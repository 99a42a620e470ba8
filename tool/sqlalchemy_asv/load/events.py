"""Handlers of Locust's events: the database, the warm-up, the merge, the report at the end.

A process with users records their response times. The master of a distributed test merges the times
that its workers send with every report, every three seconds.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.runners import LocalRunner, MasterRunner, WorkerRunner
from sqlalchemy import URL, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from tqdm import tqdm

from ..databases.base import dataset_class
from ..files import write_text
from ..places import is_application, line_of
from . import pool, report
from .response_times import ResponseTimes, Waits

URL_VARIABLE = "LOAD_URL"
"""Environment variable with SQLAlchemy's URL of the database. Other users could see an option."""
SATURATED = 0.9
"""Share of a processor above which simulated users wait for their own process."""

times = ResponseTimes()
warm_up_seconds = 5.0


class Test:
    """The state of the running load test."""

    started: float | None = None
    """The end of the warm-up, by `time.perf_counter`. Earlier requests do not count."""
    processor: float = 0
    stopping = False

    def __init__(self) -> None:
        self.workers: dict[str, float] = {}
        self.lost: set[str] = set()

    def begin(self) -> None:
        self.started, self.processor = time.perf_counter(), time.process_time()
        pool.when_empty.clear()

    def elapsed(self) -> float:
        return time.perf_counter() - self.started if self.started else 0.0

    def processor_share(self) -> float:
        elapsed = self.elapsed()
        return (time.process_time() - self.processor) / elapsed if elapsed else 0.0


test = Test()


number_of_users = 10
"""How many, unless the command says it."""


def defaults(users: int) -> None:
    """Set how many users a locustfile has, unless the command says it."""
    global number_of_users
    number_of_users = users


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:
    parser.set_defaults(
        num_users=number_of_users,
        spawn_rate=number_of_users,
        run_time="305s",
        stop_timeout="30s",
        only_summary=True,
    )
    group = parser.add_argument_group("sqlalchemy-asv")
    group.add_argument("--warm-up", type=float, default=5, help="seconds that do not count")
    group.add_argument("--scale", type=float, default=1, help="of a dataset not yet there")
    group.add_argument(
        "--pool-size", type=int, default=0, help="connections of a process; 0: as SQLAlchemy"
    )
    group.add_argument("--figures", default="", help="file to write figures to, as JSON")
    group.add_argument("--report", default="", help="file to write an HTML report to")


def record(
    environment: Any,
    name: str,
    seconds: float,
    error: Exception | None,
    waits: Waits | None = None,
) -> None:
    """Record one request, for the tool's report and for Locust's pages."""
    if test.started is None:
        return
    times.record(name, seconds, None if error is None else reason(error), waits)
    environment.events.request.fire(
        request_type="",
        name=name,
        response_time=seconds * 1000,
        response_length=0,
        exception=None if error is None else reason(error),
        context={},
    )


def reason(error: Exception) -> str:
    """The class of a failure, the application's line, and the first line of its text.

    Drivers quote names and addresses; their errors are shown without what they quote.
    """
    driver = error.orig if isinstance(error, DBAPIError) and error.orig else error
    line = next(iter(str(driver).strip().splitlines()), "")
    if driver is not error:
        line = re.sub(r"^.*(?:failed: |FATAL: +)", "", line)
        line = re.sub(r"\"[^\"]*\"|'[^']*'", "…", line)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    files = [(frame, frame.f_code.co_filename) for frame in frames]
    # Of the application itself: a driver's line is the same for every cause.
    own = [f for f, file in files if is_application(file) and "site-packages" not in file]
    said = f"{type(error).__name__} at {line_of(own[-1])}" if own else type(error).__name__
    return f"{said}: {line}" if line else said


# --- the database ---------------------------------------------------------------------------------


def url_of_database(distributed: bool) -> URL:
    given = os.environ.get(URL_VARIABLE)
    if given:
        return make_url(given)
    if distributed:
        stop(f"{URL_VARIABLE} is not set: all processes need the same database")
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return URL.create("sqlite", database=str(Path(folder.name, "load.sqlite")))


def make_engine(url: URL, pool_size: int) -> Engine:
    """An engine as in an application; SQLite's file is in WAL mode."""
    sizes = {"pool_size": pool_size, "max_overflow": 0} if pool_size else {}
    engine = create_engine(url, poolclass=pool.MeasuredPool, **sizes)
    pool.measure(engine)
    if url.get_backend_name() == "sqlite":

        @event.listens_for(engine, "connect")
        def configure(driver: Any, _: Any) -> None:
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
                driver.execute(f"PRAGMA {pragma}")

    return engine


def fill(engine: Engine, module: str, scale: float) -> None:
    """Build the dataset that a module defines, unless its tables exist."""
    kind = dataset_class(module)
    with engine.connect() as connection:
        if set(inspect(connection).get_table_names()).isdisjoint(kind.metadata.tables):
            kind(scale).build(connection)


def stop(why: str) -> None:
    say(why)
    os._exit(2)


def say(why: str) -> None:
    print(f"sqlalchemy-asv: {why}", file=sys.stderr)


@events.init.add_listener
def prepare(environment: Any, runner: Any, **_: Any) -> None:
    global warm_up_seconds
    # Locust's own tables round to whole milliseconds.
    logging.getLogger("locust.stats_logger").setLevel(logging.WARNING)
    options = environment.parsed_options
    warm_up_seconds = options.warm_up
    distributed = not isinstance(runner, LocalRunner)
    try:
        engine = make_engine(url_of_database(distributed), options.pool_size)
        for kind in environment.user_classes:
            kind.engine = engine
            if kind.dataset and not isinstance(runner, WorkerRunner):
                fill(engine, kind.dataset, options.scale)
    except SQLAlchemyError as error:
        stop(f"the database of {URL_VARIABLE} failed: {reason(error)}")
    engine.dispose()
    # Its clock stood still while modules were imported: by as much, the test would be shorter.
    gevent.get_hub().loop.update_now()


# --- the test -------------------------------------------------------------------------------------


@events.test_start.add_listener
def start(environment: Any, **_: Any) -> None:
    global test
    test = Test()
    times.take()
    runner = environment.runner
    if environment.parsed_options.headless and not isinstance(runner, WorkerRunner):
        gevent.spawn(progress, runner, environment.parsed_options.run_time)


@events.spawning_complete.add_listener
def warm_up(user_count: int, **_: Any) -> None:
    if test.started is None:
        gevent.spawn_later(warm_up_seconds, test.begin)


def progress(runner: Any, seconds: float | None) -> None:
    """Show a progress bar on a terminal, or a line now and then elsewhere."""
    total = int(seconds) if seconds else None
    bar = tqdm(total=total, unit="s", mininterval=1 if sys.stderr.isatty() else 30)
    running = test
    while not running.stopping and running is test:
        gevent.sleep(1)
        # Not `times.all()`, which would delay the users of this process.
        requests = sum(o.histogram.get_total_count() for o in times.operations.values())
        failures = sum(o.errors.total() for o in times.operations.values())
        bar.set_postfix_str(
            f"{runner.user_count} users, {requests / max(running.elapsed(), 1):.0f} requests/s,"
            f" {failures} failed"
            if running.started
            else "warming up",
            refresh=False,
        )
        bar.update(1)
    bar.close()


@events.report_to_master.add_listener
def send(client_id: str, data: dict[str, Any]) -> None:
    data["response_times"] = times.take()
    data["when_empty"] = dict(pool.when_empty)
    pool.when_empty.clear()
    data["processor_share"] = test.processor_share() if test.started else 0.0


@events.worker_report.add_listener
def receive(client_id: str, data: dict[str, Any]) -> None:
    times.add(data.get("response_times", {}))
    pool.when_empty.update(data.get("when_empty", {}))
    # The largest share: a worker may send its last report after the end of its work.
    test.workers[client_id] = max(
        data.get("processor_share", 0.0), test.workers.get(client_id, 0.0)
    )


@events.test_stopping.add_listener
def note_lost(environment: Any, **_: Any) -> None:
    test.stopping = True
    if isinstance(environment.runner, MasterRunner):
        alive = {w.id for w in environment.runner.clients.all if w.state != "missing"}
        test.lost = test.workers.keys() - alive


@events.test_stop.add_listener
def finish(environment: Any, **_: Any) -> None:
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        return
    options = environment.parsed_options
    (users,) = environment.user_classes
    busy = test.workers or {"": test.processor_share()}
    result = report.Result(
        users=runner.target_user_count,
        seconds=test.elapsed(),
        operations={
            name: operation.figures(test.elapsed())
            for name, operation in [("all", times.all()), *sorted(times.operations.items())]
            if operation.histogram.get_total_count()
        },
        limits=dict(users.limits),
        notes=[*notes(busy), *held(times)],
    )
    report.show(result)
    environment.process_exit_code = result.exit_code
    for name, write in (
        (options.figures, lambda file: write_text(file, result.as_json())),
        (options.report, lambda file: report.write_html(file, users.__name__, result, times)),
    ):
        try:
            if name:
                write(Path(name))
        except OSError as error:  # which Locust would show with its traceback
            say(f"{name}: {error.strerror}")
            environment.process_exit_code = 2


def held(times: ResponseTimes) -> list[str]:
    """The operations that held connections, if requests had to wait for one."""
    total = pool.when_empty.total()
    if not total:
        return []
    shares = ", ".join(f"{name} {n / total:.0%}" for name, n in pool.when_empty.most_common(5))
    waits = times.all().waits
    idle = max(0.0, waits.held - waits.database) / max(waits.held, 1e-9)
    return [
        f"the pool was empty when requests needed a connection; then they were held by {shares}",
        f"for {idle:.0%} of the time that connections were held, the database did nothing",
    ]


def notes(busy: dict[str, float]) -> list[str]:
    """Warnings that a reader of the figures needs."""
    found = []
    if saturated := [share for share in busy.values() if share > SATURATED]:
        found.append(
            f"{len(saturated)} of {len(busy)} processes of users used {max(saturated):.0%} of a"
            " processor: users waited for Python, not only for the database; use more processes"
        )
    if test.lost:
        found.append(
            f"{len(test.lost)} of {len(test.workers)} workers were lost; what they had reported"
            " counts, once"
        )
    return found
