"""An application's own tests, compared between commits and between versions of packages."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ..support.applications import commit, git, regression, run, write
from ..support.applications.library import LIBRARY
from ..support.applications.shop import SHOP, migration
from ..support.applications.stock import STOCK

DOCUMENT = Path(__file__).parents[2] / "docs" / "your-tests.md"
AGAIN = "running all tests once more"


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The three applications, without settings, each made once: environments take a while."""
    folder = tmp_path_factory.mktemp("applications")
    return {each.name: each.make(folder) for each in (STOCK, SHOP, LIBRARY)}


def compared(root: Path, *arguments: str, code: int) -> tuple[dict[str, Any], str]:
    """What the command says of each test that is not unchanged, and all that it prints."""
    said = run(root, *arguments, "--json", "found.json", code=code)
    file = root / "found.json"
    found = json.loads(file.read_text("utf-8"))
    file.unlink()
    return {each["title"]: each for each in found["compared"] if each["word"] != "unchanged"}, said


def test_identical_commits_get_no_verdict(repositories: Mapping[str, Path]) -> None:
    root = repositories["stock"]
    found, said = compared(root, "compare", "--tests", "HEAD~1", "HEAD", code=0)
    assert found == {}
    assert AGAIN not in said
    assert git(root, "status", "--short") == ""


def test_the_regression_is_found_by_the_tests_that_there_are(
    repositories: Mapping[str, Path],
) -> None:
    base, head = regression(STOCK)
    found, said = compared(repositories["stock"], "compare", "--tests", base, head, code=1)
    assert [*found] == ["tests/test_queries.py::test_listing"]
    assert AGAIN in said
    (listing,) = found.values()
    assert listing["word"] == "worse"
    assert "Shelf.items loaded lazily, object by object: 3 times, not 0" in listing["causes"]
    assert "sent 3 times at stock/queries.py:" in said
    # The document shows it as it is.
    shown = DOCUMENT.read_text("utf-8").partition("```\nverdict")[2].partition("```")[0]
    for line in filter(None, f"verdict{shown}".splitlines()):
        assert line in said.splitlines()


def replaced(root: Path, name: str, *changes: tuple[str, str]) -> None:
    text = (root / name).read_text("utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    write(root / name, text)


def test_what_is_put_into_a_flask_application_is_found_with_its_reason(
    repositories: Mapping[str, Path],
) -> None:
    root = repositories["shop"]
    replaced(
        root,
        "shop/views.py",
        ("select(Item).options(joinedload(Item.category))", "select(Item)"),
        (
            "[category.name for category in found]",
            "[[category.name, len(db.session.scalars(select(Item.id)"
            ".where(Item.category_id == category.id)).all())] for category in found]",
        ),
        (
            '        item.name = f"{name} {item.id}"\n    db.session.commit()',
            '        item.name = f"{name} {item.id}"\n        db.session.commit()',
        ),
        ("where(Item.name == part)", "where(text(f\"name = '{part}'\"))"),
        ("import select\n", "import select, text\n"),
    )
    dropped = migration(4, 'op.drop_index("ix_items_created", "items")')
    write(root / "migrations/versions/0004_fewer.py", dropped)
    # Not committed: the working tree is what is compared.
    found, said = compared(root, "compare", "--tests", "--worktree", code=1)
    why = {title: "\n".join(each["causes"]) for title, each in found.items()}
    views = "tests/test_views.py::"
    assert (
        "Item.category loaded lazily, object by object: 3 times, not 0" in why[f"{views}test_items"]
    )
    assert "in categories" in why[f"{views}test_categories"]
    assert "sent 3 times at shop/views.py" in why[f"{views}test_categories"]
    assert "committed 2 times, not 1" in why[f"{views}test_rename"]
    changes = {each["metric"] for each in found[f"{views}test_search"]["changes"]}
    assert "compiled" in changes
    assert "at shop/views.py" in why[f"{views}test_search"]
    schema = why["the schema that the tests make"]
    assert "index on items (created_at) is not made any more" in schema
    assert "dropped at" in schema
    assert "0004_fewer.py" in schema
    assert {each["word"] for each in found.values()} == {"worse"}, said
    git(root, "checkout", "--quiet", ".")
    git(root, "clean", "--force", "--quiet", "migrations")


def test_what_is_put_into_an_asynchronous_application_is_found_with_its_reason(
    repositories: Mapping[str, Path],
) -> None:
    root = repositories["library"]
    # Where books still come with their authors.
    git(root, "checkout", "--quiet", regression(LIBRARY)[0])
    replaced(
        root,
        "src/library/app.py",
        ("select(Book).options(joinedload(Book.author))", "select(Book)"),
        (
            '    return {"title": book',
            '    await session.refresh(book, ["author"])\n    return {"title": book',
        ),
        (
            '    return {"name": author.name}',
            "    books = await session.exec(select(Book).where(Book.author_id == author.id))\n"
            '    return {"name": author.name, "books": len(books.all())}',
        ),
        (
            "author_id=author_id))\n    await session.commit()",
            "author_id=author_id))\n        await session.commit()",
        ),
        ("where(Book.title == word)", "where(text(f\"title = '{word}'\"))"),
        ("from sqlalchemy.orm", "from sqlalchemy import text\nfrom sqlalchemy.orm"),
    )
    replaced(root, "src/library/models.py", ('"author.id", index=True', '"author.id"'))
    commit(root, "Everything at once")
    found, said = compared(root, "compare", "--tests", "HEAD~1", "HEAD", code=1)
    why = {title: "\n".join(each["causes"]) for title, each in found.items()}
    app = "tests/test_app.py::"
    assert "at library/app.py" in why[f"{app}test_books"]
    assert "in shown" in why[f"{app}test_books"]
    assert "sent 3 times at library/app.py" in why[f"{app}test_authors"]
    assert "in described" in why[f"{app}test_authors"]
    assert "committed 3 times, not 1" in why[f"{app}test_add"]
    assert "compiled" in {each["metric"] for each in found[f"{app}test_search"]["changes"]}
    schema = why["the schema that the tests make"]
    assert "index on book (author_id) is not made any more" in schema
    assert "test_books" in schema
    assert {each["word"] for each in found.values()} <= {"worse", "trade-off"}, said
    git(root, "checkout", "--quiet", "main")


DRIFTING = """

SEEN = []


def test_first(session):
    SEEN.append(1)


def test_drifts(session):
    for _ in range(2 + len(SEEN)):
        queries.cheapest(1)


def test_never(session):
    assert 0, "as always"
"""


def test_tests_that_are_new_gone_skipped_failing_or_drifting_get_no_other_verdict(
    repositories: Mapping[str, Path],
) -> None:
    root = repositories["stock"]
    tests = "tests/test_queries.py"
    write(root / tests, (root / tests).read_text("utf-8") + DRIFTING)
    commit(root, "Tests that are no good")
    replaced(
        root,
        tests,
        ("def test_hire(session):\n", "def test_hire(session):\n    raise LookupError('early')\n"),
        ("def test_core(", "@pytest.mark.skip('later')\ndef test_core("),
        ("def test_many(", "def test_lots("),
        ("range(2 +", "range(4 +"),
    )
    commit(root, "Worse tests")
    found, said = compared(root, "compare", "--tests", "HEAD~1", "HEAD", code=3)
    git(root, "reset", "--quiet", "--hard", "HEAD~2")
    words = {title.partition("::")[2]: each["word"] for title, each in found.items()}
    assert words == {
        "test_hire": "failed at head",
        "test_core": "only at base",
        "test_many": "only at base",
        "test_lots": "only at head",
        "test_drifts": "unstable",
    }
    assert "fails at head: LookupError: early" in said
    assert "skipped at head" in said
    assert f"fails on both sides, not compared: {tests}::test_never: AssertionError: as alw" in said
    assert "statements at base 3, then 2, statements at head 5, then 4" in said


def test_tests_that_cannot_be_run_are_one_line(repositories: Mapping[str, Path]) -> None:
    root = repositories["stock"]
    ends = ("compare", "--tests", "HEAD~1", "HEAD", "--")
    for arguments, reason in (
        ((*ends, "-k", "nonesuch"), "there are no tests in"),
        ((*ends, "--nonesuch"), "unrecognized arguments: --nonesuch"),
        (("upgrade", "flask==3.0.0", "flask==3.1.0"), "does not depend on flask"),
    ):
        said = run(root, *arguments, code=2)
        assert reason in said.splitlines()[-1], said


@pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="SQLAlchemy before 2.0.31 needs Python 3.12 or earlier"
)
def test_an_upgrade_is_told_by_the_tests_that_it_changes(repositories: Mapping[str, Path]) -> None:
    root = repositories["stock"]
    many = "tests/test_queries.py::test_many"
    versions = ("sqlalchemy==2.0.9", "sqlalchemy==2.0.10")
    found, said = compared(root, "upgrade", *versions, "--html", "page.html", code=1)
    # Since 2.0.10, rows whose keys SQLite gives are inserted one by one.
    assert [*found] == [many]
    changes = {each["metric"]: (each["base"], each["head"]) for each in found[many]["changes"]}
    assert changes["statements"] == (1, 30)
    assert "statement new, sent 30 times at test_queries.py:" in said
    assert "SQLAlchemy is compiled on both sides" in said
    shown = DOCUMENT.read_text("utf-8").partition("## An upgrade")[2]
    assert f"\n{next(line for line in said.splitlines() if line.startswith('worse'))}\n" in shown
    page = (root / "page.html").read_text("utf-8")
    assert "sqlalchemy 2.0.9" in page
    assert many in page
    ends = ("sqlalchemy==2.0.9", "sqlalchemy==2.0.11")
    said = run(root, "upgrade", *ends, "--bisect", many)
    assert "worse: database worse since sqlalchemy 2.0.10; sqlalchemy 2.0.9 is as" in said
    (root / "page.html").unlink()


def test_an_upgrade_lists_what_differs_and_nothing_else(repositories: Mapping[str, Path]) -> None:
    root = repositories["stock"]
    write(
        root / "tests/test_old.py",
        "import warnings\n\n\ndef test_warns():\n    import sqlalchemy\n"
        "    if sqlalchemy.__version__.startswith('2.1'):\n"
        "        warnings.warn('this goes away', DeprecationWarning, stacklevel=1)\n",
    )
    versions = ("sqlalchemy==2.0.58", "sqlalchemy==2.1.0")
    found, said = compared(root, "upgrade", *versions, "--worktree", code=0)
    # Columns of lazy loads lost their labels.
    assert {title: each["word"] for title, each in found.items()} == {
        "tests/test_queries.py::test_listing": "other statements"
    }
    assert "`AS items_id` removed" in said
    assert "new warning, once, at tests/test_old.py:7: DeprecationWarning: this goes away" in said
    (root / "tests/test_old.py").unlink()
