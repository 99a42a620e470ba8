"""A package with ranges in its metadata, models in two modules and two binds, scoped sessions."""

from . import Application, Commit

PROJECT = """\
[build-system]
requires = ["setuptools>=68"]
build-backend = "setuptools.build_meta"

[project]
name = "stock"
version = "1.0"
requires-python = ">=3.11"
dependencies = [
    "SQLAlchemy>=2.0.40,<2.1",
    "python-slugify>=8; python_version >= '3.8'",
    "tomli>=2; python_version < '3.11'",
]

[project.optional-dependencies]
postgresql = ["psycopg[binary]>=3.1"]
test = ["pytest>=8"]

[tool.setuptools.packages.find]
where = ["src"]
"""

DATABASE = '''\
"""The session of this process, for one thread after the other."""

from sqlalchemy.orm import scoped_session, sessionmaker

session = scoped_session(sessionmaker(expire_on_commit=False))
'''

BASE = """\
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass
"""

GOODS = '''\
"""What is on the shelves."""

from decimal import Decimal

from sqlalchemy import ForeignKey, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base


class Shelf(Base):
    __tablename__ = "shelves"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    items: Mapped[list["Item"]] = relationship(back_populates="shelf")


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelves.id"), index=True)
    name: Mapped[str] = mapped_column(String(50))
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    shelf: Mapped[Shelf] = relationship(back_populates="items")
'''

PEOPLE = '''\
"""Those who take it from there; in a database of its own."""

import datetime as dt

from sqlalchemy import DateTime, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class People(DeclarativeBase):
    pass


class Clerk(People):
    __tablename__ = "clerks"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    gone: Mapped[dt.datetime | None] = mapped_column(DateTime)
'''

QUERIES = '''\
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from .database import session
from .goods import Item, Shelf


def listing():
    """Every shelf, with the names of its items."""
    shelves = session.scalars(
        select(Shelf).options(selectinload(Shelf.items)).order_by(Shelf.id)
    ).all()
    return [(shelf.name, [item.name for item in shelf.items]) for shelf in shelves]


def cheapest(limit=10):
    """The cheapest items, with their shelves."""
    items = session.scalars(
        select(Item).options(joinedload(Item.shelf)).order_by(Item.price).limit(limit)
    ).all()
    return [(item.name, item.shelf.name) for item in items]
'''

CONFTEST = """\
import pytest
from sqlalchemy import create_engine
from stock import database, models


@pytest.fixture
def session():
    goods, people = create_engine("sqlite://"), create_engine("sqlite://")
    models.Base.metadata.create_all(goods)
    models.People.metadata.create_all(people)
    database.session.configure(binds={models.Base: goods, models.People: people})
    for number in range(3):
        items = [models.goods.Item(name=f"item {n}", price=n) for n in range(2)]
        database.session.add(models.goods.Shelf(name=f"shelf {number}", items=items))
    database.session.commit()
    database.session.remove()
    yield database.session
    database.session.remove()
"""

TESTS = """\
import pytest
from sqlalchemy import insert
from stock import models, queries


def test_listing(session):
    assert len(queries.listing()) == 3


@pytest.mark.parametrize("limit", [1, 4])
def test_cheapest(session, limit):
    assert len(queries.cheapest(limit)) == limit


def test_hire(session):
    session.add(models.people.Clerk(name="Kim"))
    session.commit()


def test_many(session):
    clerks = [models.people.Clerk(name=f"clerk {n}") for n in range(30)]
    session.add_all(clerks)
    session.commit()


def test_core(session):
    rows = [{"name": f"shelf {n}"} for n in range(5)]
    session.scalars(insert(models.goods.Shelf).returning(models.goods.Shelf.id), rows).all()
"""

STOCK = Application(
    name="stock",
    files={
        "README.md": "# Stock\n",
        ".gitignore": "*.pyc\n",
        "pyproject.toml": PROJECT,
        "src/stock/__init__.py": "",
        "src/stock/base.py": BASE,
        "src/stock/database.py": DATABASE,
        "src/stock/goods.py": GOODS,
        "src/stock/people.py": PEOPLE,
        "src/stock/models.py": (
            "from . import goods, people\nfrom .base import Base\nfrom .people import People\n"
        ),
        "src/stock/queries.py": QUERIES,
        "tests/conftest.py": CONFTEST,
        "tests/test_queries.py": TESTS,
    },
    commits=(
        Commit("README: more", (("README.md", "# Stock\n", "# Stock\n\nShelves and items.\n"),)),
        Commit(
            "Names are stripped",
            (("src/stock/queries.py", "item.name, item.shelf", "item.name.strip(), item.shelf"),),
        ),
        Commit("Version 1.1", (("pyproject.toml", 'version = "1.0"', 'version = "1.1"'),)),
        Commit(
            "A docstring",
            (
                (
                    "src/stock/goods.py",
                    "class Shelf(Base):",
                    'class Shelf(Base):\n    """A shelf."""\n',
                ),
            ),
        ),
        Commit(
            "Tidy up the listing",
            (
                (
                    "src/stock/queries.py",
                    "    shelves = session.scalars(\n"
                    "        select(Shelf).options(selectinload(Shelf.items)).order_by(Shelf.id)\n"
                    "    ).all()\n",
                    "    shelves = session.scalars(select(Shelf).order_by(Shelf.id))\n",
                ),
            ),
        ),
        Commit("README: less", (("README.md", "Shelves and items.", "Shelves."),)),
        Commit(
            "The default limit is a name",
            (
                (
                    "src/stock/queries.py",
                    "def cheapest(limit=10)",
                    "TEN = 10\n\n\ndef cheapest(limit=TEN)",
                ),
            ),
        ),
        Commit("Version 1.2", (("pyproject.toml", 'version = "1.1"', 'version = "1.2"'),)),
        Commit("README: once more", (("README.md", "Shelves.", "Shelves, items."),)),
    ),
    regression=5,
    heading="A package with sessions of its own",
    benchmark="listing.Listing",
)
