"""The settings of the database, as a benchmark."""

from __future__ import annotations

import abc
from typing import Any

from ..benchmark import Benchmark
from .base import chosen


class DatabaseSettings(Benchmark):
    """The database's version and settings, which explain a step that no commit made.

    A subclass has the names of settings as `params`.
    """

    @property
    @abc.abstractmethod
    def params(self) -> Any: ...

    def setup(self, setting: str) -> None:
        super().setup()
        facts = chosen().facts()
        if setting not in facts:
            raise NotImplementedError(f"{chosen().name} has no setting {setting}")
        self.value = facts[setting]

    def track_setting(self, setting: str) -> float:
        return self.value
