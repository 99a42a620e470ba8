"""The base of every scenario: one operation in, the whole family of metrics out.

A scenario is a class of about ten lines: its dataset (from the base of its domain), its parameters,
and the operation. Everything else, clocks, counters, restore, versions, happens here, once.
"""

from __future__ import annotations

import abc
import functools
import inspect
import os
import sys
import time
import types
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn, TypeVar

from sqlalchemy.orm import Session

from . import (
    callgrind,
    counting,
    counts,
    floor,
    floor_instructions,
    instructions,
    ratio,
    recording,
    replay,
    undo,
)
from .budget import Budget
from .commit import lacking
from .database import KINDS, Database, Images, build_images, chosen
from .environment import difference, quick, refuse, verify
from .version import benchmark_version, source_of

Metric = TypeVar("Metric", bound=Callable[..., Any])


def metric(*modules: types.ModuleType, **attributes: Any) -> Callable[[Metric], Metric]:
    """A metric: with asv's attributes (`unit`, `timer`, …), and the modules that measure it.

    Its version follows their source as well.
    """

    def mark(function: Metric) -> Metric:
        function.__dict__.update(attributes)
        function._sources = [source_of(thing) for thing in (function, *modules)]  # type: ignore[attr-defined]
        return function

    return mark


_set_up: list[Scenario] = []
"""What asv has set up last in this process."""


def ready(images: Images, *params: Any) -> None:
    """The `setup` of a metric that performs the operation in its own process.

    asv calls it after the scenario's, and does not tell it the scenario.
    """
    _set_up[-1].ready(images, *params)


def performed(images: Images, *params: Any) -> None:
    """The `setup` of a metric of what comes after the operation."""
    scenario = _set_up[-1]
    scenario.ready(images, *params)
    scenario.perform()
    scenario.close()


class Scenario(abc.ABC):
    """An operation of the data layer, measured in several ways.

    asv skips abstract classes. The base of a domain sets `dataset` (the package under `fixtures/`)
    and `scales`, and defines `setup_cache` as `return self.build()`: asv tells caches apart by the
    line on which that function stands, so every dataset needs one of its own.

    A parameter named `scale` chooses the size of the dataset, 1 where there is none; one named
    `access` is "sync" or "asyncio". The other parameters are passed on to `prepare`, `load` and
    `operation`.
    """

    dataset: ClassVar[str]
    scales: ClassVar[tuple[float, ...]] = (1,)
    params: ClassVar[tuple[Any, ...]] = ()
    param_names: ClassVar[tuple[str, ...]] = ()
    not_measured: ClassVar[tuple[str, ...]] = ()
    """Metrics that say nothing about this scenario; give the reason beside them."""

    databases: ClassVar[tuple[str, ...]] = tuple(KINDS)
    """Databases on which this says something of its own; give the reason beside them."""

    budget: ClassVar[Budget | None] = None
    """What its figures must stay below; `sqlalchemy-asv budgets` says whether they do."""

    # asv's own settings. With `setup` run before each sample, asv times one operation a sample.
    timeout = 120
    rounds = 2
    repeat = (4, 50, 0.1)
    warmup_time = 0.02  # `ready` has warmed up already

    warm_ups = 2
    """How often `ready` performs the operation: what the first leaves in caches, the second may
    still make use of."""

    _database: Database | None = None
    _session: Session | None = None
    _given: tuple[Any, ...] = ()
    _kept = False
    _arguments: tuple[Any, ...] = ()
    _operation: Callable[..., object]

    # --- what a scenario says -----------------------------------------------------------------

    @abc.abstractmethod
    def operation(self, session: Session, *args: Any, **kwargs: Any) -> object:
        """What is measured: a call of the data layer, nothing else."""

    def prepare(  # noqa: B027 (most scenarios need nothing)
        self, session: Session, *args: Any, **kwargs: Any
    ) -> None:
        """What the operation finds in the database, on fresh data, in a session of its own."""

    def load(  # noqa: B027
        self, session: Session, *args: Any, **kwargs: Any
    ) -> None:
        """What the operation's session has done before."""

    # --- metrics ------------------------------------------------------------------------------

    @metric(setup=ready)
    def time_wall(self, images: Images, *params: Any) -> None:
        """Wall time in seconds."""
        self._operation(self._session, *self._arguments)

    @metric(setup=ready, timer=time.process_time, rounds=1)
    def time_cpu(self, images: Images, *params: Any) -> None:
        """CPU time of the process in seconds: no waiting, no preemption."""
        self._operation(self._session, *self._arguments)

    @metric(setup=ready)
    def peakmem_process(self, images: Images, *params: Any) -> None:
        """The largest size of the whole process in bytes, dataset and libraries included."""
        self.perform()

    @metric(counting, counts, recording, unit="statements")
    def track_statements(self, images: Images, *params: Any) -> int:
        """SQL statements sent to the database."""
        return self._count("statements", images, params)

    @metric(counting, counts, recording, unit="rows")
    def track_rows(self, images: Images, *params: Any) -> int:
        """Rows fetched from the database."""
        return self._count("rows", images, params)

    @metric(counting, counts, unit="calls")
    def track_calls(self, images: Images, *params: Any) -> int:
        """Calls of Python functions, built-in ones included."""
        self._only_sync(params)
        return self._count("calls", images, params)

    @metric(counting, counts, unit="bytes")
    def track_allocated(self, images: Images, *params: Any) -> int:
        """Peak bytes of Python memory that the operation allocates."""
        self._only_sync(params)
        return self._count("allocated", images, params)

    @metric(counting, instructions, callgrind, unit="instructions", timeout=1800)
    def track_instructions(self, images: Images, *params: Any) -> int:
        """Machine instructions of the operation, C and Python alike."""
        self._only_sync(params)
        if quick():
            skip("`--quick` leaves instructions out: they take too long")
        try:
            return instructions.instructions(type(self), images, params)
        except (FileNotFoundError, NotImplementedError) as missing:
            skip(str(missing))

    @metric(
        *(counting, instructions, callgrind, floor_instructions, recording, replay),
        unit="times the driver's instructions",
        timeout=1800,
    )
    def track_instructions_driver(self, images: Images, *params: Any) -> float:
        """Machine instructions over those of the same statements sent by the bare driver."""
        operation = self.track_instructions(images, *params)
        try:
            return operation / floor_instructions.of_driver(type(self), images, params)
        except NotImplementedError as missing:
            skip(str(missing))

    @metric(
        *(counting, floor, ratio, recording, replay, undo), unit="times the driver", timeout=1800
    )
    def track_times_driver(self, images: Images, *params: Any) -> float:
        """Wall time over sending the same statements by the bare driver, turn by turn."""
        self._only_sync(params)
        try:
            return floor.times_driver(type(self), images, params)
        except NotImplementedError as missing:
            skip(str(missing))

    # --- what asv calls around them -----------------------------------------------------------

    def build(self) -> Images:
        """The body of every `setup_cache`: images of the dataset at all its scales."""
        verify()
        return build_images(self.dataset, self.scales)

    def setup(self, images: Images, *params: Any) -> None:
        """What all metrics need; those that perform the operation here need `ready` as well."""
        verify()
        _set_up.append(self)
        del _set_up[:-1]

    def ready(self, images: Images, *params: Any) -> None:
        """Restore the dataset and open a session; the first time, also warm up."""
        if self._database is None:
            self._begin(images, params)
            self._given = (images, *params)
        self._fresh()

    def teardown(self, images: Images, *params: Any) -> None:
        self.close()

    # --- the harness --------------------------------------------------------------------------

    @property
    def database(self) -> Database:
        assert self._database is not None
        return self._database

    @property
    def job(self) -> counting.Job:
        """Which operation this is, with which parameters, once it has been set up."""
        return type(self).__module__, type(self).__name__, self._given[1:]

    def perform(self) -> object:
        """The operation, in the session and with the parameters that `setup` left."""
        assert self._session is not None
        return self._operation(self._session, *self._arguments)

    def twin(self) -> Scenario:
        """The same scenario on a database and an engine of its own, set up alike."""
        twin = type(self)()
        twin.ready(*self._given)
        return twin

    def recorded(self) -> recording.Tape:
        """What the operation sends and fetches, from performing it once."""
        with recording.recording(self.database.engine) as tape:
            self.perform()
        return tape

    def again(self) -> None:
        """Restore the dataset and open a new session, as before every sample."""
        self.close()
        self._fresh()

    def bare(self) -> Any:
        """Restore the dataset, as before every sample; returns the driver's connection to it.

        No transaction is open on it, as on the operation's.
        """
        self.again()
        self.close()
        return self.database.driver

    def keep(self) -> None:
        """Have `again` bring back what `prepare` has left, where the database can, without it."""
        self._kept = self.database.keep()

    def close(self) -> None:
        if self._session is not None:
            self.database.run(self._session.close)
            self._session = None

    def _only_sync(self, params: tuple[Any, ...]) -> None:
        if "asyncio" in params:
            skip("how often an event loop turns, and which thread works, follows from time")

    def _count(self, name: str, images: Images, params: tuple[Any, ...]) -> int:
        try:
            made = counting.counted(counts.count, counts.METRICS, type(self), images, params)
            return int(made[name])
        except NotImplementedError as missing:
            skip(str(missing))

    def _begin(self, images: Images, params: tuple[Any, ...]) -> None:
        if images.dataset != self.dataset:
            refuse(f"{type(self).__name__} was given the data of {images.dataset}")
        name = chosen().name
        if name not in self.databases:
            raise NotImplementedError(f"{type(self).__name__} says nothing about {name}")
        if not images.fingerprints:
            raise NotImplementedError(
                f"this commit has no dataset fixtures.{self.dataset} for {name}"
            )
        named = dict(zip(self.param_names, params, strict=True))
        scale = named.pop("scale", 1)
        if scale not in images.fingerprints:
            refuse(f"scale {scale:g} is not among the scales of {self.dataset}")
        access = named.pop("access", "sync")
        self._arguments = tuple(named.values())
        database = chosen(access).open(images.places[scale], images.fingerprints[scale])
        self._database = database
        self._operation = self.operation
        if access == "asyncio":
            self._operation = functools.partial(database.run, self.operation)
        left = 1 if quick() else self.warm_ups
        while left:
            try:
                self._fresh()
                self.perform()
                self.close()
                database.learn()
                left -= 1
            except (AttributeError, TypeError) as error:
                if missing := lacking(error):
                    raise NotImplementedError(missing) from None
                raise
            except Exception as error:
                self.close()
                if not database.permit_writing(error):
                    raise
            finally:
                self.close()

    def _fresh(self) -> None:
        self.database.restore()
        self.database.run(self._prepare)

    def _prepare(self) -> None:
        if not self._kept:
            with Session(self.database.engine) as session:
                self.prepare(session, *self._arguments)
        self._session = Session(self.database.engine)
        self.load(self._session, *self._arguments)

    # --- traps of asv closed for every subclass -----------------------------------------------

    def __init_subclass__(cls) -> None:
        """Give the class metrics of its own, whose version follows its own source.

        asv hashes a metric's function and `setup`, which all scenarios share, so that a change of
        the operation would go unseen. Raises `TypeError` for a dataset without a `setup_cache`.
        """
        super().__init_subclass__()
        if "dataset" in vars(cls) and "setup_cache" not in vars(cls):
            raise TypeError(f"{cls.__name__} sets `dataset` and must define `setup_cache` as well")
        if os.environ.get(counting.COUNTING):
            return  # where nobody asks for versions, and reading sources would take seconds
        sources = [
            source_of(base)
            for base in cls.__mro__
            if issubclass(base, Scenario) and base is not Scenario
        ]
        for name, shared in inspect.getmembers(cls, lambda member: hasattr(member, "_sources")):
            own = types.FunctionType(shared.__code__, shared.__globals__, name)
            own.__dict__.update(shared.__dict__)
            own.__doc__ = shared.__doc__
            own.__module__ = cls.__module__
            own.version = benchmark_version([*shared._sources, *sources])  # type: ignore[attr-defined]
            own.pretty_source = sources[0]  # type: ignore[attr-defined]
            own.skip_benchmark = name in cls.not_measured  # type: ignore[attr-defined]
            setattr(cls, name, own)


def skip(reason: str) -> NoReturn:
    """Make the benchmark n/a from within a metric; `setup` raises `NotImplementedError` instead."""
    from asv_runner.benchmarks.mark import SkipNotImplemented

    print(f"asv: skipped: {reason}", file=sys.stderr)
    raise SkipNotImplemented(reason)


FAMILY = tuple(name for name, member in vars(Scenario).items() if hasattr(member, "_sources"))
"""The names of all metrics."""

# Looked up by the process that asv's fork server starts as, once for all it forks.
difference()

# The site shows a benchmark's source, followed by `setup`; that of the scenario says it all.
Scenario.setup.pretty_source = "# restores the dataset and opens a session: see harness/scenario.py"  # type: ignore[attr-defined]
