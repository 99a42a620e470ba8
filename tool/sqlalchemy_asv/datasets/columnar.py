"""Deterministic datasets: the same seed, scale and version give the same rows everywhere.

A dataset is generated table by table in chunks of `CHUNK` rows (or of the rows of `CHUNK` owners).
Every chunk has a random stream of its own, seeded by its name. So no chunk depends on another, and
memory does not grow with the scale. Values are sampled from pools that Faker makes once.

A chunk is a dictionary of columns. A time is a `datetime`, or seconds since `EPOCH`; money is a
`Decimal`, or whole cents; None is NULL. `Finisher` turns them into rows for a driver.
"""

from __future__ import annotations

import abc
import datetime as dt
import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import Column, Connection, DateTime, Dialect, MetaData, Numeric, Table

from .bulk import DATABASES, bulk_loader

# Imported where they are used: asv's processes import this module, and their size is measured.
if TYPE_CHECKING:
    from faker import Faker

SEED = 20_250_101
CHUNK = 1_000
EPOCH = dt.datetime(2025, 1, 1)
PERIOD = 365 * 24 * 3600
"""Seconds over which the rows of a dataset were created, from `EPOCH` on."""
TIMES = 5_000
"""The number of different times in a dataset."""
SMALLEST_SCALE = 0.01

Columns = Mapping[str, Sequence[Any]]


class ColumnarDataset(abc.ABC):
    """The rows of one domain at any scale.

    A subclass sets `metadata`, and the rows of each table at scale 1 in `standard`. For each table
    it has a method of the table's name, which generates rows from their ids, or their owners' ids.
    """

    name: ClassVar[str]
    metadata: ClassVar[MetaData]
    standard: ClassVar[dict[str, int]]
    """Rows of each table at scale 1, in an order that satisfies foreign keys. Exact, except for
    tables with an owner: there it is an average, which may be lower as duplicates are left out."""
    fixed: ClassVar[frozenset[str]] = frozenset()
    """Tables whose size does not depend on the scale."""
    databases: ClassVar[tuple[str, ...]] = DATABASES
    """The databases that rows can be loaded into."""
    owners: ClassVar[dict[str, str]] = {}
    """The owner's table of tables generated owner by owner (a user's likes, an order's items)."""

    def __init__(self, scale: float = 1, *, seed: int = SEED) -> None:
        """Raises `ValueError` for a scale below 0.01."""
        if not scale >= SMALLEST_SCALE:
            raise ValueError(f"scale {scale} is too small: use {SMALLEST_SCALE} or more")
        self.scale = scale
        self.seed = seed
        self.size = {
            table: count if table in self.fixed else max(1, round(count * scale))
            for table, count in self.standard.items()
        }

    @abc.abstractmethod
    def fake(self, faker: Faker) -> None:
        """Make the pools of values that rows are sampled from."""

    def chunks(self) -> Iterator[tuple[Table, Columns]]:
        """The columns of every table, some rows at a time, in foreign key order."""
        from faker import Faker

        # Two providers instead of all: the setup of all takes as long as half the rows.
        faker = Faker(
            "en_US",
            providers=["faker.providers.person", "faker.providers.lorem"],
            use_weighting=False,
        )
        faker.seed_instance(self.seed)
        self.times = sorted(faker.random.sample(range(PERIOD), TIMES))
        self.fake(faker)
        for name in self.size:
            table = self.metadata.tables[name]
            generate = getattr(self, table.name)
            units = self.size[self.owners.get(name, name)]
            for start in range(1, units + 1, CHUNK):
                ids = range(start, min(start + CHUNK, units + 1))
                columns = generate(ids, self.stream(name, ids))
                if next(iter(columns.values())):
                    yield table, columns

    def stream(self, name: str, ids: range) -> random.Random:
        """The random stream of one chunk, seeded by its name: the same in every process."""
        return random.Random(f"{self.seed}/{self.name}/{name}/{ids.start}")

    def mean(self, table: str) -> float:
        """The average number of a table's rows for each row of the owner's table."""
        return self.standard[table] / self.standard[self.owners[table]]

    def in_order(self, table: str, ids: range, stream: random.Random) -> list[int]:
        """Times at which rows with these ids were created: a later id is not earlier."""
        times, step, uniform = self.times, TIMES / self.size[table], stream.random
        return [times[int((id - uniform()) * step)] for id in ids]

    def build(self, connection: Connection) -> str:
        """Create the tables, load all rows, then create the indexes; returns the fingerprint.

        Commits. Shows a progress bar on a terminal once loading has taken two seconds.
        """
        from tqdm import tqdm

        bulk = bulk_loader(connection)
        bulk.create(self.metadata)
        fingerprint = Fingerprint()
        finish = Finisher(connection.dialect)
        with tqdm(
            total=sum(self.size.values()), desc=self.name, unit="row", delay=2, disable=None
        ) as progress:
            for table, columns in self.chunks():
                rows = finish(table, columns)
                bulk.load(table, list(columns), rows)
                fingerprint.add(table, columns)
                progress.update(len(rows))
        bulk.finish(self.metadata)
        connection.commit()
        return fingerprint.hexdigest()

    def fingerprint(self) -> str:
        """The fingerprint that `build` would return, without a database."""
        fingerprint = Fingerprint()
        for table, columns in self.chunks():
            fingerprint.add(table, columns)
        return fingerprint.hexdigest()


class Fingerprint:
    """A digest of rows: equal for equal content, whatever the database, machine or hash seed."""

    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=16)

    def add(self, table: Table, columns: Columns) -> None:
        for name, values in columns.items():
            self._digest.update(f"{table.name}.{name}{list(values)}".encode())

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


class Finisher:
    """Turns the columns of a chunk into rows for a dialect's driver."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._converted: dict[str, _Converted | None] = {}

    def __call__(self, table: Table, columns: Columns) -> list[tuple[Any, ...]]:
        """Rows of a table. Raises `ValueError` for a value that its column does not take."""
        if unknown := columns.keys() - table.c.keys():
            raise ValueError(f"{table.fullname} has no column {min(unknown)}")
        finished = []
        for name, values in columns.items():
            try:
                finished.append(list(self._finish(table.c[name], values)))
            except Exception as error:
                raise ValueError(f"{table.fullname}.{name}: {error}") from error
        return list(zip(*finished, strict=True))

    def _finish(self, column: Column[Any], values: Sequence[Any]) -> Iterable[Any]:
        kind = repr(column.type)
        if kind not in self._converted:
            convert = self._conversion(column)
            self._converted[kind] = _Converted(convert) if convert else None
        converted = self._converted[kind]
        return values if converted is None else map(converted.of, values)

    def _conversion(self, column: Column[Any]) -> Callable[[Any], Any] | None:
        bind = column.type.dialect_impl(self._dialect).bind_processor(self._dialect)
        value: Callable[[Any], Any] | None = None
        if isinstance(column.type, DateTime):
            value = moment if not column.type.timezone else aware
        elif isinstance(column.type, Numeric):
            value = money
        if value and bind:
            return lambda raw: bind(value(raw))
        return value or bind


class _Converted(dict[Any, Any]):
    """Converted values, by raw value: most are in many rows and are converted once."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        self._convert = convert

    def of(self, value: Any) -> Any:
        """A converted value. One that cannot be a key, such as that of JSON, is converted anew."""
        if isinstance(value, Decimal):  # equal to an int, which is in cents
            return self._convert(value)
        try:
            return self[value]
        except TypeError:
            return self._convert(value)

    def __missing__(self, value: Any) -> Any:
        if len(self) >= 100_000:
            self.clear()
        self[value] = converted = self._convert(value)
        return converted


def moment(value: float | dt.datetime | None) -> dt.datetime | None:
    """A time as it is, or of seconds since `EPOCH`."""
    if value is None or isinstance(value, dt.datetime):
        return value
    return EPOCH + dt.timedelta(seconds=value)


def aware(value: float | dt.datetime | None) -> dt.datetime | None:
    """A time with a zone: UTC, if it has none."""
    found = moment(value)
    return found.replace(tzinfo=dt.UTC) if found is not None and found.tzinfo is None else found


def money(value: int | Decimal | float | None) -> Decimal | float | None:
    """An amount as it is, or of whole cents."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value).scaleb(-2)
    return value


def popular(stream: random.Random, size: int, count: int, exponent: float = 3.0) -> list[int]:
    """`count` ids out of 1 … `size`, sampled with a long tail.

    With exponent e the most popular fraction f of the rows is chosen f**(1/e) of the time: at 3,
    the top 1% gets a fifth and the top 10% nearly half. Multiplying by a prime scatters them, so
    that a popular row may have any id.
    """
    uniform = stream.random
    return [int(size * uniform() ** exponent) * 2_147_483_647 % size + 1 for _ in range(count)]


def several(stream: random.Random, mean: float, most: int) -> int:
    """A random number with a long tail (Pareto, shape 2), from half of `mean` up to `most`."""
    return min(most, int(mean / 2 / (1 - stream.random()) ** 0.5 + stream.random()))


def distinct(stream: random.Random, size: int, mean: float) -> list[int]:
    """Different ids out of 1 … `size`, sorted, popular ones more often: about `mean`, or fewer."""
    wanted = several(stream, mean, max(1, size // 2))
    return sorted(set(popular(stream, size, wanted)))
