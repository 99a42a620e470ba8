"""Applications in their own repositories: from `init` to a verdict, as the document says."""

import contextlib
import functools
import json
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ..support.applications import (
    COMMAND,
    DOCUMENT,
    Application,
    begun,
    commit,
    git,
    regression,
    run,
    write,
)
from ..support.applications.library import LIBRARY
from ..support.applications.shop import SHOP, migration
from ..support.applications.stock import STOCK

APPLICATIONS = {each.name: each for each in (STOCK, SHOP, LIBRARY)}
Made = Callable[[Application, Path], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Copies an application's repository, in which `init` has run once for all tests."""

    @functools.cache
    def begin(name: str) -> Path:
        return begun(APPLICATIONS[name], tmp_path_factory.mktemp(name))

    def copy(application: Application, folder: Path) -> Path:
        return shutil.copytree(begin(application.name), folder / application.name, symlinks=True)

    return copy


def files(root: Path) -> dict[Path, bytes]:
    """The files of a checkout, except for caches."""
    return {
        file.relative_to(root): file.read_bytes()
        for file in root.rglob("*")
        if file.is_file() and not {".asv", ".git", "__pycache__"} & {*file.parts}
    }


CAUSES = {
    "stock": "Shelf.items loaded lazily, object by object: 20 times, not 0",
    "shop": "items (2,000 rows): every row is read now",
    "library": "sent 60 times at library/app.py",
}


@pytest.mark.parametrize("application", APPLICATIONS.values(), ids=APPLICATIONS)
def test_from_init_to_a_verdict(
    application: Application, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "people-use-it.sqlite"
    with contextlib.closing(sqlite3.connect(own)) as connection:
        connection.execute("CREATE TABLE kept (value)")
    content = own.read_bytes()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{own}")
    monkeypatch.setenv("LIBRARY_DATABASE_URL", f"sqlite+aiosqlite:///{own}")
    root = made(application, tmp_path)
    checkout = files(root)
    said = run(
        root, "compare", *regression(application), "--no-instructions", "--time", "none", code=1
    )
    assert CAUSES[application.name] in said
    # Commits that change nothing that is measured.
    said = run(root, "compare", "HEAD~1", "HEAD", "--no-instructions", "--time", "none")
    assert "1 unchanged" in said
    assert files(root) == checkout
    assert own.read_bytes() == content


def test_what_goes_wrong_is_said_in_one_line_and_changes_nothing(
    made: Made, tmp_path: Path
) -> None:
    root = made(SHOP, tmp_path)
    how = ("--no-instructions", "--time", "none")
    conf = root / "asv.conf.json"
    text = conf.read_text(encoding="utf-8")
    write(root / "shop" / "views.py", "import nowhere\n")
    commit(root, "Imports what is not there")
    said = run(root, "compare", "HEAD~1", "HEAD", *how, code=2)
    assert "No module named 'nowhere'" in said
    git(root, "checkout", "--quiet", "HEAD~1", "--", "shop")
    number = len([*(root / "migrations" / "versions").glob("*.py")]) + 1
    write(
        root / "migrations" / "versions" / f"{number:04}_broken.py",
        migration(number, 'op.drop_table("nonesuch")'),
    )
    commit(root, "A migration that fails")
    said = run(root, "compare", "HEAD~2", "HEAD", *how, code=2)
    assert "the migrations of alembic.ini failed: sqlalchemy.exc.OperationalError" in said
    assert "no such table: nonesuch" in said
    # Names that settings have wrong.
    for wrong, reason in (
        ('"shop.models:nonesuch"', "this commit has no shop.models:nonesuch"),
        ('"shop.modles:db"', "this commit has no shop.modles"),
    ):
        without = text.replace('"alembic": "alembic.ini",', "")
        conf.write_text(without.replace('"shop.models:db"', wrong), encoding="utf-8")
        assert reason in run(root, "compare", "HEAD~3", "HEAD~2", *how, code=2)
    conf.write_text(text, encoding="utf-8")


def test_a_run_that_is_killed_leaves_the_checkout_as_it_was(made: Made, tmp_path: Path) -> None:
    root = made(STOCK, tmp_path)
    before, status = files(root), git(root, "status", "--short")
    for seconds in (1, 4):
        command = [COMMAND, "compare", *regression(STOCK), "--fresh"]
        process = subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.kill()
        process.wait()
        assert (files(root), git(root, "status", "--short")) == (before, status)
        assert git(root, "rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_users_of_another_application_as_the_document_shows_them(
    made: Made, tmp_path: Path
) -> None:
    root = made(LIBRARY, tmp_path)
    text = DOCUMENT.read_text(encoding="utf-8").partition("## Your load tests\n")[2]
    found = re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    (root / "locustfile.py").write_text(found[1], encoding="utf-8")
    how = ("--seconds", "4", "--warm-up", "1", "--users", "3", "--json", "figures.json")
    said = run(root, "load", "locustfile.py", "--worktree", *how)
    assert "books" in said
    figures = json.loads((root / "figures.json").read_text("utf-8"))["operations"]["books"]
    assert figures["requests"] > 10
    assert figures["failures"] == 0
    # Waits of greenlets that SQLAlchemy starts for asyncio are waits of the user.
    assert figures["database"] > 0
    # Who waits for something else than the session is told.
    text = found[1].replace("self.perform(app.books)", "self.perform(sleep)")
    text = text.replace("class Reader", SLEEPS + "class Reader")
    (root / "locustfile.py").write_text(text, encoding="utf-8")
    said = run(root, "load", "locustfile.py", "--worktree", *how[:6], code=1)
    assert "awaits something else than its session" in said


SLEEPS = """async def sleep(session):
    import asyncio
    await asyncio.sleep(0)


"""
