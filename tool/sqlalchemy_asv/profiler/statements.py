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
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import sqlalchemy.orm.session
from sqlalchemy import Engine, event
from sqlalchemy.orm import ORMExecuteState, Session

from ..places import application_line, frames
from ..statements.recording import Statement, recording
from . import BY_GET, DEFERRED, EXPIRED

LAZILY = "sqlalchemy_asv_loading"
"""Execution option that names the relationship or class a statement loads for one object."""


@dataclasses.dataclass
class Query:
    """One statement as it was sent. `seconds` is the time of the driver's `execute`."""

    sql: str
    parameters: Any
    where: str
    """The application's line that caused it, as "package/module.py:12 in function"."""
    loading: str | None
    """The relationship that it loads lazily, such as "Post.comments"; for an object that is loaded
    by its key, the class and the reason, such as "User, by get" or "User, expired"."""
    seconds: float = 0.0
    rows: int = 0

    @property
    def shortened(self) -> str:
        """The parameters, cut to fit on a line."""
        text = repr(self.parameters)
        return text if len(text) <= 80 else f"{text[:77]}..."

    @property
    def limits(self) -> list[str]:
        """The values of bound LIMIT and OFFSET, such as "LIMIT 20"."""
        found = []
        # Placeholders are counted, but not those within a literal.
        sql = _NO_PLACEHOLDER.sub(lambda match: "_" * len(match[0]), self.sql)
        for match in _LIMIT.finditer(sql):
            word, placeholder, name, number = match.groups()
            with contextlib.suppress(LookupError, TypeError):
                many = isinstance(self.parameters, list)
                parameters = self.parameters[0] if many else self.parameters
                if name:
                    value = parameters[name]
                elif number:
                    value = parameters[int(number) - 1]
                else:
                    value = parameters[sql[: match.start(2)].count(placeholder)]
                found.append(f"{word.upper()} {value}")
        return found


_NO_PLACEHOLDER = re.compile(r"'(?:[^']|'')*'|%%")
_LIMIT = re.compile(r"\b(LIMIT|OFFSET)\s+(\?|%s|%\((\w+)\)s|\$(\d+))", re.IGNORECASE)


@dataclasses.dataclass
class Repeated:
    """Statements with the same SQL, sent by the same line for the same reason."""

    sql: str
    where: str
    loading: str | None
    times: int
    seconds: float
    rows: int
    parameters: str = ""
    """Those of the first, cut to fit on a line."""

    @property
    def is_n_plus_one(self) -> bool:
        """Whether they load more of one object each, object by object."""
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

    def slowest(self, number: int = 5) -> list[Repeated]:
        """Statements grouped, those first that take most time together."""
        return sorted(self.repeated(), key=lambda group: group.seconds, reverse=True)[:number]

    def repeated(self) -> list[Repeated]:
        """Statements grouped, those sent most often first."""
        groups: dict[tuple[str, str, str | None], Repeated] = {}
        for query in self.queries:
            key = (query.sql, query.where, query.loading)
            group = groups.setdefault(key, Repeated(*key, 0, 0.0, 0, query.shortened))
            group.times += 1
            group.seconds += query.seconds
            group.rows += query.rows
        return sorted(groups.values(), key=lambda group: group.times, reverse=True)

    def n_plus_ones(self) -> list[Repeated]:
        """Statements for one object after the other: relationships that are loaded lazily, expired
        objects that are loaded again, and calls of `get`."""
        return [group for group in self.repeated() if group.is_n_plus_one]

    def sent(self) -> Counter[str]:
        """How often each SQL was sent; an `executemany` counts once for each set of parameters."""
        found: Counter[str] = Counter()
        for query in self.queries:
            many = isinstance(query.parameters, list)
            found[query.sql] += len(query.parameters) if many else 1
        return found

    def where(self) -> dict[str, str]:
        """The line that was the first to send each SQL."""
        found: dict[str, str] = {}
        for query in self.queries:
            found.setdefault(query.sql, query.where)
        return found

    def limits(self) -> dict[str, list[str]]:
        """The bound LIMIT and OFFSET of each SQL that has one."""
        return {query.sql: found for query in self.queries if (found := query.limits)}

    def lazy_loads(self) -> dict[str, int]:
        """How often each relationship is loaded lazily, and each class by `get`: not for objects
        that expired."""
        loaded = (query.loading for query in self.queries)
        return dict(Counter(name for name in loaded if name and not name.endswith(EXPIRED)))


def _is_get() -> bool:
    """Whether `Session.get` sends the statement that is about to be executed."""
    file = sqlalchemy.orm.session.__file__
    found = (frame.f_code for frame in frames(sys._getframe(2)))
    return any(code.co_name == "_get_impl" and code.co_filename == file for code in found)


def say_what_is_loaded(state: ORMExecuteState) -> None:
    """Name what a statement loads for one object, in an execution option; for `do_orm_execute`."""
    # `lazy_loaded_from` raises for a statement that is not a SELECT.
    if not state.is_select:
        return
    mapper = state.bind_mapper
    if state.lazy_loaded_from is not None:
        path = state.loader_strategy_path
        relationship = next((p for p in reversed(path or ()) if hasattr(p, "parent")), None)
        name = str(relationship) if relationship is not None else "a relationship"
    elif mapper is not None and state.is_column_load:
        # Deferred columns, and those of a subclass, are loaded in the same way.
        refreshed = getattr(state.load_options, "_refresh_state", None)
        expired = refreshed is None or refreshed.expired
        name = mapper.class_.__name__ + (EXPIRED if expired else DEFERRED)
    elif mapper is not None and _is_get():
        name = mapper.class_.__name__ + BY_GET
    else:
        return
    state.update_execution_options(**{LAZILY: name})


def query_of(statement: Statement, context: Any) -> Query:
    """A statement that is about to be executed, with the line that sends it; for a `Notice`."""
    where = application_line(sys._getframe(1))
    loading = context.execution_options.get(LAZILY)
    return Query(statement.sql, statement.parameters, where, loading)


@contextlib.contextmanager
def query_profile(engine: Engine) -> Iterator[QueryProfile]:
    """Profile the statements of an engine while the block runs, on any database."""
    profile = QueryProfile()

    def notice(statement: Statement, context: Any) -> None:
        profile.queries.append(query_of(statement, context))

    with recording(engine, notice) as tape:
        event.listen(Session, "do_orm_execute", say_what_is_loaded)
        try:
            yield profile
        finally:
            event.remove(Session, "do_orm_execute", say_what_is_loaded)
            for query, statement in zip(profile.queries, tape.statements, strict=True):
                query.rows = len(statement.fetched)
                query.seconds = statement.seconds
