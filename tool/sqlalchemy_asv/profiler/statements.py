"""The statements of a block of code, with the application's lines and the relationships they load.

For use in any test:

    with query_profile(engine) as profile:
        home_feed(session, user_id)
    assert profile.total_queries <= 3
    assert not profile.n_plus_ones()
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import ORMExecuteState, Session

from ..places import application_line
from ..statements.recording import Statement, recording

LAZILY = "sqlalchemy_asv_loading"
"""Execution option that names the relationship a statement loads lazily."""


@dataclasses.dataclass
class Query:
    """One statement as it was sent. `seconds` is the time of the driver's `execute`."""

    sql: str
    parameters: Any
    where: str
    """The application's line that caused it, as "package/module.py:12 in function"."""
    loading: str | None
    """The relationship that it loads lazily, such as "Post.comments"."""
    seconds: float = 0.0
    rows: int = 0

    @property
    def shortened(self) -> str:
        """The parameters, cut to fit on a line."""
        text = repr(self.parameters)
        return text if len(text) <= 80 else f"{text[:77]}..."


@dataclasses.dataclass
class Repeated:
    """Statements with the same SQL, sent by the same line for the same reason."""

    sql: str
    where: str
    loading: str | None
    times: int
    seconds: float
    rows: int

    @property
    def is_n_plus_one(self) -> bool:
        """Whether they load a relationship lazily, each for one more object of a result."""
        return self.loading is not None and self.times > 1


class QueryProfile:
    """The statements of a block of code. Times in seconds."""

    def __init__(self) -> None:
        self.queries: list[Query] = []

    @property
    def total_queries(self) -> int:
        return len(self.queries)

    @property
    def total_time(self) -> float:
        return sum(query.seconds for query in self.queries)

    @property
    def average_time(self) -> float:
        """The mean of seconds; zero if there is no statement."""
        return self.total_time / len(self.queries) if self.queries else 0.0

    def slowest(self, number: int = 5) -> list[Query]:
        return sorted(self.queries, key=lambda query: query.seconds, reverse=True)[:number]

    def repeated(self) -> list[Repeated]:
        """Statements grouped, those sent most often first."""
        groups: dict[tuple[str, str, str | None], Repeated] = {}
        for query in self.queries:
            key = (query.sql, query.where, query.loading)
            group = groups.setdefault(key, Repeated(*key, times=0, seconds=0.0, rows=0))
            group.times += 1
            group.seconds += query.seconds
            group.rows += query.rows
        return sorted(groups.values(), key=lambda group: group.times, reverse=True)

    def n_plus_ones(self) -> list[Repeated]:
        """Relationships that were loaded lazily for one object after the other."""
        return [group for group in self.repeated() if group.is_n_plus_one]


@contextlib.contextmanager
def query_profile(engine: Engine) -> Iterator[QueryProfile]:
    """Profile the statements of an engine while the block runs, on any database."""
    profile = QueryProfile()

    def say_what_is_loaded(state: ORMExecuteState) -> None:
        # `lazy_loaded_from` raises for a statement that is not a SELECT.
        if state.is_select and state.lazy_loaded_from is not None:
            path = state.loader_strategy_path
            relationship = next((p for p in reversed(path or ()) if hasattr(p, "parent")), None)
            name = str(relationship) if relationship is not None else "a relationship"
            state.update_execution_options(**{LAZILY: name})

    def notice(statement: Statement, context: Any) -> None:
        where = application_line(sys._getframe(1))
        loading = context.execution_options.get(LAZILY)
        profile.queries.append(Query(statement.sql, statement.parameters, where, loading))

    with recording(engine, notice) as tape:
        event.listen(Session, "do_orm_execute", say_what_is_loaded)
        try:
            yield profile
        finally:
            event.remove(Session, "do_orm_execute", say_what_is_loaded)
            for query, statement in zip(profile.queries, tape.statements, strict=True):
                query.rows = len(statement.fetched)
                query.seconds = statement.seconds
