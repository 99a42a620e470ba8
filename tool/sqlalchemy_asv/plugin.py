"""The plugin that asv loads with every command: `"plugins": [".sqlalchemy_asv.plugin"]`."""

from .asv_ext import commands
from .environments import environment
from .site import budgets, growth, improvements, offline, start, statements, thresholds

__all__ = [
    "budgets",
    "environment",
    "growth",
    "improvements",
    "offline",
    "start",
    "statements",
    "thresholds",
]

commands.apply()
