"""Whatever was changed in a database of SQLite can be taken back row by row."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from benchmarks.harness.undo import apply, find

SCHEMA = """
    CREATE TABLE people (
        id INTEGER PRIMARY KEY, name TEXT, friend INTEGER REFERENCES people ON DELETE CASCADE
    );
    CREATE TABLE likes (
        person INTEGER REFERENCES people ON DELETE CASCADE, post INTEGER, at REAL,
        PRIMARY KEY (person, post)
    );
    CREATE INDEX of_post ON likes (post);
"""

People = dict[int, tuple[str | None, int | None]]
Likes = dict[tuple[int, int], float | None]
ids = st.integers(1, 6)


@st.composite
def contents(draw: st.DrawFn) -> tuple[People, Likes]:
    names: dict[int, str | None] = draw(st.dictionaries(ids, st.sampled_from([None, "Ann", "Bo"])))
    # Friends with lower numbers, as a row refers to one that was there before.
    people = {
        one: (name, draw(st.none() | st.sampled_from([n for n in names if n <= one])))
        for one, name in names.items()
    }
    some = st.dictionaries(st.tuples(ids, ids), st.sampled_from([None, 0.5, 1.5]))
    return people, {key: at for key, at in draw(some).items() if key[0] in people}


def make(driver: Any, content: tuple[People, Likes]) -> None:
    """Have this content, and leave alone what is as it should be."""
    people, likes = content
    for one, (name, friend) in sorted(people.items()):
        driver.execute(
            "INSERT INTO people VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET name = excluded.name, friend = excluded.friend",
            (one, name, friend),
        )
    for (one, post), at in likes.items():
        driver.execute(
            "INSERT INTO likes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
            (one, post, at),
        )
    for key in driver.execute("SELECT person, post FROM likes").fetchall():
        if key not in likes:
            driver.execute("DELETE FROM likes WHERE person = ? AND post = ?", key)
    for (one,) in driver.execute("SELECT id FROM people ORDER BY id DESC").fetchall():
        if one not in people:
            driver.execute("DELETE FROM people WHERE id = ?", (one,))
    driver.commit()


@given(contents(), contents())
def test_any_change_is_taken_back(
    first: tuple[People, Likes], second: tuple[People, Likes]
) -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    driver: Any = engine.raw_connection().driver_connection
    driver.executescript(SCHEMA)
    driver.execute("PRAGMA foreign_keys = ON")
    make(driver, first)
    before, rows = driver.serialize(), sorted(driver.iterdump())
    make(driver, second)
    changed = sorted(driver.iterdump()) != rows
    undo = find(engine, before)
    assert bool(undo) == changed
    apply(driver, undo)
    assert sorted(driver.iterdump()) == rows
    assert find(engine, before) == []
    assert driver.execute("PRAGMA foreign_key_check").fetchall() == []
    engine.dispose()
