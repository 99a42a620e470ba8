"""Ways of measuring an operation exactly, behind one interface.

A new instrument needs a file here and a line in `INSTRUMENTS`. Scenarios, asv's benchmarks,
`compare` and the pages then have its metrics.
"""

from .base import REPETITIONS, Counts, Instrument, Metric
from .calls import Calls
from .compiled import Compiled
from .driver_baseline import DriverBaseline
from .instructions import Instructions
from .memory import Allocated
from .refreshed import Refreshed
from .retained import Retained
from .statements import StatementsAndRows

__all__ = [
    "INSTRUMENTS",
    "REPETITIONS",
    "Calls",
    "Counts",
    "Instrument",
    "Metric",
    "StatementsAndRows",
    "instrument_of",
]

INSTRUMENTS: tuple[Instrument, ...] = (
    Calls(),
    Allocated(),
    StatementsAndRows(),
    Instructions(),
    DriverBaseline(),
    Compiled(),
    Retained(),
    Refreshed(),
)
"""In the order in which they count."""


def instrument_of(metric: str) -> Instrument:
    """The instrument with a metric of this name. Raises `KeyError` if there is none."""
    return {each.name: one for one in INSTRUMENTS for each in one.metrics}[metric]
