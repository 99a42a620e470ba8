"""What asv loads from this repository (`plugins` in asv.conf.json), at the start of any command."""

from . import defaults, improvements, offline

__all__ = ["defaults", "improvements", "offline"]

defaults.apply()
defaults.pass_on_options()
