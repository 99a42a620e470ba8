"""Every scenario, with all parameters that a test can afford, on SQLite."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy_asv import Scenario, counting
from sqlalchemy_asv.databases.sqlite import SQLite
from sqlalchemy_asv.instruments.compiled import Compiled
from sqlalchemy_asv.instruments.retained import Retained
from sqlalchemy_asv.statements.replay import check, replay

from ..support.scenarios import images_of, scenarios

EVERY = pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.__name__)


def affordable(scenario: type[Scenario]) -> list[tuple[Any, ...]]:
    """The parameters of a scenario without scale 10: the same code on more rows."""
    return [values for values in scenario.combinations() if scenario.scale(values) <= 1]


@EVERY
def test_every_sample_of_a_scenario_meets_the_same_database(
    scenario: type[Scenario], image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(image_folder)
    for values in affordable(scenario):
        runner = scenario().runner(images_of(scenario), values)
        assert isinstance(runner.database, SQLite)
        seen = []
        for _ in range(3):
            runner.reset()
            seen.append(runner.database.serialize())
            runner.perform()
        runner.finish()
        assert seen[0] == seen[1] == seen[2]


NOT_CACHED = {
    "Savepoints": "not cacheable: the element SavepointClause, whose inherit_cache is not True",
    "WideSchema": "not cacheable: the element CreateTable, whose inherit_cache is not True",
    "UncachedStatement": "the cache is off for this engine or connection",
}
"""Scenarios that compile in every repetition, with the reason."""


@EVERY
def test_other_arguments_are_attributes_of_the_scenario(scenario: type[Scenario]) -> None:
    assert all(hasattr(scenario, name) for name in scenario.arguments(scenario(), 1))


def test_repetitions_with_other_arguments_compile_nothing_and_leave_nothing(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(image_folder)
    instruments = (Compiled(), Retained())
    asked = [
        counting.job(scenario, values, images_of(scenario), instruments)
        for scenario in scenarios()
        if scenario.measures("track_compiled")
        for values in affordable(scenario)[-1:]
    ]
    assert len(asked) > 60
    for job, outcome in zip(asked, counting.count(asked), strict=True):
        assert outcome.found is not None, (job.name, outcome)
        compiled, left = outcome.found["compiled"], outcome.found["retained"]
        reasons = {reason for _, reason in compiled["uncached"]}
        expected = NOT_CACHED.get(job.name)
        assert (expected in reasons) if expected else not reasons, (job.name, reasons)
        assert left["retained"] == 0, (job.name, left)


@EVERY
def test_a_replay_fetches_what_the_operation_fetched(
    scenario: type[Scenario], image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "track_instructions_driver" in scenario.not_measured:
        return
    monkeypatch.chdir(image_folder)
    for values in affordable(scenario):
        runner = scenario().runner(images_of(scenario), values, deterministic=True)
        runner.reset()
        tape = runner.record()
        check(tape, replay(runner.driver(), tape))
        runner.finish()
