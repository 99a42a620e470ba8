"""The plugin that asv loads with every command: `"plugins": [".sqlalchemy_asv.plugin"]`."""

from .__main__ import end_when_interrupted

end_when_interrupted()

from .asv_ext import commands  # noqa: E402 (each import takes a while)
from .environments import environment  # noqa: E402
from .site import (  # noqa: E402
    budgets,
    document,
    feed,
    growth,
    improvements,
    mended,
    offline,
    overview,
    statements,
    steps,
    thresholds,
)

__all__ = [
    "budgets",
    "document",
    "environment",
    "feed",
    "growth",
    "improvements",
    "mended",
    "offline",
    "overview",
    "statements",
    "steps",
    "thresholds",
]

commands.apply()
