"""The base of every scenario. It makes the whole family of metrics from one operation."""

from __future__ import annotations

import abc
import dataclasses
import inspect
import itertools
import os
import re
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from . import application, counting, options, suite
from .benchmark import skip
from .budget import Budget
from .case import Case
from .commit import LazyModule, lacking, resolve
from .databases.base import KINDS, Images, build_images, chosen, dataset_name
from .instruments import INSTRUMENTS, Instrument, Metric
from .label import refuse, verify
from .runner import Runner
from .version import of_benchmark, source_of, without_method

_set_up: list[Scenario] = []
"""The scenario that asv has set up last in this process."""


def ready(images: Images, *values: Any) -> Scenario:
    """The `setup` of a metric that performs the operation in asv's own process.

    asv calls it after the scenario's `setup`, and without the scenario, which this returns.
    """
    scenario = _set_up[-1]
    scenario.ready(images, *values)
    return scenario


class Scenario(abc.ABC):
    """An operation of an application, measured in several ways.

    `dataset` is a class derived from `Dataset`. Where it is a module of the commit under test, the
    base of a domain defines `setup_cache` as `return self.build()` as well: asv distinguishes
    caches by the line on which that function is defined.

    `params` and `param_names` are asv's. A parameter named `scale` is the size of the dataset, by
    default 1; one named `access` is "sync" or "asyncio", which is "asyncio" anyway if `operation`
    is `async def`. The other parameters are passed to `prepare`, `load` and `operation`.
    """

    dataset: ClassVar[Any]
    """A class derived from `Dataset`; or a module of the commit under test that defines a
    `ColumnarDataset`."""
    application_engine: ClassVar[str | None] = None
    """An engine that the application makes when it is imported, such as "shop.database:engine". It
    gets the measured database, and `make_session` gets it. By default settings name it, if any."""
    scales: ClassVar[tuple[float, ...]] = (1,)
    params: ClassVar[Any] = ()
    param_names: ClassVar[Any] = ()
    not_measured: ClassVar[tuple[str, ...]] = ()
    """Metrics that say nothing about this scenario; give the reason beside them."""
    only_measured: ClassVar[tuple[str, ...]] = ()
    """If set, the only metrics that are measured; give the reason beside them."""

    family: ClassVar[dict[str, Benchmarked] | None] = None
    """The benchmarks of a scenario that measures something other than its operation."""

    databases: ClassVar[tuple[str, ...]] = tuple(KINDS)
    """The databases on which this is measured; if not all, give the reason beside them."""

    budget: ClassVar[Budget | None] = None
    """Limits for its figures; `sqlalchemy-asv budgets` says whether they are kept."""

    # asv's own settings. With `setup` run before each sample, asv times one operation a sample.
    timeout = 120
    rounds = 2
    repeat = (4, 50, 0.1)
    warmup_time = 0.02  # `ready` has warmed up already

    warm_ups = 2
    """The number of performances before anything is measured."""

    _runner: Runner | None = None
    _performance: Callable[[], object]

    # --- written by the author of a scenario --------------------------------------------------

    @abc.abstractmethod
    def operation(self, session: Any, *args: Any, **kwargs: Any) -> object:
        """The operation that is measured: a call of the application, nothing else.

        It gets a `Session`. If it is `async def`, it gets an `AsyncSession` and is awaited; so are
        `prepare` and `load`. It consumes its result: a generator or an open cursor is refused.
        """

    def prepare(  # noqa: B027 (most scenarios need nothing)
        self, session: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Write to the database before the operation, on fresh data, in a session of its own."""

    def load(  # noqa: B027
        self, session: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Use the operation's session before the operation does."""

    def make_session(self, engine: Any) -> Any:
        """A session of the application, which `prepare`, `load` and `operation` get.

        By default a `Session`; for `async def`, an `AsyncSession` of an `AsyncEngine`. Return what
        the application's own session maker makes, with its class and options. A `scoped_session`
        is used by name wherever the application uses it.
        """
        if isinstance(engine, Engine):
            return Session(engine)
        from sqlalchemy.ext.asyncio import AsyncSession

        return AsyncSession(engine)

    def arguments(self, n: int) -> Mapping[str, Any]:
        """Other arguments for the n-th repetition (from 1): attributes of this scenario, by name.

        Metrics that repeat the operation use them, such as `track_compiled`; the others use the
        class's own attributes. If every repetition has the same arguments, a statement that is
        compiled anew for each value looks cached.
        """
        return {}

    # --- called by asv ------------------------------------------------------------------------

    def build(self) -> Images:
        """The body of every `setup_cache`: images of the dataset at all scales of this run."""
        verify()
        # asv imports the module of one benchmark here. The scales of all others count as well.
        suite.classes(type(self).__module__.partition(".")[0])
        needed = {
            scenario.scale(values)
            for scenario, values in self.same_dataset()
            if any(scenario.selected(values, metric) for metric in scenario.benchmarks())
        }
        known = dict.fromkeys(s for scenario, _ in self.same_dataset() for s in scenario.scales)
        scales = tuple(scale for scale in known if scale in needed)
        return build_images(self.dataset, scales or self.scales)

    def setup(self, images: Images, *values: Any) -> None:
        verify()
        _set_up[:] = [self]

    def ready(self, images: Images, *values: Any) -> None:
        """Reset the case; the first time, also open the database and warm up."""
        if self._runner is None:
            self._runner = self.runner(images, values)
        self._runner.reset()
        self._performance = self._runner.performance()

    def teardown(self, images: Images, *values: Any) -> None:
        if self._runner is not None:
            self._runner.close()

    def counted(
        self, instrument: Instrument, metric: Metric, images: Images, values: tuple[Any, ...]
    ) -> float:
        """The value of an instrument's metric; n/a, with the reason, if there is none."""
        if instrument.program and options.quick():
            skip(f"`--quick` leaves {metric.name} out: they take too long")
        try:
            return counting.value(metric.name, type(self), images, values)
        except NotImplementedError as missing:
            skip(str(missing))

    # --- cases --------------------------------------------------------------------------------

    @classmethod
    def parameters(cls) -> dict[str, list[Any]]:
        """The values of each parameter, by name. As in asv, `params = [1, 2]` is one parameter."""
        params, names = list(cls.params), [str(name) for name in cls.param_names]
        if params and not isinstance(params[0], (tuple, list)):
            params = [params]
        names = names[: len(params)]
        names += [f"param{number + 1}" for number in range(len(names), len(params))]
        return dict(zip(names, map(list, params), strict=True))

    @classmethod
    def combinations(cls) -> Iterator[tuple[Any, ...]]:
        """The values of all parameters together, in asv's order."""
        return itertools.product(*cls.parameters().values())

    @classmethod
    def benchmarks(cls) -> dict[str, Benchmarked]:
        """Its benchmarks, by name. `measures` tells which of them are run."""
        return FAMILY if cls.family is None else cls.family

    @classmethod
    def measures(cls, metric: str) -> bool:
        """Whether a benchmark of this name is run."""
        few = cls.only_measured or cls.benchmarks()
        return metric in cls.benchmarks() and metric in few and metric not in cls.not_measured

    @classmethod
    def selected(cls, values: tuple[Any, ...], metric: str) -> bool:
        """Whether asv was asked for a benchmark, by the rule that asv itself follows."""
        name = cls.case(values).benchmark(metric)
        return cls.measures(metric) and any(re.search(each, name) for each in options.selection())

    @classmethod
    def case(cls, values: tuple[Any, ...]) -> Case:
        return Case.of(suite.name_of(cls), values)

    @classmethod
    def scale(cls, values: tuple[Any, ...]) -> float:
        return dict(zip(cls.parameters(), values, strict=True)).get("scale", 1)  # type: ignore[no-any-return]

    @classmethod
    def access(cls, values: tuple[Any, ...]) -> str:
        """ "sync" or "asyncio"."""
        if inspect.iscoroutinefunction(cls.operation):
            return "asyncio"
        return dict(zip(cls.parameters(), values, strict=True)).get("access", "sync")  # type: ignore[no-any-return]

    @classmethod
    def same_dataset(cls) -> Iterator[tuple[type[Scenario], tuple[Any, ...]]]:
        """Every combination of every imported scenario with the same dataset."""
        for scenario in _subclasses(Scenario):  # type: ignore[type-abstract]
            if getattr(scenario, "dataset", None) == cls.dataset and not inspect.isabstract(
                scenario
            ):
                yield from ((scenario, values) for values in scenario.combinations())

    @classmethod
    def measured_modules(cls) -> list[LazyModule]:
        """The modules of the commit under test that the methods of this scenario name."""
        found = {}
        for base in cls.__mro__:
            if issubclass(base, Scenario):
                namespace = vars(sys.modules[base.__module__])
                for name in _names_in(base):
                    if isinstance(module := namespace.get(name), LazyModule):
                        found[module.__name__] = module
        return list(found.values())

    @classmethod
    def import_measured(cls) -> set[str]:
        """Import the measured modules; returns the names of their packages."""
        packages = set()
        for module in cls.measured_modules():
            try:
                packages.add(resolve(module).__name__.partition(".")[0])
            except NotImplementedError:
                continue  # reported when the case is set up
        return packages

    # --- performing it ------------------------------------------------------------------------

    def runner(
        self, images: Images, values: tuple[Any, ...], *, deterministic: bool = False
    ) -> Runner:
        """A runner for one case, warmed up. Reset it, then perform.

        A deterministic one is for counting: see `databases.deterministic`.

        Raises `NotImplementedError`, with the reason, if the commit lacks something for it.
        """
        name = chosen().name
        if images.dataset != dataset_name(self.dataset):
            refuse(f"{type(self).__name__} was given the data of {images.dataset}")
        if name not in self.databases:
            raise NotImplementedError(f"{type(self).__name__} says nothing about {name}")
        if not images.fingerprints:
            raise NotImplementedError(images.lacking)
        scale = self.scale(values)
        if scale not in images.fingerprints:
            refuse(f"scale {scale:g} is not among the scales of {self.dataset}")
        kind = chosen(self.access(values), deterministic=deterministic)
        database = kind.open(images.places[scale], images.fingerprints[scale])
        if made := self.application_engine or application.stated().get("engine"):
            database.adopt(application.named(made))
        arguments = [
            value
            for parameter, value in zip(self.parameters(), values, strict=True)
            if parameter not in ("scale", "access")
        ]
        runner = Runner(self, database, tuple(arguments))
        try:
            runner.warm_up(1 if options.quick() else self.warm_ups)
        except TypeError as error:
            if missing := lacking(error, type(self).__module__.partition(".")[0]):
                raise NotImplementedError(missing) from None
            raise
        return runner

    # --- traps of asv closed for every subclass -----------------------------------------------

    def __init_subclass__(cls) -> None:
        """Give the class metrics of its own, whose version depends on its own source.

        asv would hash a metric's function and `setup`, which all scenarios share, and so miss a
        change of the operation. Raises `TypeError` for a dataset without a `setup_cache`.
        """
        super().__init_subclass__()
        if "dataset" in vars(cls) and "setup_cache" not in vars(cls):
            if isinstance(cls.dataset, str):
                raise TypeError(
                    f"{cls.__name__} sets `dataset` and must define `setup_cache` as well"
                )
            cls.setup_cache = setup_cache_of(cls.dataset)  # type: ignore[attr-defined]
        for name in FAMILY.keys() - cls.benchmarks().keys():
            setattr(cls, name, None)
        for name, stated in cls.benchmarks().items():
            metric = stated.make()
            metric.__name__ = name
            metric.__module__ = cls.__module__
            metric.skip_benchmark = not cls.measures(name)
            if not os.environ.get(options.UNVERSIONED):
                metric.pretty_source = source_of(cls)
                metric.version = cls._version(name, stated)
            setattr(cls, name, metric)

    @classmethod
    def _version(cls, name: str, stated: Benchmarked) -> str:
        """The version of a benchmark, from the sources of the scenario and its stated number.

        Other arguments count for the benchmarks that use them.
        """
        bases = [
            base for base in cls.__mro__ if issubclass(base, Scenario) and base is not Scenario
        ]
        modules = [module.__name__ for module in cls.measured_modules()]
        dataset = getattr(cls, "dataset", None)
        modules += [dataset] if isinstance(dataset, str) else []
        sources: Iterable[str] = map(source_of, bases)
        if isinstance(dataset, type):
            sources = [*sources, source_of(dataset)]
        if not stated.repeats:
            sources = (without_method(source, cls.arguments.__name__) for source in sources)
        return of_benchmark([*sources, f"{name} = {stated.version}"], modules)


def setup_cache_of(dataset: type) -> Callable[[Scenario], Images]:
    """A `setup_cache` for the scenarios of a dataset.

    asv distinguishes caches by the module and the line of that function: here, of the dataset.
    """

    def setup_cache(self: Scenario) -> Images:
        return self.build()

    setup_cache.__module__ = dataset.__module__
    setup_cache.__wrapped__ = dataset  # type: ignore[attr-defined]
    return setup_cache


def _subclasses(cls: type[Scenario]) -> list[type[Scenario]]:
    below = cls.__subclasses__()
    return below + [c for child in below for c in _subclasses(child)]


def _names_in(cls: type) -> Iterator[str]:
    """Global names that the functions of a class use."""
    for member in vars(cls).values():
        if isinstance(member, types.FunctionType):
            waiting = [member.__code__]
            while waiting:
                code = waiting.pop()
                yield from code.co_names
                waiting += [each for each in code.co_consts if isinstance(each, types.CodeType)]


# --- the family of metrics ------------------------------------------------------------------------


def time_wall(self: Scenario, images: Images, *values: Any) -> None:
    """Wall time in seconds."""
    self._performance()


def time_cpu(self: Scenario, images: Images, *values: Any) -> None:
    """CPU time of the process in seconds: no waiting, no preemption."""
    self._performance()


def peakmem_process(self: Scenario, images: Images, *values: Any) -> None:
    """The largest size of the whole process in bytes, dataset and libraries included."""
    self._performance()


@dataclasses.dataclass(frozen=True)
class Benchmarked:
    """A benchmark of every scenario: the function that makes it, and its stated version."""

    make: Callable[[], Any]
    version: int = 1
    repeats: bool = False
    """Whether it performs the operation with other arguments each time."""

    @classmethod
    def by_asv(cls, function: Callable[..., Any], **attributes: Any) -> Benchmarked:
        """A metric that asv measures, by calling a function of a scenario that has been set up."""

        def make() -> Any:
            copy: Any = types.FunctionType(
                function.__code__, function.__globals__, function.__name__
            )
            copy.__doc__ = function.__doc__
            copy.__dict__.update({"setup": ready} | attributes)
            return copy

        return cls(make)

    @classmethod
    def by_instrument(cls, instrument: Instrument, metric: Metric) -> Benchmarked:
        """A metric that an instrument counts."""

        def make() -> Any:
            def track(self: Scenario, images: Images, *values: Any) -> float:
                return self.counted(instrument, metric, images, values)

            track.__doc__ = metric.about
            # The first one counts all cases of the dataset, each of which has limits of its own.
            track.__dict__.update(unit=metric.unit, timeout=10 * instrument.timeout)
            return track

        return cls(make, metric.version, instrument.repeats)


FAMILY = {
    "time_wall": Benchmarked.by_asv(time_wall),
    "time_cpu": Benchmarked.by_asv(time_cpu, timer=time.process_time, rounds=1),
    "peakmem_process": Benchmarked.by_asv(peakmem_process),
    **{
        f"track_{metric.name}": Benchmarked.by_instrument(instrument, metric)
        for instrument in INSTRUMENTS
        for metric in instrument.metrics
    },
}
"""The benchmarks of a scenario, by name."""
