"""Every scenario, run as asv runs it but in this process, and the traps its base has to close."""

import importlib
import inspect
import itertools
import json
import math
import os
import pickle
import pkgutil
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asv_runner.benchmarks.mark import SkipNotImplemented
from asv_runner.discovery import disc_benchmarks
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

import benchmarks
from benchmarks.harness import (
    counting,
    counts,
    floor,
    floor_instructions,
    instructions,
    side,
)
from benchmarks.harness.commit import measured
from benchmarks.harness.counts import allocated, calls
from benchmarks.harness.database import Images, build_images
from benchmarks.harness.ratio import ratio
from benchmarks.harness.recording import recording
from benchmarks.harness.replay import check, replay
from benchmarks.harness.scenario import Scenario
from benchmarks.harness.sqlite import SQLite
from benchmarks.harness.version import version_of
from fixtures.social import operations
from fixtures.social.models import Tag

from .packages import need_instructions

SUITE = Path(benchmarks.__file__).parent
FAMILY = [
    "time_wall",
    "time_cpu",
    "peakmem_process",
    "track_statements",
    "track_rows",
    "track_calls",
    "track_allocated",
    "track_instructions",
    "track_instructions_driver",
    "track_times_driver",
]
METRICS = ("time_", "peakmem_", "track_")


def scenarios() -> list[type[Scenario]]:
    found: dict[type[Scenario], None] = {}
    for module in pkgutil.iter_modules(benchmarks.__path__, "benchmarks."):
        for value in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(value) and issubclass(value, Scenario):
                found[value] = None
    return [scenario for scenario in found if not inspect.isabstract(scenario)]


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as asv gives one to `setup_cache`, with every dataset in it."""
    folder = tmp_path_factory.mktemp("images")
    previous = Path.cwd()
    os.chdir(folder)
    for domain in {scenario.dataset: scenario for scenario in scenarios()}.values():
        build_images(domain.dataset, domain.scales)
    os.chdir(previous)
    return folder


def images_of(scenario: type[Scenario]) -> Images:
    return Images(
        scenario.dataset,
        dict.fromkeys(scenario.scales, "any"),
        {scale: f"{scenario.dataset}-{scale:g}.sqlite" for scale in scenario.scales},
    )


@pytest.mark.parametrize(
    "name", ["social.operations", "social.techniques", "ecommerce.operations", "startup"]
)
def test_there_is_a_scenario_for_every_operation(name: str) -> None:
    module = importlib.import_module(f"fixtures.{name}")
    operations = {
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and next(iter(inspect.signature(value).parameters), None) == "session"
    }
    used = "".join(path.read_text(encoding="utf-8") for path in SUITE.glob("*.py"))
    assert {name for name in operations if f".{name}(" not in used} == set()


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.__name__)
def test_scenario_reads_like_a_line_of_a_report(scenario: type[Scenario]) -> None:
    assert scenario.__doc__ is not None
    assert "\n" not in scenario.__doc__
    assert scenario.__doc__.endswith(".")
    assert len(scenario.params) == len(scenario.param_names)


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.__name__)
def test_every_sample_of_a_scenario_meets_the_same_database(
    scenario: type[Scenario], image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(image_folder)
    images = images_of(scenario)
    for params in itertools.product(*scenario.params):
        if dict(zip(scenario.param_names, params, strict=True)).get("scale", 1) > 1:
            continue  # the same code on more rows; asv runs it, a test need not
        instance = scenario()
        seen = []
        for _ in range(3):
            instance.ready(images, *params)
            assert isinstance(instance.database, SQLite)
            seen.append(instance.database.serialize())
            instance.time_wall(images, *params)
            instance.teardown(images, *params)
        assert seen[0] == seen[1] == seen[2]


def test_a_write_is_seen_and_undone(image_folder: Path) -> None:
    database = SQLite((image_folder / "social-1.sqlite").read_bytes())
    for _ in range(2):
        database.restore()
        with Session(database.engine) as session:
            assert session.scalar(text("SELECT count(*) FROM users")) == 1_000
            session.execute(text("DELETE FROM likes"))
            session.execute(text("DELETE FROM users WHERE id > 990 AND 0"))
            session.commit()
            assert session.scalar(text("SELECT count(*) FROM likes")) == 0


def test_foreign_keys_are_checked_while_operations_run(image_folder: Path) -> None:
    database = SQLite((image_folder / "social-1.sqlite").read_bytes())
    database.restore()
    with Session(database.engine) as session:
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


# --- trap 2: a benchmark that changed but did not say so ------------------------------------------


def scenario_versions(folder: Path, operation: str, extra: str = "") -> dict[str, str]:
    """The versions asv would record for a module with one scenario, by metric."""
    package = folder / "suite"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "module.py").write_text(
        textwrap.dedent(
            f"""
            from benchmarks.harness.scenario import Scenario

            class Base(Scenario):
                '''A domain.'''
                dataset = "social"
                user_id = 42{extra}

                def setup_cache(self):
                    return self.build()

            class Case(Base):
                '''A line of a report.'''

                def operation(self, session):
                    {operation}
            """
        )
    )
    code = (
        "import json, sys; sys.path[:0] = sys.argv[1:];"
        "from asv_runner.discovery import disc_benchmarks;"
        "print(json.dumps({b.name: b.version for b in disc_benchmarks('suite')}))"
    )
    root = SUITE.parent
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(root)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert len(found) >= 3
    return {name: str(version) for name, version in found.items()}


def test_the_version_follows_the_operation_and_what_it_inherits(tmp_path: Path) -> None:
    once = scenario_versions(tmp_path / "a", "return operations.home_feed(session, 42)")
    assert once == scenario_versions(
        tmp_path / "b", "return operations.home_feed(session, 42)  # comments do not count"
    )
    other = scenario_versions(tmp_path / "c", "return operations.home_feed(session, 43)")
    inherited = scenario_versions(
        tmp_path / "d", "return operations.home_feed(session, 42)", extra="0"
    )
    for name in once:
        assert len({once[name], other[name], inherited[name]}) == 3


def test_docstrings_and_layout_do_not_count() -> None:
    plain = "def f(x):\n    return x\n"
    dressed = 'def f(x):\n    """Says."""\n\n    # why\n    return (x)\n'
    assert version_of([plain]) == version_of([dressed])
    assert version_of([plain]) != version_of([plain.replace("return x", "return -x")])


def test_every_metric_of_every_scenario_has_a_version_and_the_scenarios_source() -> None:
    versions = set()
    for scenario in scenarios():
        for name, metric in inspect.getmembers(scenario, inspect.isfunction):
            if name.startswith(METRICS):
                versions.add(metric.version)  # type: ignore[attr-defined]
                assert metric.pretty_source.startswith(f"class {scenario.__name__}(")  # type: ignore[attr-defined]
    assert len(versions) == sum(
        name.startswith(METRICS) for scenario in scenarios() for name in dir(scenario)
    )


# --- trap 8: a cache handed to the wrong benchmark ------------------------------------------------


def test_asv_keeps_a_cache_for_each_dataset() -> None:
    keys: dict[str, set[str]] = {}
    for benchmark in disc_benchmarks("benchmarks"):
        instance = getattr(benchmark.func, "__self__", None)
        if isinstance(instance, Scenario):
            keys.setdefault(instance.dataset, set()).add(benchmark.setup_cache_key)
    assert len(keys) == 2
    assert all(len(of_one) == 1 for of_one in keys.values())
    assert len(set.union(*keys.values())) == len(keys)


def test_a_dataset_without_a_cache_of_its_own_is_refused() -> None:
    with pytest.raises(TypeError, match="Shared sets `dataset` and must define `setup_cache`"):
        type("Shared", (Scenario,), {"dataset": "other"})


def test_the_cache_of_another_dataset_is_refused() -> None:
    scenario = next(s for s in scenarios() if s.dataset == "social")()
    with pytest.raises(SystemExit, match="was given the data of ecommerce"):
        scenario.ready(Images("ecommerce", {1: "any"}))


def test_a_scale_without_an_image_is_refused() -> None:
    scenario = next(s for s in scenarios() if s.param_names == ("scale",))()
    with pytest.raises(SystemExit, match="scale 7 is not among the scales of"):
        scenario.ready(images_of(type(scenario)), 7)


# --- what a commit lacks is n/a -------------------------------------------------------------------


@pytest.fixture
def feed(image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(image_folder)
    found = [s for s in scenarios() if s.__name__ == "HomeFeed"]
    return found[0]()


def test_an_operation_the_commit_lacks_is_skipped(
    feed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(operations, "home_feed")
    with pytest.raises(NotImplementedError, match=r"no fixtures\.social\.operations\.home_feed"):
        feed.ready(images_of(type(feed)), "lazy")
    feed.teardown(images_of(type(feed)), "lazy")


def test_an_argument_the_commit_lacks_is_skipped(
    feed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "home_feed", lambda session, user_id: [])
    with pytest.raises(NotImplementedError, match="unexpected keyword argument 'loading'"):
        feed.ready(images_of(type(feed)), "lazy")


def test_an_error_within_an_operation_is_not_taken_for_a_lack(
    feed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(session: Session, user_id: int, *, loading: str) -> None:
        operations.active_users_with_threads(session, nonsense=loading)  # type: ignore[call-arg]

    monkeypatch.setattr(operations, "home_feed", broken)
    with pytest.raises(TypeError):
        feed.ready(images_of(type(feed)), "lazy")


def test_a_domain_the_commit_lacks_is_skipped() -> None:
    images = build_images("library", (1,))
    assert images.fingerprints == {}
    absent = measured("fixtures.library.operations")
    with pytest.raises(NotImplementedError, match=r"this commit has no fixtures\.library"):
        absent.borrow(None)


def test_asv_finds_all_metrics() -> None:
    names = {benchmark.name for benchmark in disc_benchmarks("benchmarks")}
    for scenario in scenarios():
        module = scenario.__module__.removeprefix("benchmarks.")
        for metric in FAMILY:
            found = f"{module}.{scenario.__name__}.{metric}" in names
            assert found == (metric not in scenario.not_measured)


def test_a_metric_is_left_out_for_a_stated_reason() -> None:
    for scenario in scenarios():
        assert set(scenario.not_measured) <= set(FAMILY)
        stated_by = next(c for c in scenario.__mro__ if "not_measured" in vars(c))
        if scenario.not_measured:
            source = inspect.getsource(stated_by)
            comment = source.partition("not_measured")[0]
            assert "#" in comment or "counters of this one do not see" in comment


def test_the_catalogue_is_wide() -> None:
    assert len(scenarios()) >= 60


# --- counts ---------------------------------------------------------------------------------------


def test_statements_and_rows_are_those_of_the_operation(image_folder: Path) -> None:
    database = SQLite((image_folder / "social-1.sqlite").read_bytes())
    database.restore()
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
    assert tape.items[-1] == "commit"
    with Session(database.engine) as session:
        session.execute(text("SELECT 1")).all()
    assert len(tape.statements) == 5


def test_rows_returned_by_a_bulk_insert_are_counted(image_folder: Path) -> None:
    database = SQLite((image_folder / "social-1.sqlite").read_bytes())
    database.restore()
    with Session(database.engine) as session, recording(database.engine) as tape:
        session.add_all([Tag(name=f"new{number}") for number in range(2_500)])
        session.commit()
    assert len(tape.statements) > 1
    assert tape.rows == 2_500
    assert not any(statement.many for statement in tape.statements)


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.__name__)
def test_a_replay_fetches_what_the_operation_fetched(
    scenario: type[Scenario], image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "track_times_driver" in scenario.not_measured:
        return
    monkeypatch.chdir(image_folder)
    images = images_of(scenario)
    for params in itertools.product(*scenario.params):
        if dict(zip(scenario.param_names, params, strict=True)).get("scale", 1) > 1:
            continue
        instance = scenario()
        instance.ready(images, *params)
        tape = instance.recorded()
        instance.teardown(images, *params)
        instance.ready(images, *params)
        instance.teardown(images, *params)
        check(tape, replay(instance.database.driver, tape))
        instance.database.driver.rollback()


@pytest.fixture(params=scenarios(), ids=lambda scenario: scenario.__name__)
def instance(
    request: pytest.FixtureRequest, image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scenario]:
    """Every scenario in turn, set up with the first of its parameters."""
    monkeypatch.chdir(image_folder)
    instance: Scenario = request.param()
    params = (values[0] for values in instance.params)
    instance.ready(images_of(type(instance)), *params)
    yield instance
    instance.close()
    instance.database.close()


def test_what_an_operation_changes_is_undone(instance: Scenario) -> None:
    instance.keep()
    before = content(instance)
    instance.perform()
    instance.close()
    changed = content(instance) != before
    undo = instance.database.undo()
    # A restore, which copies everything, is for none of the catalogue.
    assert bool(undo) == changed
    assert content(instance) == before
    # And by what undid it once, again and again.
    instance.database.use_undo(undo)
    for _ in range(2):
        instance.again()
        instance.perform()
        instance.again()
        instance.close()
        assert content(instance) == before


def content(instance: Scenario) -> list[str]:
    """Every row, wherever it lies in its table."""
    return sorted(instance.database.driver.iterdump())


def test_what_is_kept_needs_no_preparing(
    instance: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance.close()
    before = list(instance.database.driver.iterdump())
    instance.keep()
    monkeypatch.setattr(instance, "prepare", pytest.fail)
    for _ in range(2):
        instance.again()
        instance.perform()
    instance.again()
    instance.close()
    assert list(instance.database.driver.iterdump()) == before


def test_a_replay_that_fetches_other_rows_is_noticed(image_folder: Path) -> None:
    database = SQLite((image_folder / "social-1.sqlite").read_bytes())
    database.restore()
    with Session(database.engine) as session, recording(database.engine) as tape:
        session.execute(text("SELECT name FROM users WHERE id < 5")).all()
    check(tape, replay(database.driver, tape))
    database.driver.execute("UPDATE users SET name = 'changed' WHERE id = 3")
    with pytest.raises(AssertionError, match="other rows than the operation: SELECT name"):
        check(tape, replay(database.driver, tape))


def test_counts_are_equal_on_every_run(feed: Any) -> None:
    images = images_of(type(feed))
    seen = []
    for _ in range(3):
        seen.append([getattr(feed, metric)(images, "selectin") for metric in counts.METRICS])
        for kept in Path().glob("*.counts.*.json"):
            kept.unlink()
    assert seen[0][:3] == seen[1][:3] == seen[2][:3]
    assert min(seen[0]) > 0
    assert seen[1] == pytest.approx(seen[0], rel=0.01)


def keyset_page() -> type[Scenario]:
    return next(s for s in scenarios() if s.__name__ == "KeysetPage")


def test_instructions_are_equal_on_every_run(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_instructions()
    monkeypatch.chdir(image_folder)
    monkeypatch.setenv(counting.SELECTION, json.dumps(["KeysetPage"]))
    scenario = keyset_page()
    runs: list[list[int]] = []
    for _ in range(2):
        runs.append([instructions.instructions(scenario, images_of(scenario), (1,))])
        (kept,) = Path().glob("*instructions*.json")
        found = json.loads(kept.read_text(encoding="utf-8"))
        assert len(found) == len(scenario.params[0])
        # Kept in the order in which they were done, which is not the same every time.
        runs[-1] += [found[job]["instructions"] for job in sorted(found)]
        kept.unlink()
    assert min(runs[0]) > 100_000
    assert runs[1] == pytest.approx(runs[0], rel=0.001)
    job = (scenario.__module__, scenario.__name__, (1,))
    (displaced,) = counting.count_all(
        instructions.count, [job], images_of(scenario), instructions.command(layout=1)
    ).values()
    assert isinstance(displaced, dict)
    assert displaced["instructions"] == pytest.approx(runs[0][0], rel=0.004)
    assert displaced["instructions"] != runs[0][0]


def test_instructions_over_those_of_the_driver_are_equal_on_every_run(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_instructions()
    monkeypatch.chdir(image_folder)
    scenario = keyset_page()
    ratios = []
    for _ in range(2):
        ratios.append(scenario().track_instructions_driver(images_of(scenario), 1))
        counted = {}
        for counter in (instructions, floor_instructions):
            kept = Path(f"{counter.__name__}.count.json")
            (found,) = json.loads(kept.read_text(encoding="utf-8")).values()
            counted[counter] = found["instructions"]
            kept.unlink()
        assert ratios[-1] == counted[instructions] / counted[floor_instructions]
    assert counted[floor_instructions] > 1_000
    assert ratios[0] > 2
    assert ratios[1] == pytest.approx(ratios[0], rel=0.005)


def test_what_sends_nothing_or_is_asynchronous_has_no_floor_in_instructions(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_instructions()
    monkeypatch.chdir(image_folder)
    jobs: list[counting.Job] = [
        ("benchmarks.query_operations", "GetLoaded", ()),
        ("benchmarks.access", "GetUser", ("asyncio",)),
    ]
    images = images_of(keyset_page())
    command = instructions.command()
    made = counting.count_all(floor_instructions.count, jobs, images, command)
    # In the order in which they were done.
    assert [made[repr(job)] for job in jobs] == [floor.SILENT, floor_instructions.ASYNCHRONOUS]


def test_what_else_the_run_asks_for_is_counted_in_advance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked: list[set[counting.Job]] = []

    def count_all(counter: Any, jobs: list[counting.Job], *rest: Any) -> dict[str, Any]:
        asked.append(set(jobs))
        return {repr(job): {"n": 1} for job in jobs if job[2] != (100,)}

    monkeypatch.setattr(counting, "count_all", count_all)
    scenario = keyset_page()

    def ask(page: int) -> counting.Counts:
        return counting.counted(
            counts.count, counts.METRICS, scenario, images_of(scenario), (page,)
        )

    monkeypatch.setenv(counting.SELECTION, json.dumps([r"Page.track_calls\(10*\)", "time_"]))
    assert ask(1) == {"n": 1}
    (jobs,) = asked
    assert {(name, params) for _, name, params in jobs} == {
        (name, (page,)) for name in ("KeysetPage", "OffsetPage") for page in (1, 10, 100)
    }
    assert ask(10) == {"n": 1}
    assert len(asked) == 1
    # What was not selected, or failed then, is tried on its own.
    assert ask(250) == {"n": 1}
    with pytest.raises(RuntimeError, match=r"nothing was counted for KeysetPage\(100,\)"):
        ask(100)
    assert [len(jobs) for jobs in asked] == [6, 1, 1]


def test_nothing_else_is_counted_where_nobody_says_what_the_run_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(counting.SELECTION, raising=False)
    assert not any(
        counting.selected(job, counts.METRICS) for job in counting.jobs_of(keyset_page())
    )


def test_an_operation_that_fails_is_not_counted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    job = ("benchmarks.query_operations", "KeysetPage", (1,))
    damaged = Images("social", {2: "no image of the scale asked for"})
    assert counting.count_all(counts.count, [job], damaged) == {}
    assert "scale 1 is not among the scales of social" in capfd.readouterr().err


BY_VALGRIND = ("track_instructions", "track_instructions_driver")


@pytest.mark.parametrize("metric", BY_VALGRIND)
def test_without_valgrind_instructions_are_skipped_with_the_reason(
    metric: str,
    feed: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    feed.ready(images_of(type(feed)), "lazy")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SkipNotImplemented):
        getattr(feed, metric)(images_of(type(feed)), "lazy")
    assert "install Debian's package valgrind" in capsys.readouterr().err


@pytest.mark.parametrize("metric", BY_VALGRIND)
def test_a_quick_run_leaves_instructions_out(
    metric: str, feed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLALCHEMY_ASV_QUICK", "1")
    with pytest.raises(SkipNotImplemented):
        getattr(feed, metric)(images_of(type(feed)), "lazy")


def test_what_is_counted_grows_with_the_work() -> None:
    def work(times: int) -> list[bytes]:
        return [bytes(1_000) for _ in range(times)]

    assert calls(lambda: work(200)) - calls(lambda: work(100)) == 0  # a call of a type is none
    assert (
        calls(lambda: [len(()) for _ in range(200)]) - calls(lambda: [len(()) for _ in range(100)])
        == 100
    )
    more = allocated(lambda: work(200)) - allocated(lambda: work(100))
    assert more == pytest.approx(100 * 1_033, rel=0.02)


def test_garbage_made_before_is_not_counted() -> None:
    def leave_cycles() -> None:
        for _ in range(5_000):
            cycle: list[Any] = []
            cycle.append(cycle)

    quiet = calls(lambda: [len(()) for _ in range(5_000)])
    leave_cycles()
    assert calls(lambda: [len(()) for _ in range(5_000)]) == quiet


def test_the_low_ones_of_paired_samples_make_the_ratio() -> None:
    naps = iter([0.01, 0.001, 0.001, 0.03, 0.001, 0.001, 0.001, 0.02] * 10)
    slow, fast = (lambda: time.sleep(0.004)), (lambda: time.sleep(next(naps)))
    assert ratio(slow, fast, pairs=20) == pytest.approx(4, rel=0.3)


def test_what_counters_do_not_see_is_not_compared() -> None:
    titles = {counting.title(job) for job in side.chosen([""])}
    assert {"startup.ConfigureMappers(1)", "access.GetUser('sync')"} < titles
    unseen = r"^(overhead|databases)\.|startup\.(StartPython|ImportSQLAlchemy|FirstQuery)|asyncio"
    assert not [title for title in titles if re.search(unseen, title)]


def test_the_floor_is_found_in_many_layouts(tmp_path: Path) -> None:
    # The second job lacks something, the first needs the most layouts and takes little time, the
    # last is not measured.
    fake = """
        import json, os, pickle, sys
        layout = int(os.environ["SQLALCHEMY_ASV_LAYOUT"])
        for place, (_, job, _) in enumerate(pickle.loads(open(sys.argv[-1], "rb").read())[-1]):
            ratios = {"noisy": [2, 4, 8, 16][layout % 4], "still": 3.5}
            driver = 1e-5 if job == "noisy" else 1
            lasted = {"operation": driver * ratios.get(job, 0) ** 0.5}
            lasted["driver"] = driver * ratios.get(job, 1) ** -0.5
            print(place, json.dumps(lasted if job in ratios else "it lacks"))
    """

    def told(layouts: int, allowed: float = 60) -> list[object]:
        lines = in_layouts(fake, tmp_path, layouts, allowed=allowed).stdout.splitlines()
        assert lines[0] == '1 "it lacks"'
        places, texts = zip(*(line.split(maxsplit=1) for line in lines[1:]), strict=True)
        assert places == ("0", "2")
        return [json.loads(text)["times"] for text in texts]

    assert told(12) == [pytest.approx(7.5), pytest.approx(3.5)]
    assert told(1) == [pytest.approx(2), pytest.approx(3.5)]
    # When time is up, each has been visited as often as it must be.
    assert told(12, allowed=0) == [pytest.approx((2 + 4 + 8 + 16 + 2) / 5), pytest.approx(3.5)]


def visits(*ratios: float, seconds: float = 1e-4) -> list[floor.Visit]:
    """Visits with these ratios, none of which took longer than another."""
    return [(seconds * ratio**0.5, seconds * ratio**-0.5) for ratio in ratios]


def test_visits_are_enough_when_their_ratios_agree() -> None:
    assert not floor.enough(visits(2) * (floor.LEAST - 1))
    assert floor.enough(visits(2) * floor.LEAST)
    assert not floor.enough([*visits(2) * floor.LEAST, *visits(3)])
    assert floor.enough(visits(2, 2.02, 1.98, 2.01, 1.99))
    assert not floor.enough(visits(2, 2.2, 1.8, 2.1, 1.9, 2.2, 1.8, 2))


def test_what_lasts_is_visited_more_often() -> None:
    lasting = visits(2, seconds=floor.LASTING)
    assert not floor.enough(lasting * (floor.LEAST_LASTING - 1))
    assert floor.enough(lasting * floor.LEAST_LASTING)
    # A disturbance does not make an operation one that lasts.
    assert floor.least([*visits(2), *lasting * floor.LEAST]) == floor.LEAST


def test_a_visit_that_took_longer_counts_less() -> None:
    longer = math.exp(floor.DISTURBED)
    ratio, error = floor.estimate([(2.0, 1.0), (2.0 * longer, 1.0)])
    assert ratio == pytest.approx((2 + 2 * longer / 2) / 1.5)
    assert error > 0.05
    # Slowed alike, both sides say the same, though they say less.
    assert floor.estimate([(2.0, 1.0), (6.0, 3.0)]) == pytest.approx((2, 0))
    assert floor.estimate([(2.0, 1.0)]) == (2, math.inf)
    # One quiet visit is not enough, however little the others count.
    assert not floor.enough([(2.0, 1.0), *[(6.0, 2.0), (7.0, 3.0)] * floor.LEAST_LASTING])


@given(
    st.lists(st.tuples(st.floats(1e-5, 1), st.floats(1e-5, 1)), min_size=1, max_size=16),
    st.floats(0.1, 10),
)
def test_a_ratio_lies_among_those_of_its_visits(made: list[floor.Visit], slower: float) -> None:
    ratio, error = floor.estimate(made)
    ratios = [operation / driver for operation, driver in made]
    assert min(ratios) <= ratio * (1 + 1e-9)
    assert ratio <= max(ratios) * (1 + 1e-9)
    assert error >= 0
    # Another machine, on which all takes longer alike, has the same ratio.
    elsewhere = floor.estimate(
        [(operation * slower, driver * slower) for operation, driver in made]
    )
    assert elsewhere[0] == pytest.approx(ratio)


def test_a_ratio_is_visited_as_often_as_is_said(feed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(*arguments: Any) -> counting.Counts:
        return {"times": int(arguments[-1][-2])}

    monkeypatch.setattr(floor, "counted", counted)
    assert floor.times_driver(type(feed), images_of(type(feed)), ("lazy",)) == floor.MOST
    monkeypatch.setenv(floor.VISITS, "40")
    assert floor.times_driver(type(feed), images_of(type(feed)), ("lazy",)) == 40
    monkeypatch.setenv("SQLALCHEMY_ASV_QUICK", "1")
    assert floor.times_driver(type(feed), images_of(type(feed)), ("lazy",)) == 1


def test_a_batch_does_not_wait_for_one_that_fails(feed: Any) -> None:
    module, name = type(feed).__module__, type(feed).__name__
    jobs: list[counting.Job] = [(module, name, (how,)) for how in ("lazy", "nonsense", "selectin")]
    command = [sys.executable, str(counting.PROCESS), "floor", "in_layouts", "1", "0"]
    made = counting.count_all(floor.count, jobs, images_of(type(feed)), command)
    assert set(made) == {repr(jobs[0]), repr(jobs[2])}
    assert all(isinstance(c, dict) and c["times"] > 1 for c in made.values())


def test_a_stage_is_reached_by_all_or_none() -> None:
    stage, order = os.pipe(), os.pipe()
    children = []
    for number in range(3):
        children.append(os.fork())
        if not children[-1]:
            os.write(order[1], b"before ")
            if number:  # the first ends without reaching it
                floor.reached(stage)
                os.write(order[1], b"after ")
            os._exit(0)
    floor.reached(stage)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert os.read(order[0], 100).split() == [b"before"] * 3 + [b"after"] * 2
    for end in order:
        os.close(end)


def test_a_process_that_fails_is_no_floor(tmp_path: Path) -> None:
    assert in_layouts("raise SystemExit(3)", tmp_path, 1).returncode == 3


def in_layouts(
    code: str, folder: Path, layouts: int, *, allowed: float = 60
) -> subprocess.CompletedProcess[str]:
    file = folder / "jobs.pickle"
    jobs: list[counting.Job] = [("module", name, ()) for name in ("noisy", "lacking", "still")]
    jobs.append(("module", "still", ("asyncio",)))
    file.write_bytes(pickle.dumps(("module", "count", None, jobs)))
    script = folder / "layout.py"
    script.write_text(textwrap.dedent(code), encoding="utf-8")
    limits = [str(layouts), str(allowed)]
    command = [sys.executable, str(counting.PROCESS), "floor", "in_layouts", *limits]
    return subprocess.run(
        [*command, sys.executable, str(script), "counting", "fork_for_each", str(file)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
