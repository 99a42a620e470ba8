"""Flask, Flask-SQLAlchemy, Alembic and factory_boy, no package; an index by a migration."""

from . import Application, Commit

APP = """\
import os

from flask import Flask

from .models import db
from .views import views


def create_app(config=None):
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ.get("DATABASE_URL", "sqlite:///shop.db")
    app.config.update(config or {})
    db.init_app(app)
    app.register_blueprint(views)
    return app
"""

MODELS = """\
import datetime as dt

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey, String, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

db = SQLAlchemy()


class Category(db.Model):
    __tablename__ = "categories"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))


class Item(db.Model):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"))
    name: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(default="")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    category: Mapped[Category] = relationship()
"""

VIEWS = """\
from flask import Blueprint, jsonify, render_template_string
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from .models import Category, Item, db

views = Blueprint("views", __name__)
PAGE = "{% for item in items %}{{ item.name }}: {{ item.category.name }}. {% endfor %}"


@views.get("/categories/<int:category_id>")
def items_of(category_id):
    items = db.session.scalars(
        select(Item).where(Item.category_id == category_id).order_by(Item.id)
    )
    return jsonify([{"id": item.id, "name": item.name} for item in items])


@views.get("/items")
def items():
    found = db.session.scalars(
        select(Item).options(joinedload(Item.category)).order_by(Item.id)
    )
    return render_template_string(PAGE, items=found)


@views.get("/categories")
def categories():
    found = db.session.scalars(select(Category).order_by(Category.id))
    return jsonify([category.name for category in found])


@views.post("/categories/<int:category_id>/<name>")
def rename(category_id, name):
    for item in db.session.scalars(select(Item).where(Item.category_id == category_id)):
        item.name = f"{name} {item.id}"
    db.session.commit()
    return "", 204


@views.get("/search/<word>")
def search(word):
    found = []
    for part in word.split("+"):
        found += db.session.scalars(select(Item.name).where(Item.name == part))
    return jsonify(found)
"""

CONFTEST = """\
import pytest
from alembic import command
from alembic.config import Config
from shop import create_app
from shop.factories import CategoryFactory, ItemFactory
from shop.models import db


@pytest.fixture
def client(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    monkeypatch.setenv("DATABASE_URL", url)
    command.upgrade(Config("alembic.ini"), "head")
    app = create_app({"TESTING": True})
    with app.app_context():
        for factory in (CategoryFactory, ItemFactory):
            factory._meta.sqlalchemy_session = db.session
        for category in CategoryFactory.create_batch(3):
            ItemFactory.create_batch(2, category=category)
        db.session.commit()
        db.session.remove()
    with app.test_client() as client:
        yield client
"""

TESTS = """\
import pytest


@pytest.mark.parametrize("category", [1, 2])
def test_items_of_a_category(client, category):
    assert len(client.get(f"/categories/{category}").json) == 2


def test_items(client):
    assert client.get("/items").text.count(":") == 6


def test_categories(client):
    assert len(client.get("/categories").json) == 3


def test_rename(client):
    assert client.post("/categories/1/new").status_code == 204
    assert client.get("/categories/1").json[0]["name"] == "new 1"


def test_search(client):
    assert client.get("/search/one+two+three").json == []


def test_nothing():
    assert 1 + 1 == 2
"""

FACTORIES = """\
import factory
from factory.alchemy import SQLAlchemyModelFactory

from .models import Category, Item


class CategoryFactory(SQLAlchemyModelFactory):
    class Meta:
        model = Category

    name = factory.Faker("word")


class ItemFactory(SQLAlchemyModelFactory):
    class Meta:
        model = Item

    name = factory.Faker("sentence", nb_words=3)
    category = factory.SubFactory(CategoryFactory)
"""

INI = """\
[alembic]
script_location = migrations
"""

ENV = """\
import os

from alembic import context
from sqlalchemy import create_engine

from shop.models import db

engine = create_engine(os.environ["DATABASE_URL"])
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=db.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""


def migration(number: int, upgrade: str) -> str:
    before = f'"{number - 1:04}"' if number > 1 else "None"
    body = "".join(f"    {line}\n" for line in upgrade.splitlines())
    return (
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        f'revision = "{number:04}"\ndown_revision = {before}\n\n\n'
        f"def upgrade():\n{body}\n\ndef downgrade():\n    raise NotImplementedError\n"
    )


TABLES = """\
op.create_table(
    "categories",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
)
op.create_table(
    "items",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("category_id", sa.Integer, sa.ForeignKey("categories.id"), nullable=False),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("created_at", sa.DateTime, server_default=sa.func.now(), nullable=False),
)
op.create_index("ix_items_category", "items", ["category_id", "created_at"])
"""

DESCRIPTION = """\
op.add_column("items", sa.Column("description", sa.Text, server_default="", nullable=False))
"""

NEWEST = """\
# The front page shows the newest of all categories.
op.drop_index("ix_items_category", "items")
op.create_index("ix_items_created", "items", ["created_at"])
"""

SHOP = Application(
    name="shop",
    files={
        "README.md": "# Shop\n",
        ".gitignore": "*.pyc\n__pycache__/\n",
        "requirements.txt": (
            "Flask>=3.0\nFlask-SQLAlchemy>=3.1\nalembic>=1.13\nfactory_boy>=3.3\n"
            "SQLAlchemy>=2.0.40,<2.1\n"
        ),
        "shop/__init__.py": APP,
        "shop/models.py": MODELS.replace(
            '    description: Mapped[str] = mapped_column(default="")\n', ""
        ),
        "shop/views.py": VIEWS,
        "shop/factories.py": FACTORIES,
        "requirements-dev.txt": "-r requirements.txt\npytest>=8\n",
        "tests/conftest.py": CONFTEST,
        "tests/test_views.py": TESTS,
        "alembic.ini": INI,
        "migrations/env.py": ENV,
        "migrations/versions/0001_tables.py": migration(1, TABLES),
    },
    commits=(
        Commit("README: more", (("README.md", "# Shop\n", "# Shop\n\nItems by category.\n"),)),
        Commit(
            "Items have a description",
            (
                (
                    "shop/models.py",
                    "    created_at:",
                    '    description: Mapped[str] = mapped_column(default="")\n    created_at:',
                ),
            ),
            {"migrations/versions/0002_description.py": migration(2, DESCRIPTION)},
        ),
        Commit("A comment", (("shop/views.py", "views = ", "# All pages.\nviews = "),)),
        Commit(
            "An index for the newest items",
            (),
            {"migrations/versions/0003_newest.py": migration(3, NEWEST)},
        ),
        Commit("README: less", (("README.md", "Items by category.", "Items."),)),
        Commit(
            "psycopg, for PostgreSQL",
            (("requirements.txt", "alembic", "psycopg[binary]>=3.1\nalembic"),),
        ),
        Commit("README: again", (("README.md", "Items.", "Items and categories."),)),
        Commit("A newer Flask", (("requirements.txt", "Flask>=3.0\n", "Flask>=3.1\n"),)),
        Commit("README: last", (("README.md", "Items and", "All items and"),)),
    ),
    regression=4,
    heading="Flask",
    benchmark="listing.ItemsOfACategory",
)
