"""What one test asked of its databases."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..profiler.statements import Query, QueryProfile, Repeated
from ..statements.recording import Tape
from ..words import how_often


class Counts:
    """Statements, rows and the rest of the call phase of a test, on all engines together."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.clear()

    def clear(self) -> None:
        self._tape.items = []
        self._profile = QueryProfile()
        self.contexts: dict[int, Any] = {}
        """The executions whose statements were compiled; each is kept, so that its id is its."""
        self.checkouts = 0
        """How often a connection was taken from a pool."""
        self.calls: int | None = None
        self.retained: dict[str, int] | None = None
        self.plans: dict[str, list[str]] = {}
        """SQLite's plans, by the SQL."""
        self.scans: dict[str, list[str]] = {}
        """The tables that these scan."""

    def add(self, query: Query) -> None:
        self._profile.queries.append(query)

    @property
    def statements(self) -> int:
        """How many statements were sent."""
        return len(self._tape.statements)

    @property
    def rows(self) -> int:
        """How many rows were fetched."""
        return self._tape.rows

    @property
    def compiled(self) -> int:
        """How many statements were compiled: each test begins with an empty cache."""
        return len(self.contexts)

    @property
    def commits(self) -> int:
        return self._tape.items.count("commit")

    @property
    def rollbacks(self) -> int:
        return self._tape.items.count("rollback")

    @property
    def n_plus_ones(self) -> list[Repeated]:
        """Relationships and objects that were loaded one object after the other."""
        return self._profile.n_plus_ones()

    @property
    def twice(self) -> list[tuple[Query, int]]:
        """Statements that were sent again with the same parameters, and how often they were."""
        first: dict[tuple[str, str], Query] = {}
        times: Counter[tuple[str, str]] = Counter()
        for query in self._profile.queries:
            if query.sql.lstrip()[:6].upper() == "SELECT":
                key = query.sql, repr(query.parameters)
                first.setdefault(key, query)
                times[key] += 1
        return [(first[key], number) for key, number in times.items() if number > 1]

    def sent(self) -> list[str]:
        """One line for each different statement, with its line in the application."""
        return [
            f"{how_often(group.times)} {group.sql!r} at {group.where}"
            for group in self._profile.repeated()
        ]

    def as_dict(self) -> dict[str, Any]:
        """All counts, in the words of a comparison."""
        found: dict[str, Any] = {
            "statements": self.statements,
            "rows": self.rows,
            "round_trips": self._tape.round_trips,
            "compiled": self.compiled,
            "commits": self.commits,
            "rollbacks": self.rollbacks,
            "checkouts": self.checkouts,
            "sql": [list(each) for each in self._profile.sent().items()],
            "where": self._profile.where(),
            "limits": self._profile.limits(),
            "lazily": self._profile.lazy_loads(),
            "n_plus_ones": [
                {"loading": each.loading, "times": each.times, "where": each.where}
                for each in self.n_plus_ones
            ],
            "twice": [
                {"sql": query.sql, "parameters": query.shortened, "times": n, "where": query.where}
                for query, n in self.twice
            ],
            "plans": self.plans,
            "scanned": self.scans,
        }
        if self.calls is not None:
            found["calls"] = self.calls
        if self.retained is not None:
            found["retained"] = sum(self.retained.values())
            found["types"] = [
                [name, number] for name, number in Counter(self.retained).most_common(3)
            ]
        return found
