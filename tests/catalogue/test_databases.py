"""The catalogue on every database: the same results, the same start of every sample."""

import contextlib
import datetime as dt
import enum
import importlib
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    NullPool,
    Table,
    Text,
    create_engine,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy_asv import Scenario, options
from sqlalchemy_asv.asv_ext import settings
from sqlalchemy_asv.compare.metrics import LEAST, MATTERS
from sqlalchemy_asv.databases.base import KINDS, Images, build_images, chosen
from sqlalchemy_asv.databases.server import PREFIX, Server, ddl
from sqlalchemy_asv.environments import servers as servers_of_tool
from sqlalchemy_asv.instruments import Calls, StatementsAndRows
from sqlalchemy_asv.instruments.memory import Allocated
from sqlalchemy_asv.instruments.retained import Retained
from sqlalchemy_asv.profiler.causes import Plans
from sqlalchemy_asv.profiler.plans import Plan, plan_of
from sqlalchemy_asv.profiler.statements import Query, query_profile
from sqlalchemy_asv.statements.recording import recording
from sqlalchemy_asv.statements.replay import check, replay

from fixtures.social import operations
from fixtures.social.models import User

from ..support.counting import Job, found
from ..support.scenarios import ECOMMERCE, SOCIAL, scenarios
from ..support.servers import Available, OwnMariaDB, need_mariadb, own_postgresql

SERVERS = ("postgresql", "mariadb")
SMALL = (0.01, 1)
ONE_FOR_MANY: set[tuple[str, tuple[Any, ...]]] = {
    ("ecommerce.CreateOrder", ()),
    ("abstraction_levels.Write", ("ORM entities",)),
    ("model_operations.InsertUnitOfWork", (10,)),
    ("model_operations.InsertUnitOfWork", (100,)),
}
"""Cases in which a flush needs the keys of several new rows. SQLAlchemy asks SQLite for them row by
row, and the other databases in one statement (docs/databases.md)."""


@pytest.fixture(scope="session")
def images(
    servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Images]:
    """Every dataset on every database, as a run of asv makes them."""
    found = Available()
    with pytest.MonkeyPatch.context() as patch:
        for name, url in servers.items():
            patch.setenv(name, url)
        patch.chdir(tmp_path_factory.mktemp("images"))
        for database, dataset in itertools.product(KINDS, (SOCIAL, ECOMMERCE)):
            if database == "mariadb" and "MARIADB_URL" not in servers:
                continue
            patch.setenv("DATABASE", database)
            made = build_images(dataset, SMALL)
            places = {scale: str(Path(place).absolute()) for scale, place in made.places.items()}
            if database == "sqlite":
                made = Images(dataset, made.fingerprints, places)
            found[database, dataset] = made
    return found


def server(database: str, monkeypatch: pytest.MonkeyPatch) -> type[Server]:
    """The class of a database on a server, which is the chosen one from now on."""
    monkeypatch.setenv("DATABASE", database)
    kind = chosen()
    assert issubclass(kind, Server)
    return kind


def soon(holds: Callable[[], bool]) -> bool:
    """Whether something holds within half a minute.

    A server ends a session, and frees its locks, some time after the connection was closed.
    """
    end = time.monotonic() + 30
    while not (found := holds()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def plain(value: Any) -> Any:
    """The result of an operation, as values that can be compared between databases."""
    if isinstance(value, DeclarativeBase):
        mapper = inspect(type(value))
        row = {c.key: plain(value.__dict__.get(c.key)) for c in mapper.column_attrs}
        return type(value).__name__, row
    if isinstance(value, Decimal):
        return value.quantize(Decimal("0.01"))
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    assert value is None or isinstance(value, (int, str, dt.datetime, enum.Enum)), type(value)
    return value


def tables(engine: Engine) -> list[Table]:
    found = MetaData()
    found.reflect(engine, only=lambda name, _: not name.startswith(PREFIX))
    return found.sorted_tables


def contents(engine: Engine, tables: list[Table]) -> dict[str, set[Any]]:
    """All rows of a database, as its driver has them."""
    found = {}
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        for table in tables:
            cursor.execute(str(select(table).compile(engine)))
            found[table.name] = set(map(tuple, cursor.fetchall()))
        cursor.close()
    return found


def combinations(scenario: type[Scenario]) -> list[tuple[Any, ...]]:
    """Two combinations that a test can afford: not scale 10, and not the largest results."""
    affordable = [
        values
        for values in scenario.combinations()
        if scenario.scale(values) in SMALL and not {1_000, 10_000} & {*values[-1:]}
    ]
    return affordable[:: max(1, len(affordable) - 1)]  # the first and the last


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda s: f"{s.__module__}.{s.__name__}")
def test_a_scenario_returns_the_same_and_sends_as_much_on_every_database(
    scenario: type[Scenario],
    images: dict[tuple[str, str], Images],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Start-up uses no server; and some scenarios lend their operation to a metric of their own.
    if scenario.databases == ("sqlite",) or scenario.family is not None:
        return
    monkeypatch.setenv(options.QUICK, "1")
    for params in combinations(scenario):
        seen, statements = {}, {}
        for database in scenario.databases:
            monkeypatch.setenv("DATABASE", database)
            runner = scenario().runner(images[database, scenario.dataset], params)
            try:
                runner.reset()
                with recording(runner.database.engine) as tape:
                    seen[database] = plain(runner.perform())
                statements[database] = len(tape.statements)
            finally:
                runner.finish()
        for database in seen:
            assert seen[database] == seen["sqlite"], database
        if "mariadb" not in statements:
            continue
        assert statements["postgresql"] == statements["mariadb"]
        name = f"{scenario.__module__.partition('.')[2]}.{scenario.__name__}"
        if (name, params) not in ONE_FOR_MANY:
            assert statements["sqlite"] == statements["mariadb"]
        else:
            assert statements["sqlite"] > statements["mariadb"]


@pytest.mark.parametrize("access", ["sync", "asyncio"])
@pytest.mark.parametrize("database", KINDS)
def test_the_last_sample_of_a_write_meets_the_rows_of_the_first(
    database: str,
    access: str,
    images: dict[tuple[str, str], Images],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE", database)
    writing = (
        ["RegisterUser", "ProcessOrder"]
        if access == "asyncio"
        else [
            "InsertUnitOfWork",
            "FlushDirty",
            "DeletePost",
            "Unlike",
            "EditReview",
            "PublishDiscussion",
        ]
    )
    for scenario in scenarios():
        if scenario.__name__ not in writing or ("access" in scenario.parameters()) != (
            access == "asyncio"
        ):
            continue
        params = (access,) if access == "asyncio" else combinations(scenario)[-1]
        runner = scenario().runner(images[database, scenario.dataset], params)
        try:
            runner.reset()
            used, engine = runner.database, runner.database.engine
            found = used.run(tables, engine)
            first = used.run(contents, engine, found)
            results = []
            for _ in range(2):
                runner.reset()
                results.append(plain(runner.perform()))  # keys included
                # Also without an operation in between.
                runner.reset()
                runner.reset()
            assert results[0] == results[1]
            runner.perform()
            runner.close()
            assert used.run(contents, engine, found) != first
            runner.reset()
            runner.close()
            assert used.run(contents, engine, found) == first
        finally:
            runner.finish()


@pytest.mark.parametrize("database", KINDS)
def test_a_write_is_replayed_by_its_driver(
    database: str,
    images: dict[tuple[str, str], Images],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE", database)
    (scenario,) = (s for s in scenarios() if s.__name__ == "EditReview")
    runner = scenario().runner(images[database, scenario.dataset], ())
    try:
        runner.reset()
        tape = runner.record()
        assert tape.statements
        # Twice: the database is as it was before each.
        for _ in range(2):
            check(tape, replay(runner.driver(), tape))
    finally:
        runner.finish()


@pytest.mark.parametrize("database", SERVERS)
def test_nothing_but_templates_is_left_on_a_server(
    database: str, images: dict[tuple[str, str], Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = server(database, monkeypatch)
    with kind.admin() as admin:
        abandoned, used = kind.new_name(), kind.new_name()
        kind.create(admin, abandoned)
        kind.create(admin, used)
        with kind.admin() as alive:
            kind.lock(alive, used)
            kind.clean(admin)
            left = {name for name in kind.databases(admin) if name.startswith(f"{PREFIX}_w_")}
            assert left == {used}

        def cleaned() -> bool:
            kind.clean(admin)
            return not [name for name in kind.databases(admin) if name.startswith(f"{PREFIX}_w_")]

        assert soon(cleaned)


@pytest.mark.parametrize("database", SERVERS)
def test_nobody_drops_what_others_use_or_have_made(
    database: str, images: dict[tuple[str, str], Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = server(database, monkeypatch)
    foreign = [
        f"{PREFIX}_mine",
        f"{PREFIX}_my-data",
        f"{PREFIX}_t_notes",
        f"{PREFIX}_w_ABCDEF012345",
    ]
    of_images = images[database, SOCIAL]
    reader = kind.open(of_images.places[1], of_images.fingerprints[1])
    # Its URL names another database, as another person's may.
    variable = kind.variable
    own = os.environ[variable]
    url = make_url(own).set(database=foreign[1])
    with kind.admin() as admin:
        for name in foreign:
            kind.create(admin, name)
        try:
            monkeypatch.setenv(variable, url.render_as_string(hide_password=False))
            with kind.admin() as other:
                kept = kind.clean(other, f"{PREFIX}_t_{of_images.places[1].rpartition('_')[2]}")
                assert kept == {of_images.places[1]: "somebody works on it"}
                assert kind.clean(other, f"{PREFIX}_m") == {}
                assert kind.clean(other, f"{PREFIX}_t_n") == {}
                assert kind.clean(other, f"{PREFIX}_w_A") == {}
            with reader.engine.connect() as connection:
                assert connection.scalar(select(User.id).limit(1))
        finally:
            reader.close()
            monkeypatch.setenv(variable, own)
            for name in foreign:
                kind.drop(admin, name)
        with kind.admin() as other:
            lock = kind.lock_of(of_images.places[1])
            assert soon(lambda: kind.lock(other, lock))  # the reader has gone


@pytest.mark.parametrize("database", SERVERS)
def test_two_users_of_a_server_have_datasets_of_their_own(
    database: str, servers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = server(database, monkeypatch)
    with kind.admin() as admin:
        if database == "postgresql":
            admin.execute(text("DROP ROLE IF EXISTS asv_other"))
            admin.execute(text("CREATE ROLE asv_other LOGIN CREATEDB"))
        else:
            # A server has an anonymous user of its own machine, who would be found first.
            for user in ("asv_other", "asv_other@localhost"):
                admin.execute(text(f"CREATE OR REPLACE USER {user}"))
                admin.execute(text(f"GRANT ALL ON `sqlalchemy\\_asv\\_%`.* TO {user}"))
        first = build_images(SOCIAL, (0.01,))
        variable = kind.variable
        url = make_url(servers[variable])._replace(username="asv_other", database=None)
        monkeypatch.setenv(variable, url.render_as_string(hide_password=False))
        second = build_images(SOCIAL, (0.01,))
        place = second.places[0.01]
        assert second.fingerprints == first.fingerprints
        assert place != first.places[0.01]
        opened = kind.open(place, second.fingerprints[0.01])
        opened.close()
        with kind.admin() as other:
            # On MariaDB this user may drop the other's as well, which other tests need.
            found: dict[str, str] = {}

            def dropped() -> bool:
                found.update(kind.clean(other, f"{PREFIX}_" if database == "postgresql" else place))
                return found[place] == ""

            assert soon(dropped)
            if database == "postgresql":
                assert (
                    found[first.places[0.01]] == "must be owner of database " + first.places[0.01]
                )
        if database == "postgresql":
            admin.execute(text("DROP ROLE asv_other"))
        else:
            admin.execute(text("DROP USER asv_other, asv_other@localhost"))


def test_only_a_complete_copy_is_taken_over(
    images: dict[tuple[str, str], Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    need_mariadb()
    kind = server("mariadb", monkeypatch)
    place, fingerprint = (
        getattr(images["mariadb", SOCIAL], name)[0.01] for name in ("places", "fingerprints")
    )
    half = kind.new_name(place.removeprefix(f"{PREFIX}_t_"))
    with kind.admin() as admin:
        kind.create(admin, half)  # and then its process was killed
        opened = kind.open(place, fingerprint)
        assert isinstance(opened, kind)
        opened.take_own()
        assert opened.own != half
        assert half not in kind.databases(admin)
        with opened.engine.connect() as connection:
            assert connection.scalar(select(User.id).limit(1))
        opened.close()


class Odd(DeclarativeBase):
    pass


for number, odd in enumerate(("order", "group", "with space", "with-dash", 'quo"te`s', "Ünïcode")):
    type(
        f"Odd{number}",
        (Odd,),
        {
            "__tablename__": odd,
            "id": Column("key", Integer, primary_key=True),
            "value": Column("select", Text),
        },
    )


class OddNames:
    """Tables and columns whose names must be quoted."""

    name = "odd"
    databases = KINDS
    metadata = Odd.metadata

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def fingerprint(self) -> str:
        return "0dd"

    def build(self, connection: Connection) -> str:
        self.metadata.create_all(connection)
        for table in self.metadata.sorted_tables:
            connection.execute(table.insert(), [{"select": "x"}] * 3)
        connection.commit()
        return "0dd"


@pytest.mark.parametrize("database", KINDS)
def test_names_may_be_odd(
    database: str, servers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database == "mariadb":
        need_mariadb()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE", database)
    kind = chosen()
    opened = kind.open(*kind.fill(OddNames(1)))
    try:
        if isinstance(opened, Server):
            opened.take_own()
        for _ in range(2):
            opened.restore()
            with Session(opened.engine) as session:
                for table in Odd.metadata.sorted_tables:
                    assert len(session.execute(select(table)).all()) == 3
                    session.execute(table.insert().values({"select": "y"}))
                    session.execute(table.delete().where(table.c.key == 1))
                session.commit()
            opened.learn()
            with query_profile(opened.engine) as profile, opened.engine.connect() as connection:
                connection.execute(select(Odd.metadata.tables["order"])).all()
            with opened.engine.connect() as connection:
                plan = plan_of(connection, profile.queries[-1])
            assert isinstance(plan, Plan), plan
    finally:
        opened.close()


def test_a_server_that_accepts_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlalchemy_asv.environments.servers.ANSWER", 2)
    conf = settings.load("asv.conf.json")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MARIADB_URL", f"mariadb://root@127.0.0.1:{silent.getsockname()[1]}/x")
        with pytest.raises(SystemExit) as said:
            servers_of_tool.prepare(conf, "mariadb")
    assert said.value.code == 2


@pytest.mark.parametrize("database", SERVERS)
def test_a_dataset_is_loaded_once(
    database: str, images: dict[tuple[str, str], Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE", database)
    kind = chosen()
    monkeypatch.setattr(kind, "load", lambda *_: pytest.fail("loaded again"))
    assert build_images(SOCIAL, SMALL) == images[database, SOCIAL]


@pytest.mark.parametrize("database", SERVERS)
def test_a_dataset_of_another_fingerprint_is_refused(
    database: str, images: dict[tuple[str, str], Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE", database)
    place = images[database, SOCIAL].places[1]
    with pytest.raises(SystemExit, match=f"{database} holds a dataset with fingerprint"):
        chosen().open(place, "0" * 32)


# --- what is wrong, in one line -------------------------------------------------------------------


def test_databases_are_known_by_the_same_names() -> None:
    assert tuple(KINDS) == options.DATABASES
    for name, variable in options.SERVERS.items():
        kind: Any = importlib.import_module(KINDS[name][0], "sqlalchemy_asv.databases")
        assert getattr(kind, KINDS[name][1]).variable == variable


def test_an_unknown_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE", "oracle")
    with pytest.raises(SystemExit, match="there is no database 'oracle': DATABASE takes sqlite, "):
        chosen()


@pytest.mark.parametrize("database", SERVERS)
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (None, "_URL is not set: "),
        ("no url", "_URL is no URL such as"),
        ("x://somebody:s3cret@127.0.0.1:1/hidden", "failed: "),
    ],
)
def test_a_server_that_is_not_there(
    database: str, url: str | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE", database)
    variable = f"{database.upper()}_URL"
    if url is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, url)
    with pytest.raises(SystemExit) as refusal:
        chosen().check()
    message = str(refusal.value)
    assert reason in message
    assert "\n" not in message
    if url is not None:
        for secret in ("somebody", "s3cret", "hidden", "127.0.0.1"):
            assert secret not in message


@pytest.mark.parametrize("database", SERVERS)
def test_a_wrong_password(
    database: str, servers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = server(database, monkeypatch)
    variable = kind.variable
    if database == "mariadb":
        with kind.admin() as admin:
            admin.execute(text("CREATE OR REPLACE USER somebody IDENTIFIED BY 'right'"))
        url = make_url(servers[variable]).set(username="somebody", password="wr0ng")
        monkeypatch.setenv(variable, url.render_as_string(hide_password=False))
        with pytest.raises(SystemExit, match=r"mariadb failed: .*Access denied for user …") as said:
            kind.check()
    else:
        with own_postgresql() as given:
            monkeypatch.setenv(variable, given)
            with kind.admin() as admin:
                admin.execute(text("CREATE ROLE somebody LOGIN SUPERUSER PASSWORD 'right'"))
                rules = admin.scalar(text("SHOW hba_file"))
                Path(str(rules)).write_text(
                    "local all somebody scram-sha-256\nlocal all all trust\n"
                )
                admin.execute(text("SELECT pg_reload_conf()"))
            url = make_url(given).set(username="somebody", password="wr0ng")
            monkeypatch.setenv(variable, url.render_as_string(hide_password=False))
            for _ in range(50):
                # Until the server has read its rules again.
                with contextlib.suppress(SystemExit):
                    kind.check()
                    time.sleep(0.1)
                    continue
                break
            with pytest.raises(
                SystemExit, match='postgresql failed: password authentication failed for user "…"'
            ) as said:
                kind.check()
    for secret in ("somebody", "wr0ng", "right"):
        assert secret not in str(said.value)


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid():
        pytest.skip("needs root, to make a disk that is soon full")
    kind = server("postgresql", monkeypatch)
    with own_postgresql() as given, tempfile.TemporaryDirectory() as disk:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=True)
        try:
            shutil.chown(disk, "pgserver")
            monkeypatch.setenv("POSTGRESQL_URL", given)
            with kind.admin() as admin:
                admin.execute(ddl(admin, f"CREATE TABLESPACE small LOCATION '{disk}'"))
                admin.execute(text("ALTER ROLE postgres SET default_tablespace = small"))
            with pytest.raises(SystemExit, match=r"failed: could not .*: No space left on device"):
                build_images(SOCIAL, (1,))
            with kind.admin() as admin:
                assert not [n for n in kind.databases(admin) if n.startswith(PREFIX)]
        finally:
            subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_under_mariadb(monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid():
        pytest.skip("needs root, to make a disk that is soon full")
    need_mariadb()
    monkeypatch.setenv("DATABASE", "mariadb")
    with tempfile.TemporaryDirectory() as disk:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", disk], check=True)
        try:
            with monkeypatch.context() as patch:
                patch.setattr(tempfile, "tempdir", disk)
                own = OwnMariaDB("--innodb-log-file-size=8M", f"--tmpdir={disk}")
            monkeypatch.setenv("MARIADB_URL", own.url)
            left = os.statvfs(disk)
            filler = Path(disk, "filler")
            filler.write_bytes(bytes(left.f_bavail * left.f_bsize - 6_000_000))
            with pytest.raises(SystemExit, match=r"failed: .*The table '.*' is full"):
                build_images(SOCIAL, (1,))
            filler.unlink()
            kind = chosen()
            assert issubclass(kind, Server)
            with kind.admin() as admin:
                assert not [n for n in kind.databases(admin) if n.startswith(PREFIX)]
            own.stop()
        finally:
            subprocess.run(["umount", "-l", disk], check=True)


def test_a_server_that_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE", "postgresql")
    scenario = next(s for s in scenarios() if s.__name__ == "CreateUser")
    with own_postgresql() as given:
        monkeypatch.setenv("POSTGRESQL_URL", given)
        runner = scenario().runner(build_images(SOCIAL, (1,)), ())
        runner.reset()
    with pytest.raises(SystemExit, match=r"postgresql failed: .*; see POSTGRESQL_URL") as said:
        runner.perform()
    assert "\n" not in str(said.value)


# --- plans ------------------------------------------------------------------------------------


@pytest.mark.parametrize("database", KINDS)
def test_a_dropped_index_shows_as_a_full_scan(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database == "mariadb":
        need_mariadb()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE", database)
    # Large enough that an index is worth it.
    images = build_images(SOCIAL, (1,))
    with chosen().served(images.places[1], images.fingerprints[1]) as url:
        engine = create_engine(url, poolclass=NullPool)

        def scanned() -> set[str]:
            with query_profile(engine) as profile, Session(engine) as session:
                operations.active_users_with_threads(session)
            with engine.connect() as connection:
                plans = [plan_of(connection, query) for query in profile.queries]
            # The first finds the users; for so many authors a database may well read all of them.
            (first, *_) = plans
            for plan in plans:
                assert isinstance(plan, Plan)
                assert plan.lines
                assert plan.steps
            assert isinstance(first, Plan)
            return set(first.full_scans)

        assert "users" not in scanned()
        (index,) = User.__table__.indexes  # type: ignore[attr-defined]
        with engine.begin() as connection:
            index.drop(connection)
        assert "users" in scanned()


MANY, FEW = 20_000, 100
DRIVERS = {
    "postgresql": ("POSTGRESQL_URL", "postgresql+psycopg"),
    "mariadb": ("MARIADB_URL", "mysql+pymysql"),
}


@pytest.fixture(params=KINDS)
def two_tables(
    request: pytest.FixtureRequest, servers: dict[str, str], tmp_path: Path
) -> Iterator[Connection]:
    """A table of 20,000 rows, a lookup table of 100, and one whose name is a keyword."""
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path}/plans.db", poolclass=NullPool)
    else:
        variable, scheme = DRIVERS[request.param]
        url = make_url(servers[variable]).set(drivername=scheme)
        engine = create_engine(url, poolclass=NullPool)
    metadata = MetaData()
    Table(
        "asv_big",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("kind", Integer, index=True),
        Column("value", Integer),
    )
    Table("asv_small", metadata, Column("id", Integer, primary_key=True), Column("name", Text))
    with engine.begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
        big, small = (metadata.tables[name] for name in ("asv_big", "asv_small"))
        rows = [{"id": n, "kind": n % FEW, "value": n % 977} for n in range(1, MANY + 1)]
        connection.execute(big.insert(), rows)
        connection.execute(small.insert(), [{"id": n, "name": "x"} for n in range(1, FEW + 1)])
    if request.param != "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in ("asv_big", "asv_small"):
                word = "ANALYZE TABLE" if request.param == "mariadb" else "ANALYZE"
                connection.exec_driver_sql(f"{word} {name}")
    with engine.connect() as connection:
        yield connection
    with engine.begin() as connection:
        metadata.drop_all(connection)


@pytest.mark.parametrize(
    ("statement", "whole", "steps"),
    [
        # Stops after 100 rows.
        ("SELECT id FROM asv_big ORDER BY id LIMIT 100", [], (10, 2_000)),
        ("SELECT id FROM asv_big WHERE value = -1", ["asv_big"], (MANY, None)),
        ("SELECT b.id FROM asv_big AS b WHERE b.value = -1", ["asv_big"], (MANY, None)),
        (
            "SELECT a.id FROM asv_big AS a LEFT OUTER JOIN asv_big AS b"
            " ON b.value = a.id + 9999 WHERE a.id = 1",
            ["asv_big"],
            (MANY, None),
        ),
        ("SELECT count(value) AS asv_big FROM asv_big", ["asv_big"], (MANY, None)),
        (
            "SELECT id, kind, value, id, kind, value, id, kind FROM asv_big LIMIT 100",
            [],
            (10, None),
        ),
        ("SELECT name FROM asv_small", ["asv_small"], (FEW, 2_000)),
        ("UPDATE asv_big SET value = 0 WHERE value = -1", ["asv_big"], (MANY, None)),
        ("DELETE FROM asv_big WHERE id = 7", [], (0, 500)),
        ("INSERT INTO asv_small (id, name) VALUES (1000, 'y')", None, None),
        # A temporary table over 20,000 rows.
        (
            "SELECT anon_1.k FROM (SELECT value AS k, count(*) AS n FROM asv_big GROUP BY value)"
            " AS anon_1 WHERE anon_1.n > 1000",
            ["asv_big"],
            (MANY, None),
        ),
        (
            "WITH asv_cte AS (SELECT id FROM asv_small) SELECT asv_cte.id FROM asv_cte",
            ["asv_small"],
            (FEW, 2_000),
        ),
    ],
)
def test_rows_that_are_read_decide_whether_a_scan_is_one(
    two_tables: Connection,
    statement: str,
    whole: list[str] | None,
    steps: tuple[int, int | None] | None,
) -> None:
    before = two_tables.scalar(text("SELECT sum(value) FROM asv_big"))
    two_tables.rollback()
    plan = plan_of(two_tables, Query(statement, (), "", None))
    if whole is None or steps is None:
        assert plan == "it inserts values, and reads no table"
        return
    assert isinstance(plan, Plan), plan
    assert sorted(plan.full_scans) == whole
    assert plan.steps is not None
    assert steps[0] <= plan.steps
    assert steps[1] is None or plan.steps <= steps[1]
    # Whatever was executed again was rolled back.
    assert two_tables.scalar(text("SELECT sum(value) FROM asv_big")) == before


@pytest.mark.parametrize("case", [("HomeFeed", "selectin"), ("AddComment",)])
@pytest.mark.parametrize("database", SERVERS)
def test_counts_on_a_server_are_equal_in_every_process(
    database: str,
    case: tuple[str, ...],
    servers: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A driver that reads when the server happens to answer would make other calls each time."""
    variable, _ = DRIVERS[database]
    monkeypatch.setenv(variable, servers[variable])
    monkeypatch.setenv(options.DATABASE, database)
    monkeypatch.chdir(tmp_path)
    job = Job(*case)(
        *(StatementsAndRows(), Calls(), Allocated(), Plans(), Retained()),
        images=build_images(SOCIAL, (1,)),
    )
    first, *others = (found(job) for _ in range(3))
    assert first["calls"]["calls"] > 100
    # Restoring the database leaves nothing either.
    assert first["retained"]["retained"] == first["retained"]["retained_bytes"] == 0
    assert first["plans"]["database steps"] > 0 or case[0] != "HomeFeed"
    peak = first.pop("allocated")["allocated"]
    for other in others:
        # Some bytes depend on when the server answered: fewer than a verdict needs.
        least = max(LEAST["allocated"], MATTERS["allocated"] * peak)
        assert abs(other.pop("allocated")["allocated"] - peak) < least
        assert other == first
