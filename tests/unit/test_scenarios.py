"""Every scenario of the catalogue, run as asv runs it but in this process."""

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
from asv_runner.discovery import disc_benchmarks
from sqlalchemy import text
from sqlalchemy.orm import Session
from sqlalchemy_asv import Scenario, lazy_import, options
from sqlalchemy_asv.databases.base import Images, build_images
from sqlalchemy_asv.databases.sqlite import SQLite

import benchmarks
from benchmarks import social
from fixtures.social import operations

from ..support.scenarios import FAMILY, images_of, named, scenarios, with_all_metrics

SUITE = Path(benchmarks.__file__).parent


EVERY = pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.__name__)


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


@EVERY
def test_a_scenario_reads_like_a_line_of_a_report(scenario: type[Scenario]) -> None:
    assert scenario.__doc__ is not None
    assert "\n" not in scenario.__doc__
    assert scenario.__doc__.endswith(".")
    assert len(scenario.params) == len(scenario.param_names)


@EVERY
def test_the_modules_that_a_scenario_measures_are_known_before_it_runs(
    scenario: type[Scenario],
) -> None:
    assert scenario.measured_modules()
    assert scenario.import_measured() == {"fixtures"}


def test_asv_performs_it_in_the_runner_that_setup_left(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(image_folder)
    scenario = named("CreateUser")
    instance, images = scenario(), images_of(scenario)
    instance.setup(images)
    instance.ready(images)
    assert instance._runner is not None
    database = instance._runner.database
    assert isinstance(database, SQLite)
    before = database.serialize()
    instance.time_wall(images)  # type: ignore[attr-defined]
    instance.teardown(images)
    assert database.serialize() != before
    instance.ready(images)
    assert database.serialize() == before
    instance.teardown(images)


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


# --- benchmarks of asv's --------------------------------------------------------------------------


def test_asv_finds_all_metrics_and_no_base_class() -> None:
    found: dict[str, set[str]] = {}
    for benchmark in disc_benchmarks("benchmarks"):
        name, _, metric = benchmark.name.rpartition(".")
        found.setdefault(name, set()).add(metric)
    for scenario in with_all_metrics():
        name = f"{scenario.__module__.removeprefix('benchmarks.')}.{scenario.__name__}"
        assert found.pop(name) == {metric for metric in FAMILY if scenario.measures(metric)}
    assert found == {
        "databases.LoadSocial": {"track_times_copy", "peakmem_load"},
        "databases.RestoreEcommerce": {"time_restore"},
        "databases.RestoreSocial": {"time_restore"},
        "databases.Settings": {"track_setting"},
        "datasets.BuildSocial": {"track_scale_10", "track_share_of_naive", "track_times_driver"},
        "datasets.Fingerprint": {"track_fingerprint"},
        "overhead.MeasureHomeFeed": {"track_overhead"},
        **dict.fromkeys(
            ("load.Ecommerce", "load.Feed", "load.PoolSize"),
            {f"track_{n}" for n in ("p50", "p95", "p99", "average", "error_rate")}
            | {"track_seconds_per_request"},
        ),
    }


def test_a_metric_is_left_out_for_a_stated_reason() -> None:
    for scenario in scenarios():
        for setting in ("not_measured", "only_measured", "databases"):
            stated_by = next(c for c in scenario.__mro__ if setting in vars(c))
            if stated_by is not Scenario:
                before = inspect.getsource(stated_by).partition(setting)[0]
                assert "#" in before or "counters of this one do not see" in before
        assert set(scenario.not_measured) | set(scenario.only_measured) <= set(FAMILY)


def test_the_catalogue_is_wide() -> None:
    assert len(scenarios()) >= 60


# --- trap 8: a cache handed to the wrong benchmark ------------------------------------------------


def test_asv_keeps_a_cache_for_each_dataset() -> None:
    keys: dict[str, set[str]] = {}
    for benchmark in disc_benchmarks("benchmarks"):
        instance = getattr(benchmark.func, "__self__", None)
        if isinstance(instance, Scenario):
            keys.setdefault(instance.dataset, set()).add(benchmark.setup_cache_key)
    assert keys
    assert all(len(of_one) == 1 for of_one in keys.values())
    assert len(set.union(*keys.values())) == len(keys)


def test_a_dataset_without_a_cache_of_its_own_is_refused() -> None:
    with pytest.raises(TypeError, match="Shared sets `dataset` and must define `setup_cache`"):
        type("Shared", (Scenario,), {"dataset": "other"})


def test_a_cache_holds_the_scales_of_modules_that_asv_has_not_imported() -> None:
    """asv makes it in a process that imported the module of a single benchmark."""
    script = """
from sqlalchemy_asv import scenario
scenario.build_images = lambda module, scales: print(module, *scales)
from benchmarks.abstraction_levels import Read
Read().build()
"""
    environment = os.environ | {options.SELECTION: '["^social.HomeFeedByScale", "^abstraction"]'}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, text=True, capture_output=True
    )
    assert done.stdout == "fixtures.social.dataset 0.01 0.1 1 10\n", done.stderr


def test_the_cache_of_another_dataset_is_refused() -> None:
    with pytest.raises(SystemExit, match="was given the data of another"):
        named("CreateUser")().runner(Images("another", {1: "any"}), ())


def test_a_scale_without_an_image_is_refused() -> None:
    scenario = named("HomeFeedByScale")
    with pytest.raises(SystemExit, match="scale 7 is not among the scales of"):
        scenario().runner(images_of(scenario), (7,))


# --- a commit that lacks something is n/a ---------------------------------------------------------


@pytest.fixture
def feed(image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> type[Scenario]:
    monkeypatch.chdir(image_folder)
    return named("HomeFeed")


def test_an_operation_the_commit_lacks_is_skipped(
    feed: type[Scenario], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(social.operations, "home_feed")  # kept since its first use
    monkeypatch.delattr(operations, "home_feed")
    with pytest.raises(NotImplementedError, match=r"no fixtures\.social\.operations\.home_feed"):
        feed().runner(images_of(feed), ("lazy",))


def test_an_argument_the_commit_lacks_is_skipped(
    feed: type[Scenario], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(social.operations, "home_feed", lambda session, user_id: [])
    with pytest.raises(NotImplementedError, match="unexpected keyword argument 'loading'"):
        feed().runner(images_of(feed), ("lazy",))


def test_an_error_within_an_operation_is_not_taken_for_a_lack(
    feed: type[Scenario], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(session: Session, user_id: int, *, loading: str) -> None:
        operations.active_users_with_threads(session, nonsense=loading)  # type: ignore[call-arg]

    monkeypatch.setattr(social.operations, "home_feed", broken)
    with pytest.raises(TypeError):
        feed().runner(images_of(feed), ("lazy",))


def test_a_domain_the_commit_lacks_is_skipped() -> None:
    images = build_images("fixtures.library.dataset", (1,))
    assert images.fingerprints == {}
    absent = lazy_import("fixtures.library.operations")
    with pytest.raises(NotImplementedError, match=r"this commit has no fixtures\.library"):
        absent.borrow(None)


def test_a_module_is_found_under_an_older_name() -> None:
    moved = lazy_import("fixtures.social.new_name", "fixtures.social.operations")
    assert moved.home_feed is operations.home_feed


def test_a_module_that_fails_to_import_is_no_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_module.py").write_text("import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        lazy_import("broken_module").anything  # noqa: B018
