"""The plugin for pytest: equal counts however a suite is run, and nothing where nobody asks."""

import functools
import gc
import json
import subprocess
import sys
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy_asv.compare.indexes import Index, made
from sqlalchemy_asv.instruments.calls import calls
from sqlalchemy_asv.pytest_plugin.counter import Counter
from sqlalchemy_asv.pytest_plugin.recorder import Recorder

from ..support.subjects import ten_statements

MODELS = """
import pytest
from sqlalchemy import ForeignKey, create_engine, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

class Base(DeclarativeBase): pass

class A(Base):
    __tablename__ = "a"
    id: Mapped[int] = mapped_column(primary_key=True)
    bs: Mapped[list["B"]] = relationship()

class B(Base):
    __tablename__ = "b"
    id: Mapped[int] = mapped_column(primary_key=True)
    a_id: Mapped[int] = mapped_column(ForeignKey("a.id"), index=True)

def fill(session):
    session.add_all(A(bs=[B(), B()]) for _ in range(5))
    session.commit()
    session.expunge_all()

@pytest.fixture
def session():
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        fill(session)
        yield session
    engine.dispose()
"""
SUITE = """
import asyncio
from models import *

@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('db')}/x.sqlite")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        fill(session)
    yield engine
    engine.dispose()

@pytest.fixture
def rolled_back(engine):
    with engine.connect() as connection:
        transaction = connection.begin()
        with Session(connection, join_transaction_mode="rollback_only") as session:
            yield session
        transaction.rollback()

def test_lazy(session):
    assert sum(len(a.bs) for a in session.scalars(select(A))) == 10

def test_commits(session):
    for _ in range(3):
        session.add(A())
        session.commit()

@pytest.mark.parametrize("name", ["a/b", "c::d", "\\u00fc", ""])
def test_parametrised(session, name):
    for _ in range(2):
        session.execute(text("SELECT :name"), {"name": name})

def test_of_a_session_wide_engine(rolled_back):
    rolled_back.add(A())
    rolled_back.commit()
    assert len(rolled_back.scalars(select(A)).all()) == 6

def test_rolled_back(rolled_back):
    assert len(rolled_back.scalars(select(A)).all()) == 5

def test_fails(session):
    session.get(A, 1)
    assert 0, "as always"

@pytest.mark.skip("later")
def test_skipped(session): ...

def test_asynchronous():
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

    async def run():
        engine = create_async_engine("sqlite+aiosqlite://")
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(engine) as session:
            session.add(A())
            await session.commit()
            assert len((await session.scalars(select(A))).all()) == 1
        await engine.dispose()

    asyncio.run(run())

def test_sends_nothing(): ...
"""
MOVES = ("calls", "retained", "types", "reason")


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(models=MODELS, test_suite=SUITE)
    return pytester


def counted(suite: pytest.Pytester, *arguments: str) -> dict[str, dict[str, Any]]:
    """The counts of each test, in a process of its own."""
    options = ("-p", "no:cacheprovider", "--sqlalchemy-counts-file=counts.json", *arguments)
    result = suite.runpytest_subprocess(*options)
    assert result.ret == pytest.ExitCode.TESTS_FAILED, result.outlines
    assert not any("INTERNALERROR" in line for line in result.outlines)
    found = json.loads((suite.path / "counts.json").read_text("utf-8"))["tests"]
    for each in found.values():
        each["sql"] = sorted(each.get("sql", []))
    return {
        title: {name: value for name, value in each.items() if name not in MOVES}
        for title, each in found.items()
    }


def test_counts_are_equal_in_any_order_in_several_processes_and_with_warnings_as_errors(
    suite: pytest.Pytester,
) -> None:
    first = counted(suite)
    short = {title.partition("::")[2]: each for title, each in first.items()}
    assert len(short) == 12
    assert short["test_lazy"]["statements"] == 6
    assert short["test_lazy"]["rows"] == 15
    assert short["test_lazy"]["lazily"] == {"A.bs": 5}
    assert short["test_lazy"]["n_plus_ones"][0]["where"].startswith("test_suite.py:")
    assert short["test_commits"]["commits"] == 3
    assert short["test_fails"]["outcome"] == "failed"
    assert short["test_skipped"]["outcome"] == "skipped"
    assert short["test_asynchronous"]["commits"] == 2
    assert short["test_sends_nothing"]["statements"] == 0
    (twice,) = short["test_parametrised[a/b]"]["twice"]
    assert twice["times"] == 2
    # A session-wide engine has connected before, in whichever test was the first.
    assert short["test_rolled_back"]["statements"] == 1
    assert short["test_rolled_back"]["compiled"] == 1
    for arguments in (
        ("--sqlalchemy-reversed",),
        ("-n", "2"),
        ("-W", "error"),
        ("--sqlalchemy-calls", "--sqlalchemy-retained"),
    ):
        assert counted(suite, *arguments) == first, arguments


def test_the_summary_names_what_is_sent_without_need(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess("-p", "no:cacheprovider", "--sqlalchemy-counts")
    result.stdout.fnmatch_lines(
        [
            "*= SQLAlchemy =*",
            "11 tests sent * statements and fetched * rows",
            "Most statements:",
            "N+1, loaded object by object:",
            "*5 times A.bs at test_suite.py:* in test_suite.py::test_lazy",
            "Sent again with the same parameters:",
            "*2 times SELECT ? at test_suite.py:*",
        ]
    )


def test_a_suite_without_tests(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--sqlalchemy-counts-file=counts.json")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert json.loads((pytester.path / "counts.json").read_text("utf-8"))["tests"] == {}


def test_limits_and_the_fixture_work_without_an_option(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_suite="""
        from models import *

        @pytest.mark.sqlalchemy_limit(statements=2, n_plus_ones=0)
        def test_within(session):
            session.get(A, 1)

        @pytest.mark.sqlalchemy_limit(statements=1)
        def test_beyond(session):
            session.get(A, 1); session.get(A, 2)

        @pytest.mark.sqlalchemy_limit(queries=1)
        def test_misspelt(session): ...

        def test_fixture(session, sqlalchemy_counts):
            assert sqlalchemy_counts.statements == 0
            for number in (1, 2):
                session.get(A, number)
                assert sqlalchemy_counts.statements == number
            (found,) = sqlalchemy_counts.n_plus_ones
            assert (found.loading, found.times) == ("A, by get", 2)
        """
    )
    result = suite.runpytest_subprocess("-p", "no:cacheprovider", "--strict-markers")
    result.assert_outcomes(passed=2, failed=2)
    said = result.stdout.str()
    assert "statements 2, the limit is 1:" in said
    assert "2 times 'SELECT a.id \\nFROM a \\nWHERE a.id = ?' at test_suite.py:" in said
    assert "sqlalchemy_limit takes statements, rows, compiled, n_plus_ones by name" in said


def test_it_leaves_sqlalchemy_as_it_was(suite: pytest.Pytester) -> None:
    before = vars(Dialect)["engine_created"]
    suite.runpytest_inprocess("-p", "no:cacheprovider", "--sqlalchemy-counts")
    assert vars(Dialect)["engine_created"] is before


def test_an_engine_that_is_gone_is_gone() -> None:
    end = Recorder().install()
    try:
        engine = create_engine("sqlite://")
        dialect = weakref.ref(engine.dialect)
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        engine.dispose()
        del engine, connection
        gc.collect()
        assert dialect() is None
    finally:
        end()


def test_a_test_that_is_run_again_has_its_last_outcome() -> None:
    counter = Counter.__new__(Counter)
    counter.tests, counter.schema, counter._progress = {}, [], ""
    crashed: Any = SimpleNamespace(
        nodeid="test_crash", when="???", outcome="failed", longrepr="worker crashed"
    )
    counter.pytest_runtest_logreport(crashed)
    assert counter.tests.pop("test_crash")["reason"] == "worker crashed"
    for outcome in ("rerun", "passed"):
        for when in ("setup", "call", "teardown"):
            report: Any = SimpleNamespace(
                nodeid="test_it",
                when=when,
                outcome=outcome if when == "call" else "passed",
                longrepr="it failed",
                sqlalchemy_counts={"statements": 1},
            )
            counter.pytest_runtest_logreport(report)
    assert counter.tests == {"test_it": {"outcome": "passed", "reason": "", "statements": 1}}


def test_off_it_imports_nothing_and_costs_less_than_a_hundredth(pytester: pytest.Pytester) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, sqlalchemy_asv.pytest_plugin; assert 'sqlalchemy' not in sys.modules",
        ],
        check=False,
    )
    assert done.returncode == 0
    found = []
    for off in ("-p", "no:sqlalchemy-asv"), ():
        options = ("-p", "no:cacheprovider", "-p", "no:xdist", *off)
        run = functools.partial(pytester.runpytest_inprocess, *options)
        totals = []
        for number in (5, 25):
            pytester.makepyfile(test_ten=ten_statements(number))
            run()  # imports, and pytest's own cache of the file
            totals.append(calls(run))
        found.append((totals[1] - totals[0]) / 20)
    without, installed = found
    assert without > 1000
    assert installed < 1.01 * without


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("CREATE INDEX ix ON items (category_id)", Index("items", "category_id", False)),
        ('CREATE UNIQUE INDEX "ix" ON "s"."items" (a, b)', Index("s.items", "a, b", True)),
        ("CREATE INDEX CONCURRENTLY ix ON s.t USING gin (a)", Index("s.t", "a", False)),
        ("CREATE INDEX IF NOT EXISTS ix ON t (lower(a))", Index("t", "lower(a)", False)),
        ("CREATE TABLE t (\n a INTEGER,\n UNIQUE (a, b)\n)", Index("t", "a, b", True)),
    ],
)
def test_indexes_are_known_by_what_they_are_on(text: str, index: Index) -> None:
    found, _, _ = made([(text, "models.py:3 in create")])
    assert found == {index}


def test_an_index_that_is_dropped_again_is_none() -> None:
    statements = [
        ("CREATE TABLE t (a INTEGER)", "1"),
        ("CREATE INDEX one ON t (a)", "2"),
        ("CREATE INDEX two ON t (b)", "3"),
        ("DROP INDEX IF EXISTS one", "migrations/0004.py:9 in upgrade"),
    ]
    found, tables, dropped = made(statements)
    assert found == {Index("t", "b", False)}
    assert tables == {"t"}
    assert dropped == {Index("t", "a", False): "migrations/0004.py:9 in upgrade"}
