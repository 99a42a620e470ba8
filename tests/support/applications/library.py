"""FastAPI, SQLModel, AsyncSession, asyncpg and aiosqlite; uv.lock and hatchling."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sqlalchemy_asv.environments.installers import uv

from . import Application, Commit

PROJECT = """\
[project]
name = "library"
version = "1.0"
requires-python = ">=3.11"
dependencies = [
    "fastapi>=0.110",
    "sqlmodel>=0.0.22",
    "SQLAlchemy[asyncio]>=2.0.40,<2.1",
    "aiosqlite>=0.20",
]

[project.optional-dependencies]
postgresql = ["asyncpg>=0.29"]

[dependency-groups]
dev = ["httpx>=0.27", "pytest>=8"]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""

DATABASE = """\
import os
from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

engine = create_async_engine(os.environ["LIBRARY_DATABASE_URL"])
make_session = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


async def get_session() -> AsyncIterator[AsyncSession]:
    async with make_session() as session:
        yield session
"""

MODELS = """\
from sqlmodel import Field, Relationship, SQLModel


class Author(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    books: list["Book"] = Relationship(back_populates="author")


class Book(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    author_id: int = Field(foreign_key="author.id", index=True)
    author: Author = Relationship(back_populates="books")
"""

APP = """\
from fastapi import Depends, FastAPI
from sqlalchemy.orm import joinedload
from sqlmodel import select

from .database import get_session
from .models import Author, Book

app = FastAPI()


@app.get("/books")
async def books(session=Depends(get_session)):
    found = await session.exec(select(Book).options(joinedload(Book.author)).order_by(Book.title))
    return [await shown(session, book) for book in found]


async def shown(session, book):
    return {"title": book.title, "author": book.author.name}


@app.get("/authors")
async def authors(session=Depends(get_session)):
    found = await session.exec(select(Author).order_by(Author.name))
    return [await described(session, author) for author in found]


async def described(session, author):
    return {"name": author.name}


@app.post("/authors/{author_id}/books")
async def add(author_id: int, titles: list[str], session=Depends(get_session)):
    for title in titles:
        session.add(Book(title=title, author_id=author_id))
    await session.commit()


@app.get("/search")
async def search(words: str, session=Depends(get_session)):
    found = []
    for word in words.split():
        found += (await session.exec(select(Book.title).where(Book.title == word))).all()
    return found
"""

CONFTEST = """\
import os

os.environ.setdefault("LIBRARY_DATABASE_URL", "sqlite+aiosqlite://")

import httpx
import pytest
from library.app import app
from library.database import get_session
from library.models import Author, Book
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def client(anyio_backend):
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    async with AsyncSession(engine) as session:
        for number in range(3):
            books = [Book(title=f"book {n} of {number}") for n in range(2)]
            session.add(Author(name=f"author {number}", books=books))
        await session.commit()

    async def sessions():
        async with AsyncSession(engine) as session:
            yield session

    app.dependency_overrides[get_session] = sessions
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await engine.dispose()
"""

TESTS = """\
import pytest

pytestmark = pytest.mark.anyio


async def test_books(client):
    assert len((await client.get("/books")).json()) == 6


async def test_authors(client):
    assert len((await client.get("/authors")).json()) == 3


async def test_add(client):
    titles = ["one", "two", "three"]
    assert (await client.post("/authors/1/books", json=titles)).status_code == 200


async def test_search(client):
    assert (await client.get("/search?words=one+two+three")).json() == []
"""


def lock(root: Path) -> None:
    """Write `uv.lock`, as somebody does before a commit."""
    program = uv()
    assert program is not None
    subprocess.run([program, "--quiet", "lock"], cwd=root, check=True)


LIBRARY = Application(
    name="library",
    files={
        "README.md": "# Library\n",
        ".gitignore": "*.pyc\n",
        ".python-version": "",
        "pyproject.toml": PROJECT,
        "src/library/__init__.py": "",
        "src/library/database.py": DATABASE,
        "src/library/models.py": MODELS,
        "src/library/app.py": APP,
        "tests/conftest.py": CONFTEST,
        "tests/test_app.py": TESTS,
    },
    commits=(
        Commit("README: more", (("README.md", "# Library\n", "# Library\n\nBooks.\n"),)),
        Commit("A comment", (("src/library/app.py", "app = ", "# All of it.\napp = "),)),
        Commit(
            "Authors are always fresh",
            (
                (
                    "src/library/app.py",
                    '    return {"title": book.title, "author": book.author.name}',
                    "    author = (await session.exec(select(Author).where(Author.id =="
                    " book.author_id))).one()\n"
                    '    return {"title": book.title, "author": author.name}',
                ),
            ),
        ),
        Commit("README: less", (("README.md", "Books.", "All books."),)),
        Commit("README: again", (("README.md", "All books.", "Books, authors."),)),
        Commit(
            "A docstring",
            (
                (
                    "src/library/models.py",
                    "table=True):\n    id: int | None = Field(default=None, "
                    "primary_key=True)\n    title",
                    'table=True):\n    """A book."""\n\n    id: int | None'
                    " = Field(default=None, primary_key=True)\n    title",
                ),
            ),
        ),
        Commit("README: once more", (("README.md", "Books, authors.", "Books and authors."),)),
        Commit("README: and more", (("README.md", "Books and", "All books and"),)),
        Commit("README: last", (("README.md", "All books", "The books"),)),
    ),
    regression=3,
    heading="FastAPI",
    benchmark="listing.Books",
    prepare=lock,
)
