"""Counts: by instruments, in isolation, once for all benchmarks of a run."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from asv_runner.benchmarks.mark import SkipNotImplemented
from sqlalchemy import text
from sqlalchemy.orm import Session
from sqlalchemy_asv import counting, options
from sqlalchemy_asv.databases.base import Images
from sqlalchemy_asv.databases.sqlite import SQLite
from sqlalchemy_asv.instruments import INSTRUMENTS, instrument_of
from sqlalchemy_asv.instruments.calls import Calls, calls
from sqlalchemy_asv.instruments.driver_baseline import DriverBaseline
from sqlalchemy_asv.instruments.instructions import Instructions
from sqlalchemy_asv.instruments.memory import Allocated, allocated
from sqlalchemy_asv.instruments.statements import StatementsAndRows
from sqlalchemy_asv.isolation import addresses, forks, jobs
from sqlalchemy_asv.isolation.jobs import Outcome
from sqlalchemy_asv.ratio import ratio
from sqlalchemy_asv.statements import keeping
from sqlalchemy_asv.statements.recording import recording
from sqlalchemy_asv.statements.replay import check, replay
from sqlalchemy_asv.worker.counts import comparable
from sqlalchemy_asv.worker.scenarios import Combination

from fixtures.social.models import Tag

from ..support.counting import Job, found
from ..support.misbehaving import LEFT_BEHIND, misbehave, nothing, two_seconds
from ..support.scenarios import images_of, named

PLAIN = [each for each in INSTRUMENTS if not each.program]

# --- recording at the cursor ----------------------------------------------------------------------


@pytest.fixture
def database(image_folder: Path) -> SQLite:
    database = SQLite((image_folder / "social-1.sqlite").read_bytes())
    database.restore()
    return database


def test_statements_and_rows_are_those_of_the_operation(database: SQLite) -> None:
    with Session(database.engine) as session, recording(database.engine) as tape:
        session.execute(text("SELECT id FROM users WHERE id <= 10")).all()
        assert (len(tape.statements), tape.rows) == (1, 10)
        session.execute(text("SELECT id FROM users WHERE id <= 10")).first()
        assert tape.statements[-1].exhausted is False
        assert session.execute(text("SELECT id FROM users WHERE id < 0")).all() == []
        session.execute(text("UPDATE users SET name = 'x' WHERE id < 5"))
        list(session.execute(text("SELECT id FROM posts LIMIT 30")).partitions(7))
        session.commit()
    assert (len(tape.statements), tape.rows) == (5, 10 + 1 + 30)
    assert tape.items[-1] == "commit"  # and not the rollback by which the pool resets
    assert all(statement.seconds > 0 for statement in tape.statements)
    with Session(database.engine) as session:
        session.execute(text("SELECT 1")).all()
    assert len(tape.statements) == 5


def test_rows_returned_by_a_bulk_insert_are_counted(database: SQLite) -> None:
    with Session(database.engine) as session, recording(database.engine) as tape:
        session.add_all([Tag(name=f"new{number}") for number in range(2_500)])
        session.commit()
    assert len(tape.statements) > 1
    assert tape.rows == 2_500
    assert not any(statement.many for statement in tape.statements)


def test_an_engine_that_was_recorded_does_no_more_than_before(database: SQLite) -> None:
    def perform() -> None:
        with Session(database.engine) as session:
            session.execute(text("SELECT id FROM users")).all()

    perform()
    before = calls(perform)
    with recording(database.engine) as outer, recording(database.engine) as inner:
        perform()
    assert len(outer.statements) == len(inner.statements) == 1
    assert calls(perform) == before


def test_a_statement_that_failed_is_one(database: SQLite) -> None:
    with Session(database.engine) as session, recording(database.engine) as tape:
        with pytest.raises(Exception, match="no such table"):
            session.execute(text("SELECT * FROM nowhere"))
        session.rollback()
    assert [statement.failed for statement in tape.statements] == [True]
    assert tape.items[-1] == "rollback"


def test_a_replay_of_a_write_may_return_the_time_of_its_own(database: SQLite) -> None:
    statement = text("INSERT INTO tags (name) VALUES (hex(randomblob(8))) RETURNING name")
    with Session(database.engine) as session, recording(database.engine) as tape:
        session.execute(statement).all()
        session.execute(text("SELECT name FROM tags")).all()
    first, _ = replay(database.driver, tape)
    check(tape, [first, list(tape.statements[1].fetched)])
    with pytest.raises(AssertionError, match="other rows"):
        check(tape, [[], []])


def test_a_replay_that_fetches_other_rows_is_noticed(database: SQLite) -> None:
    with Session(database.engine) as session, recording(database.engine) as tape:
        session.execute(text("SELECT name FROM users WHERE id < 5")).all()
    check(tape, replay(database.driver, tape))
    database.driver.execute("UPDATE users SET name = 'changed' WHERE id = 3")
    with pytest.raises(AssertionError, match="other rows than the operation: SELECT name"):
        check(tape, replay(database.driver, tape))


# --- instruments ----------------------------------------------------------------------------------


def test_python_functions_count_and_built_in_ones_do_not() -> None:
    def work() -> None: ...

    def repeat(times: int) -> None:
        for _ in range(times):
            work()
            len(())

    assert calls(lambda: repeat(200)) - calls(lambda: repeat(100)) == 100


def test_memory_grows_with_the_work() -> None:
    def work(times: int) -> list[bytes]:
        return [bytes(1_000) for _ in range(times)]

    more = allocated(lambda: work(200)) - allocated(lambda: work(100))
    assert more == pytest.approx(100 * 1_033, rel=0.02)


def test_garbage_made_before_is_not_counted() -> None:
    class Noticed:
        def __del__(self) -> None: ...

    def leave_cycles() -> None:
        for _ in range(5_000):
            cycle: list[Any] = [Noticed()]
            cycle.append(cycle)

    quiet = calls(lambda: [[] for _ in range(5_000)])
    leave_cycles()
    assert calls(lambda: [[] for _ in range(5_000)]) == quiet


def test_every_instrument_has_a_file_and_metrics_of_its_own() -> None:
    metrics = [metric.name for each in INSTRUMENTS for metric in each.metrics]
    assert len(metrics) == len(set(metrics))
    assert len({type(each).__module__ for each in INSTRUMENTS}) == len(INSTRUMENTS)
    assert len({each.name for each in INSTRUMENTS}) == len(INSTRUMENTS)
    for each in INSTRUMENTS:
        for metric in each.metrics:
            assert instrument_of(metric.name) is each
            assert metric.about.endswith(".")


def test_counts_are_equal_on_every_run(here: Path) -> None:
    job = Job("HomeFeed", "selectin")(*PLAIN)
    seen = [found(job) for _ in range(3)]
    assert seen[0] == seen[1] == seen[2]
    assert seen[0]["calls"]["calls"] > 1000
    assert seen[0]["allocated"]["allocated"] > 10_000
    assert (seen[0]["statements"]["statements"], seen[0]["statements"]["rows"]) == (4, 34)


def test_a_ratio_is_told_to_four_digits() -> None:
    (metric,) = DriverBaseline().metrics
    assert metric.value({"instructions": 8_765_411, "driver_instructions": 1_175_003}) == 7.46


def test_a_benchmark_of_a_metric_is_its_count(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(options.SELECTION, json.dumps([r"KeysetPage\.track_calls"]))
    scenario = named("KeysetPage")
    values = {
        metric: getattr(scenario(), f"track_{metric}")(images_of(scenario), 1)
        for metric in ("statements", "rows", "calls", "allocated")
    }
    assert values["statements"] == 1
    assert values["rows"] == 20
    kept = json.loads(counting.KEPT.read_text(encoding="utf-8"))
    # The other pages were counted with the first, since the run will ask for their calls.
    assert set(kept) == {scenario.case((page,)).title for page in scenario.params[0]}
    assert kept["query_operations.KeysetPage(1)"]["calls"] == {"calls": values["calls"]}
    # Repetitions take long: only a run that asks for them makes them.
    assert not {"compiled", "retained"} & kept["query_operations.KeysetPage(1)"].keys()
    assert getattr(scenario(), "track_compiled")(images_of(scenario), 1) == 0  # noqa: B009


# --- once for all benchmarks of a run -------------------------------------------------------------


def test_what_else_the_run_asks_for_is_counted_in_advance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked: list[list[tuple[str, Any]]] = []

    def count(jobs: list[counting.Job]) -> list[Outcome]:
        asked.append([(job.name, *job.values) for job in jobs])
        return [
            Outcome(failed="it broke")
            if job.values == (100,)
            else Outcome(found={"calls": {"calls": 1}})
            for job in jobs
        ]

    monkeypatch.setattr(counting, "count", count)
    scenario = named("KeysetPage")

    def ask(page: int) -> float:
        return counting.value("calls", scenario, images_of(scenario), (page,))

    monkeypatch.setenv(options.SELECTION, json.dumps([r"Page.track_calls\(10*\)", "time_"]))
    assert ask(1) == 1
    (jobs_of_first,) = asked
    assert sorted(jobs_of_first) == [
        (name, page) for name in ("KeysetPage", "OffsetPage") for page in (1, 10, 100)
    ]
    assert ask(10) == 1
    assert len(asked) == 1
    # A page that was not selected is tried on its own. One that failed is not tried again: it may
    # have taken all the time that it has.
    assert ask(250) == 1
    with pytest.raises(RuntimeError, match=r"KeysetPage\(100\) failed: it broke"):
        ask(100)
    assert [jobs[0] for jobs in asked[1:]] == [("KeysetPage", 250)]
    # Other instruments have not been tried on any of them.
    monkeypatch.setenv(options.SELECTION, json.dumps(["Page.track_instructions"]))
    counts = {"instructions": {"instructions": 7}}
    monkeypatch.setattr(counting, "count", lambda jobs: [Outcome(found=counts) for _ in jobs])
    for page in (1, 250):
        assert counting.value("instructions", scenario, images_of(scenario), (page,)) == 7
    monkeypatch.setattr(counting, "count", pytest.fail)
    assert counting.value("instructions", scenario, images_of(scenario), (100,)) == 7


def test_nothing_else_is_counted_where_nobody_says_what_the_run_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(options.SELECTION, raising=False)
    scenario = named("KeysetPage")
    assert not any(
        counting._asked_for(other, values, each)
        for other, values in scenario.same_dataset()
        for each in INSTRUMENTS
    )


# --- isolation ------------------------------------------------------------------------------------


def test_an_operation_that_fails_is_said_and_keeps_no_other_from_counting(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good = Job("KeysetPage", 1)
    damaged = Images(good.scenario.dataset, {2: "no image of the scale asked for"})
    bad, fine = counting.count([good(*PLAIN, images=damaged), good(*PLAIN)])
    assert bad.failed.startswith("SystemExit: ")
    assert "scale 1 is not among the scales of" in bad.failed
    assert fine.found is not None
    assert "scale 1 is not among the scales of" in capfd.readouterr().err


def test_whatever_a_job_does_to_its_streams_its_outcome_and_its_neighbours_are_safe(
    capfd: pytest.CaptureFixture[str],
) -> None:
    ways = ["print", "close", "large", "noise", "leave", "nothing"]
    endless = {
        "sleep": "no end within 2 s; the scenario's `timeout` sets this limit",
        "spin": "no end within 2 s; the scenario's `timeout` sets this limit",
        "crash": "its process was ended by SIGSEGV",
        "die": "its process ended itself, with exit code 3",
    }
    ways += endless
    work = jobs.Work(nothing, misbehave, two_seconds, str, Path(__file__).parents[1])
    outcomes = dict(zip(ways, jobs.do(work, ways), strict=True))
    capfd.readouterr()
    for how, failed in endless.items():
        assert outcomes.pop(how) == Outcome(failed=failed)
    running = psutil.process_iter(["cmdline"])
    assert not [each for each in running if LEFT_BEHIND in (each.info["cmdline"] or ())]
    large = outcomes.pop("large").found
    assert large is not None
    assert len(large["text"]) == 5_000_000
    assert outcomes == {how: Outcome(found={"how": how}) for how in outcomes}


def test_why_a_process_ended_is_known_for_every_signal() -> None:
    assert jobs.ending(9, 2) == "its process was ended by SIGKILL"
    assert jobs.ending(40, 2) == "its process was ended by 40"
    assert jobs.ending(3 << 8, 2) == "its process ended itself, with exit code 3"


# --- a system that lacks something ----------------------------------------------------------------


@pytest.mark.parametrize("metric", ["track_instructions", "track_instructions_driver"])
def test_without_valgrind_instructions_are_skipped_with_the_reason(
    metric: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = named("HomeFeed")
    monkeypatch.setenv("PATH", str(here))
    with pytest.raises(SkipNotImplemented):
        getattr(scenario(), metric)(images_of(scenario), "lazy")
    assert "install Debian's package valgrind" in capsys.readouterr().err


@pytest.mark.parametrize("metric", ["track_instructions", "track_instructions_driver"])
def test_a_quick_run_leaves_instructions_out(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(options.QUICK, "1")
    scenario = named("HomeFeed")
    with pytest.raises(SkipNotImplemented):
        getattr(scenario(), metric)(images_of(scenario), "lazy")


def test_elsewhere_than_on_linux_counts_say_what_they_need(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert addresses.missing() == (
        "needs Linux, where addresses in memory can be fixed; this is darwin"
    )
    for each in (Calls(), Allocated(), Instructions(), DriverBaseline()):
        assert each.missing() == addresses.missing()
    assert StatementsAndRows().missing() is None
    counts = found(Job("KeysetPage", 1)(StatementsAndRows(), Calls()))
    assert counts["statements"]["statements"] == 1
    assert counts["calls"] == addresses.missing()


def test_a_system_without_forks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.fork")
    monkeypatch.delattr("os.sched_getaffinity")
    assert forks.processors() >= 1
    scenario = named("KeysetPage")
    with pytest.raises(NotImplementedError, match="needs a system that can fork processes"):
        counting.value("calls", scenario, images_of(scenario), (1,))


def test_nothing_under_test_imports_what_a_system_may_lack() -> None:
    """Modules that exist on some systems only are imported nowhere, at the top of a module."""
    folder = Path(counting.__file__).parent
    for module in folder.rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        for name in ("fcntl", "resource", "pwd", "grp", "termios"):
            assert f"\nimport {name}\n" not in text, module


# --- what else ------------------------------------------------------------------------------------


def test_the_low_ones_of_paired_samples_make_the_ratio() -> None:
    naps = iter([0.01, 0.001, 0.001, 0.03, 0.001, 0.001, 0.001, 0.02] * 10)
    slow, fast = (lambda: time.sleep(0.004)), (lambda: time.sleep(next(naps)))
    assert ratio(slow, fast, pairs=20) == pytest.approx(4, rel=0.3)


def compared(name: str, *values: Any) -> bool:
    return comparable(Combination(named(name), values))


def test_what_counters_do_not_see_is_not_compared() -> None:
    assert compared("ConfigureMappers", 1)
    assert compared("GetUser", "sync")
    assert compared("GetUser", "asyncio")
    for name, *values in (
        ("StartPython",),
        ("ImportSQLAlchemy",),
        ("FirstQuery",),
        ("MeasureHomeFeed", "lazy"),
        ("RestoreSocial",),
    ):
        assert not compared(name, *values)


def test_statements_are_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(options.STATEMENTS, str(tmp_path / "kept"))
    monkeypatch.setenv("ASV_COMMIT", "0123456789abcdef")
    monkeypatch.setenv("ASV_ENV_NAME", "env")
    keeping.keep({"a.B": [["SELECT 1", 2], ["SELECT 2", 1]]})
    keeping.keep({"a.C": [["SELECT 2", 3]]})
    (file,) = (tmp_path / "kept").iterdir()
    assert file.name == "01234567-env.json"
    assert keeping.load(file) == {
        "a.B": [["SELECT 1", 2], ["SELECT 2", 1]],
        "a.C": [["SELECT 2", 3]],
    }
    for damaged in ("{", "{}", '{"texts": [], "scenarios": {"a.B": [[0, 1]]}}', "[]"):
        file.write_text(damaged)
        with pytest.raises(ValueError):  # noqa: PT011 (of several kinds)
            keeping.load(file)
    shutil.rmtree(tmp_path / "kept")
