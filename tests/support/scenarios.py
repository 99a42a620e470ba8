"""The scenarios of this repository, and images of their datasets."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from sqlalchemy_asv import Scenario
from sqlalchemy_asv.databases.base import Images
from sqlalchemy_asv.scenario import FAMILY

import benchmarks

SOCIAL = "fixtures.social.dataset"
ECOMMERCE = "fixtures.ecommerce.dataset"
NAMES = {SOCIAL: "social", ECOMMERCE: "ecommerce"}


def scenarios() -> list[type[Scenario]]:
    """Every scenario of `benchmarks/`."""
    found: dict[type[Scenario], None] = {}
    for module in pkgutil.iter_modules(benchmarks.__path__, "benchmarks."):
        for value in vars(importlib.import_module(module.name)).values():
            if (
                inspect.isclass(value)
                and issubclass(value, Scenario)
                and value.__module__ == module.name
                and not inspect.isabstract(value)
            ):
                found[value] = None
    return list(found)


def named(name: str) -> type[Scenario]:
    """The scenario whose class has this name."""
    (found,) = (each for each in scenarios() if each.__name__ == name)
    return found


def with_all_metrics() -> list[type[Scenario]]:
    """The scenarios that measure their operation, and not something else."""
    return [each for each in scenarios() if each.family is None]


def images_of(scenario: type[Scenario]) -> Images:
    """The result of `setup_cache`, for images in the current folder."""
    return Images(
        scenario.dataset,
        dict.fromkeys(scenario.scales, "any"),
        {scale: f"{NAMES[scenario.dataset]}-{scale:g}.sqlite" for scale in scenario.scales},
    )


__all__ = ["ECOMMERCE", "FAMILY", "SOCIAL", "images_of", "named", "scenarios", "with_all_metrics"]
