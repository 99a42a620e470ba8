"""Counting a case in a test."""

from typing import Any

from sqlalchemy_asv import counting
from sqlalchemy_asv.databases.base import Images
from sqlalchemy_asv.instruments import Counts, Instrument

from .scenarios import images_of, named


class Job:
    """Jobs of a scenario, in a folder with images."""

    def __init__(self, name: str, *values: Any) -> None:
        self.scenario, self.values = named(name), values

    def __call__(self, *instruments: Instrument, images: Images | None = None) -> counting.Job:
        images = images or images_of(self.scenario)
        return counting.job(self.scenario, self.values, images, instruments)


def found(job: counting.Job, *, layout: int = 0) -> Counts:
    (outcome,) = counting.count([job], layout=layout)
    assert outcome.found is not None, outcome
    return outcome.found
