"""What asv loads from this repository (`plugins` in asv.conf.json), at the start of any command."""

from . import budgets, defaults, improvements, offline, start, statements

__all__ = ["budgets", "defaults", "improvements", "offline", "start", "statements"]

defaults.apply()
defaults.pass_on_options()
