"""Datasets that code fills, and columnar ones, with whatever types an application has."""

import datetime as dt
import enum
import importlib
import json
import random
import sys
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import (
    JSON,
    Connection,
    DateTime,
    Enum,
    ForeignKey,
    Numeric,
    String,
    Uuid,
    create_engine,
    event,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy_asv import ColumnarDataset, Dataset, Scenario, counting, options
from sqlalchemy_asv.compare.model import in_common
from sqlalchemy_asv.databases.base import KINDS, build_images, chosen
from sqlalchemy_asv.databases.reading import schema_of
from sqlalchemy_asv.databases.server import Server
from sqlalchemy_asv.datasets import filled
from sqlalchemy_asv.datasets.columnar import Columns, Finisher
from sqlalchemy_asv.instruments import StatementsAndRows
from sqlalchemy_asv.worker.scenarios import Combination, by_dataset

from ..support.servers import need_mariadb


class State(enum.Enum):
    NEW = "new"
    SOLD = "sold"


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "things"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[uuid.UUID] = mapped_column(Uuid)
    state: Mapped[State] = mapped_column(Enum(State, native_enum=True))
    price: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    seen_at: Mapped[dt.datetime | None] = mapped_column(DateTime)
    changed_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    more: Mapped[Any] = mapped_column(JSON)


class Part(Base):
    __tablename__ = "parts"

    id: Mapped[int] = mapped_column(primary_key=True)
    thing_id: Mapped[int] = mapped_column(ForeignKey("things.id"))
    name: Mapped[str] = mapped_column(String(40))


class Things(Dataset):
    metadata: ClassVar[Any] = Base.metadata

    def fill(self, session: Session) -> None:
        for number in range(1, 21):
            session.add(
                Thing(
                    id=number,
                    key=uuid.UUID(int=random.getrandbits(128), version=4),
                    state=self.random.choice([*State]),
                    price=Decimal(number) if number % 2 else None,
                    changed_at=dt.datetime(2025, 1, 1, tzinfo=dt.UTC),
                    more={"number": number, "of": [1, 2]},
                )
            )
        session.flush()
        session.add_all(Part(id=n, thing_id=n, name=f"part {n}") for n in range(1, 21))


class Indexed(Things):
    """The same rows; the schema has an index that no metadata names."""

    @property
    def name(self) -> str:
        return "Things"

    def schema(self, connection: Connection) -> None:
        super().schema(connection)
        connection.execute(text("CREATE INDEX ix_parts_name ON parts (name)"))

    def key(self) -> str:
        return Things(self.scale).key()


class UsesThings(Scenario):
    """Read them."""

    dataset = Things

    def operation(self, session: Session) -> object:
        return [(part.name) for part in session.scalars(select(Part).order_by(Part.id))]


@pytest.fixture(params=KINDS)
def database(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[str]:
    if request.param == "mariadb":
        need_mariadb()
    monkeypatch.setenv("DATABASE", request.param)
    monkeypatch.setenv("SQLALCHEMY_ASV_IMAGES", str(tmp_path / "images"))
    monkeypatch.chdir(tmp_path)
    yield request.param
    kind = chosen()
    if issubclass(kind, Server):
        with kind.admin() as admin:
            for file in (tmp_path / "images").glob("sqlalchemy_asv_t_*.json"):
                kind.clean(admin, file.stem)
                kind.clean(admin, file.stem.replace("_t_", "_r_"))


def test_a_filled_dataset_is_kept_for_each_schema_and_compared_by_its_columns(
    database: str,
) -> None:
    first = build_images(Things, (1,))
    again = build_images(Things, (1,))
    assert first == again
    columns = json.loads(first.fingerprints[1])
    assert {name.partition(".")[0].rpartition(".")[2] for name in columns} == {"things", "parts"}
    # An index is another schema with the same rows.
    other = build_images(Indexed, (1,))
    assert other.places[1] != first.places[1]
    assert in_common(first.fingerprints[1], other.fingerprints[1]) == []


def test_a_scenario_on_a_filled_dataset_runs_and_is_restored(database: str) -> None:
    images = build_images(Things, (1,))
    runner = UsesThings().runner(images, ())
    for _ in range(2):
        runner.reset()
        assert runner.perform() == [f"part {n}" for n in range(1, 21)]
    runner.finish()


def parts(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Part)) or 0


class SeveralSessions(UsesThings):
    """Write, while other sessions, one of them in a thread, look."""

    def operation(self, session: Session) -> object:
        def look() -> None:
            with Session(session.get_bind()) as other:
                seen.append(parts(other))

        seen: list[int] = []
        session.add(Part(id=99, thing_id=1, name="new"))
        session.flush()
        look()
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        session.commit()
        look()
        return seen


def test_several_sessions_mean_on_every_database_what_they_mean_in_production(
    database: str,
) -> None:
    images = build_images(Things, (1,))
    runner = SeveralSessions().runner(images, ())
    runner.warm_up(2)
    assert runner.database.connections == 2
    for _ in range(3):
        runner.reset()
        assert runner.perform() == [20, 20, 21]
    runner.reset()
    statements = runner.record().statements
    assert [each.sql.split()[0] for each in statements] == ["INSERT", *("SELECT",) * 3]
    runner.finish()
    found = counting.job(SeveralSessions, (), images, [StatementsAndRows()])
    (outcome,) = counting.count([found])
    assert outcome.found is not None, outcome
    assert outcome.found["statements"]["statements"] == 4


class Awaited(UsesThings):
    """Statements of Core and of a text, whose results are the driver's cursor."""

    async def operation(self, session: Any) -> Any:
        found = [*await session.execute(select(Part.__table__.c.name).where(Part.id < 3))]
        return [*found, *await session.execute(text("SELECT name FROM parts WHERE id = 3"))]


def test_a_coroutine_executes_core_and_text(database: str) -> None:
    images = build_images(Things, (1,))
    runner = Awaited().runner(images, ())
    runner.reset()
    rows: Any = runner.perform()
    assert len(rows) == 3
    runner.finish()
    (outcome,) = counting.count([counting.job(Awaited, (), images, [StatementsAndRows()])])
    assert outcome.found is not None, outcome
    assert outcome.found["statements"] | {"sql": None} == {
        **outcome.found["statements"],
        "statements": 2,
        "rows": 3,
        "sql": None,
    }


class Columnar(ColumnarDataset):
    name = "things"
    metadata = Base.metadata
    standard = {"things": 20, "parts": 20}

    def fake(self, faker: Any) -> None: ...

    def things(self, ids: range, stream: random.Random) -> Columns:
        return {
            "id": ids,
            "key": [uuid.UUID(int=number) for number in ids],
            "state": [State.SOLD if number % 2 else State.NEW for number in ids],
            "price": [None, Decimal("1.50"), *[150] * (len(ids) - 2)],
            "seen_at": [None, 60, *[dt.datetime(2025, 1, 2)] * (len(ids) - 2)],
            "changed_at": [dt.datetime(2025, 1, 1, tzinfo=dt.UTC)] * len(ids),
            "more": [{"number": number} for number in ids],
        }

    def parts(self, ids: range, stream: random.Random) -> Columns:
        return {"id": ids, "thing_id": ids, "name": [f"part {number}" for number in ids]}


def test_columns_of_every_type_are_loaded(database: str) -> None:
    place, fingerprint = chosen().fill(Columnar())
    with chosen().served(place, fingerprint) as url:
        engine = create_engine(url)
        with Session(engine) as session:
            first, second, third = session.scalars(select(Thing).order_by(Thing.id).limit(3))
            assert (first.price, second.price, third.price) == (
                None,
                Decimal("1.50"),
                Decimal("1.5"),
            )
            assert (first.seen_at, second.seen_at) == (None, dt.datetime(2025, 1, 1, 0, 1))
            assert third.seen_at == dt.datetime(2025, 1, 2)
            assert second.changed_at.replace(tzinfo=None) == dt.datetime(2025, 1, 1)
            assert (first.state, second.state) == (State.SOLD, State.NEW)
            assert (first.more, first.key) == ({"number": 1}, uuid.UUID(int=1))
        engine.dispose()
    kind = chosen()
    if issubclass(kind, Server):
        with kind.admin() as admin:
            kind.clean(admin, place)
            kind.clean(admin, place.replace("_t_", "_r_"))


def test_a_value_that_its_column_does_not_take_is_named() -> None:
    engine = create_engine("sqlite://")
    finish = Finisher(engine.dialect)
    with pytest.raises(ValueError, match=r"^things\.seen_at: unsupported type"):
        finish(Thing.__table__, {"id": [1], "seen_at": ["yesterday"]})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="things has no column nonesuch"):
        finish(Thing.__table__, {"nonesuch": [1]})  # type: ignore[arg-type]


class Empty(Things):
    def fill(self, session: Session) -> None: ...


class Fails(Things):
    def fill(self, session: Session) -> None:
        raise LookupError("no such shelf\nand more")


class Nameless(Things):
    metadata: ClassVar[Any] = ()


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        (Empty, "Empty.fill wrote nothing: 2 tables without a row"),
        (
            Fails,
            r"Fails.fill failed at catalogue/\S+.py:\d+: LookupError: no such shelf",
        ),
        (Nameless, "Nameless has no `metadata`, and settings name none"),
    ],
)
def test_a_dataset_that_cannot_be_filled_says_so_in_one_line(
    dataset: type[Dataset], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=f"^sqlalchemy-asv: refusing to measure: {reason}"):
        build_images(dataset, (1,))
    assert not list(tmp_path.glob("*.sqlite"))


def test_generators_are_seeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = build_images(Things, (1,))
    for file in tmp_path.iterdir():
        file.unlink()
    random.seed(5)
    assert build_images(Things, (1,)) == first


def test_rows_are_counted_while_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "notes"
    monkeypatch.setenv(options.PROGRESS, str(notes))
    monkeypatch.setattr(filled, "EVERY", 0)
    monkeypatch.chdir(tmp_path)
    build_images(Things, (1,))
    # A flush of twenty things, and one of twenty parts.
    assert notes.read_text("utf-8").splitlines() == [
        ".Things: 20 rows written",
        ".Things: 40 rows written",
    ]


class Timed(Things):
    """Rows with the time at which they are made."""

    time = dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)

    def fill(self, session: Session) -> None:
        for number in range(3):
            now = dt.datetime.now(dt.UTC)
            session.add(
                Thing(id=number, key=uuid.uuid4(), state=State.NEW, more={}, changed_at=now)
            )


class UsesTimed(UsesThings):
    dataset = Timed


@pytest.mark.parametrize("package", ["time_machine", "freezegun"])
def test_time_stands_still_while_rows_are_made(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module(package)
    monkeypatch.setitem(
        sys.modules, {"time_machine": "freezegun"}.get(package, "time_machine"), None
    )
    monkeypatch.chdir(tmp_path)
    images = build_images(Timed, (1,))
    assert dt.datetime.now(dt.UTC).year > 2025
    runner = UsesTimed().runner(images, ())
    with Session(runner.database.engine) as session:
        times = {row.replace(tzinfo=None) for row in session.scalars(select(Thing.changed_at))}
    assert times == {dt.datetime(2025, 3, 1, 12)}
    runner.finish()


def test_without_a_package_that_stops_time_one_line_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for package in ("time_machine", "freezegun"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SystemExit, match="needs time-machine or freezegun: name one in"):
        build_images(Timed, (1,))


def test_rows_that_differ_are_named_by_their_columns() -> None:
    base = json.dumps({"a.id": "1", "a.name": "2", "gone.id": "3"})
    head = json.dumps({"a.id": "1", "a.name": "4", "a.new": "5"})
    assert in_common(base, head) == ["a.name"]
    assert in_common(base, base) == []
    assert in_common("abc", "abd") == ["the rows"]


def test_the_schema_counts_as_the_database_has_it() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        Base.metadata.create_all(connection)
        before = schema_of(connection)
        connection.execute(text("CREATE INDEX ix_parts_name ON parts (name)"))
        assert inspect(connection).get_indexes("parts")
        assert schema_of(connection) != before


def refuse_everything(*_: Any) -> None:
    raise RuntimeError("no application but mine writes")


class Spoils(Things):
    """An application that listens to every session, and then fails."""

    def fill(self, session: Session) -> None:
        super().fill(session)
        session.commit()
        event.listen(Session, "before_flush", refuse_everything)
        raise LookupError("and fails")


class UsesSpoilt(UsesThings):
    dataset = Spoils


def test_one_application_neither_changes_nor_takes_down_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cases = [Combination(UsesSpoilt, ()), Combination(UsesThings, ())]
    (spoilt, _), (plain, _) = by_dataset(cases)
    assert spoilt.failed.startswith("Spoils.fill failed at catalogue/test_filled_datasets.py:")
    assert spoilt.failed.endswith(": LookupError: and fails")
    assert plain.failed == ""
    assert plain.places
    # A failure is not kept.
    assert [file.name for file in tmp_path.glob("*.images")] == [f"{__name__}.Things.images"]


class Aside(DeclarativeBase):
    pass


class Entry(Aside):
    """A table in a schema of its own, with a native type."""

    __tablename__ = "entries"
    __table_args__ = {"schema": "aside"}

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[State] = mapped_column(Enum(State, name="aside_state", schema="aside"))


class ColumnarEntries(ColumnarDataset):
    name = "entries"
    metadata = Aside.metadata
    standard = {"aside.entries": 20}

    def fake(self, faker: Any) -> None: ...

    def entries(self, ids: range, stream: random.Random) -> Columns:
        return {"id": ids, "state": [State.NEW] * len(ids)}


class FilledEntries(Dataset):
    metadata: ClassVar[Any] = Aside.metadata

    def fill(self, session: Session) -> None:
        session.add_all(Entry(state=State.NEW) for _ in range(20))


@pytest.mark.parametrize("make", [ColumnarEntries, FilledEntries])
def test_a_second_schema(make: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE", "postgresql")
    monkeypatch.chdir(tmp_path)
    place, fingerprint = chosen().fill(make())
    with chosen().served(place, fingerprint) as url:
        engine = create_engine(url)
        with Session(engine) as session:
            session.add(Entry(state=State.SOLD))  # after the keys of the rows
            session.commit()
            assert len(session.scalars(select(Entry)).all()) == 21
        engine.dispose()
    kind = chosen()
    assert issubclass(kind, Server)
    with kind.admin() as admin:
        kind.clean(admin, place)
        kind.clean(admin, place.replace("_t_", "_r_"))
