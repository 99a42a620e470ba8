"""The base of every scenario: one operation in, the whole family of metrics out.

A scenario is a class of about ten lines: its dataset (from the base of its domain), its parameters,
and the operation. Everything else, clocks, restore, versions, happens here, once.
"""

from __future__ import annotations

import abc
import inspect
import time
import types
from typing import Any, ClassVar

from sqlalchemy.orm import Session

from .commit import lacking
from .counting import Counts, counting
from .database import Images, SQLite, build_images
from .environment import refuse, verify
from .version import source_of, version_of


class Scenario(abc.ABC):
    """An operation of the data layer, measured in several ways.

    asv skips abstract classes. The base of a domain sets `dataset` (the package under `fixtures/`)
    and `scales`, and defines `setup_cache` as `return self.build()`: asv tells caches apart by the
    line on which that function stands, so every dataset needs one of its own.

    A parameter named `scale` chooses the size of the dataset, 1 where there is none; the other
    parameters are passed on to `prepare` and `operation`.
    """

    dataset: ClassVar[str]
    scales: ClassVar[tuple[float, ...]] = (1,)
    params: ClassVar[tuple[Any, ...]] = ()
    param_names: ClassVar[tuple[str, ...]] = ()

    # asv's own settings. With `setup` run before each sample, asv times one operation a sample.
    timeout = 120
    rounds = 2
    repeat = (5, 50, 0.3)
    warmup_time = 0.05

    _database: SQLite | None = None
    _session: Session | None = None
    _arguments: tuple[Any, ...] = ()

    @abc.abstractmethod
    def operation(self, session: Session, *args: Any, **kwargs: Any) -> object:
        """What is measured: a call of the data layer, nothing else."""

    def prepare(  # noqa: B027 (most scenarios need nothing)
        self, session: Session, *args: Any, **kwargs: Any
    ) -> None:
        """What the operation needs and is not measured; before every sample, on fresh data."""

    # --- metrics ------------------------------------------------------------------------------

    def time_wall(self, images: Images, *params: Any) -> None:
        """Wall time in seconds."""
        self.operation(self._session, *self._arguments)  # type: ignore[arg-type]

    def time_cpu(self, images: Images, *params: Any) -> None:
        """CPU time of the process in seconds: no waiting, no preemption."""
        self.operation(self._session, *self._arguments)  # type: ignore[arg-type]

    time_cpu.timer = time.process_time  # type: ignore[attr-defined]

    def peakmem_process(self, images: Images, *params: Any) -> None:
        """The largest size of the whole process in bytes, dataset and libraries included."""
        self.operation(self._session, *self._arguments)  # type: ignore[arg-type]

    def track_statements(self, images: Images, *params: Any) -> int:
        """SQL statements sent to the database."""
        return self._counted().statements

    track_statements.unit = "statements"  # type: ignore[attr-defined]

    def track_rows(self, images: Images, *params: Any) -> int:
        """Rows fetched from the database."""
        return self._counted().rows

    track_rows.unit = "rows"  # type: ignore[attr-defined]

    def _counted(self) -> Counts:
        assert self._database is not None
        with counting(self._database.engine) as counts:
            self.operation(self._session, *self._arguments)  # type: ignore[arg-type]
        return counts

    # --- what asv calls around them -----------------------------------------------------------

    def build(self) -> Images:
        """The body of every `setup_cache`: images of the dataset at all its scales."""
        verify()
        return build_images(self.dataset, self.scales)

    def setup(self, images: Images, *params: Any) -> None:
        """Restore the dataset and open a session; the first time, also warm up."""
        if self._database is None:
            self._begin(images, params)
        self._fresh()

    def teardown(self, images: Images, *params: Any) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _begin(self, images: Images, params: tuple[Any, ...]) -> None:
        verify()
        if images.dataset != self.dataset:
            refuse(f"{type(self).__name__} was given the data of {images.dataset}")
        if not images.fingerprints:
            raise NotImplementedError(f"this commit has no dataset fixtures.{self.dataset}")
        named = dict(zip(self.param_names, params, strict=True))
        scale = named.pop("scale", 1)
        if scale not in images.fingerprints:
            refuse(f"scale {scale:g} is not among the scales of {self.dataset}")
        self._arguments = tuple(named.values())
        self._database = SQLite(images.path(scale).read_bytes())
        try:
            self._fresh()
            self.operation(self._session, *self._arguments)  # type: ignore[arg-type]
        except (AttributeError, TypeError) as error:
            if missing := lacking(error):
                raise NotImplementedError(missing) from None
            raise
        finally:
            self.teardown(images)

    def _fresh(self) -> None:
        assert self._database is not None
        self._database.restore()
        with Session(self._database.engine) as session:
            self.prepare(session, *self._arguments)
        self._session = Session(self._database.engine)

    # --- traps of asv closed for every subclass -----------------------------------------------

    def __init_subclass__(cls) -> None:
        """Give the class metrics of its own, whose version follows its own source.

        asv hashes a metric's function and `setup`, which all scenarios share, so that a change of
        the operation would go unseen. Raises `TypeError` for a dataset without a `setup_cache`.
        """
        super().__init_subclass__()
        if "dataset" in vars(cls) and "setup_cache" not in vars(cls):
            raise TypeError(f"{cls.__name__} sets `dataset` and must define `setup_cache` as well")
        sources = [
            source_of(base)
            for base in cls.__mro__
            if issubclass(base, Scenario) and base is not Scenario
        ]
        for name, metric in inspect.getmembers(cls, inspect.isfunction):
            if not name.startswith(("time_", "peakmem_", "track_")):
                continue
            own = types.FunctionType(metric.__code__, metric.__globals__, name)
            own.__dict__.update(metric.__dict__)
            own.__doc__ = metric.__doc__
            own.__module__ = cls.__module__
            own.version = version_of([inspect.getsource(metric.__code__).lstrip(), *sources])  # type: ignore[attr-defined]
            own.pretty_source = sources[0]  # type: ignore[attr-defined]
            setattr(cls, name, own)


# The site shows a benchmark's source, followed by `setup`; that of the scenario says it all.
Scenario.setup.pretty_source = "# restores the dataset and opens a session: see harness/scenario.py"  # type: ignore[attr-defined]
