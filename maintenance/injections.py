"""Changes that hurt: each is worse in one dimension, and has a cause that is known."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Injection:
    """A change of known effect on one scenario."""

    name: str
    scenario: str
    file: str
    """Below `fixtures/`."""
    old: str
    new: str
    cause: str
    """A regular expression that one of the causes must fit."""
    dimension: str = "database"
    """The dimension in which it is worse."""


OPERATIONS = "social/operations.py"
FEED = "social.HomeFeed('selectin')"
LOOP = "    for post in posts:\n        _ = post.author.name\n        for comment in post.comments:"
FULL = "    return list(session.scalars(select(User).order_by(User.id).limit(limit)))"
SEARCH = (
    "    return list(\n        session.scalars(\n"
    "            select(Post)\n            .where(found)"
)
LIMIT = (
    "            .limit(limit)\n            .options(\n"
    "                load_path(loading, Post.author),"
)
SLOWER = "5% more wall time in a loop without calls"


def in_the_feed(statement: str) -> tuple[str, str, str]:
    """One more statement in the feed, after it has found its posts."""
    return OPERATIONS, LOOP, f"    {statement}\n{LOOP}"


INJECTIONS = (
    Injection(
        "one extra statement",
        FEED,
        *in_the_feed("_ = session.scalar(select(User.name).where(User.id == user_id))"),
        cause=r"statement new, sent once at fixtures/social/operations\.py:.*: SELECT users\.name",
    ),
    Injection(
        "an eager load turned lazy",
        FEED,
        OPERATIONS,
        "                load_path(loading, Post.author),\n                load_path",
        "                load_path",
        cause=r"Post\.author loaded lazily, object by object: \d+ times, not 0",
    ),
    Injection(
        "a dropped index",
        FEED,
        "social/models.py",
        'post_id: Mapped[int] = mapped_column(ForeignKey("posts.id"), index=True)',
        'post_id: Mapped[int] = mapped_column(ForeignKey("posts.id"))',
        cause=r"comments \(10,000 rows\): every row is read now",
    ),
    Injection(
        "0.5% more instructions",
        FEED,
        *in_the_feed("for _ in range(360):\n        pass"),
        cause=r"bytecode instructions: fixtures/social/operations\.py home_feed",
        dimension="processor",
    ),
    Injection(
        "two extra calls per row",
        FEED,
        OPERATIONS,
        LOOP,
        LOOP.replace("        for", "        _ = (lambda: post)(), (lambda: post)()\n        for"),
        cause=r"\+20 calls: fixtures/social/operations\.py <lambda>, from .* home_feed",
        dimension="processor",
    ),
    Injection(
        "10% more allocation",
        FEED,
        *in_the_feed("_ = bytes(40_000)"),
        cause=r"bytes at the peak: fixtures/social/operations\.py `_ = bytes\(",
        dimension="memory",
    ),
    Injection(
        SLOWER,
        FEED,
        *in_the_feed("for _ in range(6_800):\n        pass"),
        cause=r"bytecode instructions: fixtures/social/operations\.py home_feed",
        dimension="processor",
    ),
    Injection(
        "a literal that defeats the cache",
        FEED,
        *in_the_feed(
            "from sqlalchemy import literal_column\n"
            "    key = literal_column(f'{user_id}')\n"
            "    _ = session.scalar(select(User.name).where(User.id == key))"
        ),
        cause=r"compiled in each repetition, another text in each repetition: '\d+', then '\d+'",
    ),
    Injection(
        "a list that keeps every result",
        FEED,
        *in_the_feed("home_feed.kept = [*getattr(home_feed, 'kept', []), posts]"),
        cause=r"left behind by the repetitions: .*\d+ Post\b",
        dimension="memory",
    ),
    Injection(
        "a reference cycle",
        FEED,
        *in_the_feed("cycle = {'posts': posts}\n    cycle['itself'] = cycle"),
        cause=r"only the garbage collector frees, of a repetition: .*\d+ Post\b",
        dimension="memory",
    ),
    Injection(
        "a commit per row",
        "model_operations.InsertUnitOfWork(100)",
        "social/techniques.py",
        "    session.add_all([User(**row) for row in rows])\n    session.commit()",
        "    for row in rows:\n        session.add(User(**row))\n        session.commit()",
        cause=r"committed 100 times, not 1",
    ),
    Injection(
        "expired objects, read after a commit",
        FEED,
        *in_the_feed("session.commit()"),
        cause=r"refreshed at fixtures/social/operations\.py:\d+ in home_feed, expired by commit at",
    ),
    Injection(
        "a query per row that was a constant",
        "query_operations.FullEntities(rows)",
        "social/techniques.py",
        FULL,
        FULL.replace("return", "users =")
        + "\n    for user in users:"
        + "\n        session.scalar(select(User.id).where(User.id == user.id))"
        + "\n    return users",
        cause=r"statements were constant, are linear: 2, 11, 101, 1,001 at 1, 10, 100, 1,000",
        dimension="growth",
    ),
    Injection(
        "an accidental quadratic loop",
        "query_operations.FullEntities(rows)",
        "social/techniques.py",
        FULL,
        FULL.replace("    return", "    users =")
        + "\n    return [u for u in users if [o.id for o in users]]",
        cause=r"calls were linear, are quadratic",
        dimension="growth",
    ),
    Injection(
        "a pattern that moved into the text",
        "query_operations.SearchPosts(1)",
        OPERATIONS,
        SEARCH,
        "    from sqlalchemy import text\n"
        "    found = text(f\"posts.title LIKE '%{words}%' OR posts.body LIKE '%{words}%'\")\n"
        + SEARCH,
        cause=r"compiled in each repetition, another text in each repetition: .*%\w+%",
    ),
    Injection(
        "yield_per removed",
        "large_results.YieldPer(1000)",
        "social/techniques.py",
        "session.scalars(likes(limit).execution_options(yield_per=100))\n    return sum",
        "session.scalars(likes(limit)).all()\n    return sum",
        cause=r"\+[\d,]+ bytes at the peak: ",
        dimension="memory",
    ),
    Injection(
        "a larger limit",
        FEED,
        OPERATIONS,
        LIMIT,
        LIMIT.replace("limit(limit)", "limit(limit * 10)"),
        cause=r"LIMIT 20 → 200 at fixtures/social/operations\.py:\d+ in home_feed",
    ),
    Injection(
        "a further join",
        "query_operations.PostsTagged",
        OPERATIONS,
        "            .join(Post.tags)\n",
        "            .join(Post.tags)\n            .join(Post.author)\n",
        cause=r"statement changed.*`JOIN users .*` added",
        dimension="processor",
    ),
    Injection(
        "an order that needs a sort",
        "query_operations.FullEntities(1000)",
        "social/techniques.py",
        FULL,
        FULL.replace("order_by(User.id)", "order_by(User.name)"),
        cause=r"statement changed.*`users\.id` → `users\.name`",
    ),
    Injection(
        "an index that a function defeats",
        "query_operations.CountPosts",
        "social/techniques.py",
        "where(Post.author_id == author_id)\n    return session.scalar",
        "where(Post.author_id + 0 == author_id)\n    return session.scalar",
        cause=r"posts \(5,000 rows\): every row is read now",
    ),
    Injection(
        "a loop of get",
        FEED,
        *in_the_feed("_ = [session.get(Tag, post.id % 100 + 1) for post in posts]"),
        cause=r"Tag, by get loaded one by one: \d+ times, not 0",
    ),
    Injection(
        "a search in a list for each of its elements",
        FEED,
        *in_the_feed(
            "seen = []\n    for n in range(900):\n"
            "        if n not in seen:\n            seen.append(n)"
        ),
        cause=r"at fixtures/social/operations\.py `if n not in seen:`",
        dimension="processor",
    ),
    Injection(
        "a flush for each row",
        "model_operations.InsertUnitOfWork(100)",
        "social/techniques.py",
        "    session.add_all([User(**row) for row in rows])\n    session.commit()",
        "    for row in rows:\n        session.add(User(**row))\n        session.flush()\n"
        "    session.commit()",
        # SQLite gets a statement for each row anyway, and now returns no rows.
        cause=r"\+100 calls: sqlalchemy/orm/session\.py flush, from fixtures/social/techniques\.py",
        dimension="processor",
    ),
    Injection(
        "a hook for each object",
        FEED,
        OPERATIONS,
        "class NotFound(LookupError):",
        "from sqlalchemy import event\n\n\n@event.listens_for(Post, 'load')\n"
        "def hide_deleted(target, context):\n    return None\n\n\nclass NotFound(LookupError):",
        cause=r"\+20 calls: fixtures/social/operations\.py hide_deleted",
        dimension="processor",
    ),
    Injection(
        "an element without a cache key",
        FEED,
        *in_the_feed(
            "from sqlalchemy.ext.compiler import compiles\n"
            "    from sqlalchemy.sql.expression import ColumnElement\n\n"
            "    class Seven(ColumnElement):\n        pass\n\n"
            "    compiles(Seven)(lambda *_, **__: '7')\n"
            "    _ = session.scalar(select(User.name).where(User.id == Seven()))"
        ),
        cause=r"compiled in each repetition, not cacheable: the element Seven",
    ),
    Injection(
        "a savepoint for each post",
        FEED,
        *in_the_feed(
            "for post in posts:\n        with session.begin_nested():\n"
            "            session.connection()"
        ),
        cause=r"statement new, sent 20 times at fixtures/social/operations\.py:.*: SAVEPOINT",
    ),
)
"""Sizes are of the feed on SQLite: 8.7 million instructions, 3 ms."""
