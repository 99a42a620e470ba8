"""Statements that SQLAlchemy compiles, though it should find them in its statement cache."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from sqlalchemy.engine.interfaces import CacheStats
from sqlalchemy.sql import visitors

from ..runner import Runner
from ..statements.recording import Statement, recording
from .base import REPETITIONS, Counts, Instrument, Metric

KEYED_BY = ("inherit_cache", "_cache_key_traversal", "_traverse_internals", "_gen_cache_key")
"""Attributes one of which an element's own class must set to be cached (SQLAlchemy's
`HasCacheKey._generate_cache_attrs`)."""


class Compiled(Instrument):
    """Counts of the statements whose execution did not hit SQLAlchemy's cache.

    SQLAlchemy notes for each execution whether its cache had the statement. One compilation serves
    all executions of a cursor that it needs, as for an insert in batches.
    """

    name = "compiled"
    repeats = True
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(
            "compiled",
            "statements",
            f"SQL statements compiled in repetition {REPETITIONS}, with arguments of its own.",
        ),
        Metric(
            "cache_entries",
            "entries",
            f"Entries that {REPETITIONS} repetitions add to the statement cache.",
        ),
    )

    def count(self, runner: Runner) -> Counts:
        entries = 0
        before: list[Any] = []
        found: list[Any] = []
        for n in range(1, REPETITIONS + 1):
            runner.reset(n)
            before, found = found, compilations(runner)
            entries += sum(each.cache_hit is CacheStats.CACHE_MISS for each in found)
        return {
            "varied": runner.varies,
            "compiled": len(found),
            "cache_entries": entries,
            "uncached": [
                [str(each.compiled), reason(each, before[number] if number < len(before) else None)]
                for number, each in enumerate(found)
            ],
        }


def compilations(runner: Runner) -> list[Any]:
    """The execution contexts of one performance whose statements were compiled."""
    found: dict[int, Any] = {}

    def notice(_: Statement, context: Any) -> None:
        if context.compiled is not None and context.cache_hit is not CacheStats.CACHE_HIT:
            found[id(context)] = context  # which keeps it alive, and its id its own

    with recording(runner.database.engine, notice):
        runner.perform()
    return list(found.values())


def reason(context: Any, before: Any) -> str:
    """The reason why the cache lacked a statement. `before` is the repetition's before, or None."""
    if context.cache_hit is CacheStats.CACHING_DISABLED:
        return "the cache is off for this engine or connection"
    if context.cache_hit is CacheStats.NO_DIALECT_SUPPORT:
        return "the dialect does not set supports_statement_cache"
    if context.cache_hit is CacheStats.NO_CACHE_KEY:
        statement = context.compiled.statement
        return f"not cacheable: {', '.join(dict.fromkeys(uncacheable(statement)))}"
    texts = [str(each.compiled) for each in (before, context) if each is not None]
    if len(texts) == 2 and texts[0] != texts[1]:
        earlier, now = difference(*texts)
        return f"another text in each repetition: {earlier!r}, then {now!r}"
    return "the same text, but another cache key in each repetition"


def uncacheable(statement: Any) -> Iterator[str]:
    """The classes of the elements and types for which SQLAlchemy makes no cache key."""
    for element in visitors.iterate(statement):
        kind = type(getattr(element, "type", None))
        if getattr(kind, "cache_ok", True) is not True:
            yield f"the type {kind.__name__}, whose cache_ok is not True"
        # Annotated elements have classes that SQLAlchemy derives from theirs.
        own = next(c for c in type(element).__mro__ if not c.__name__.startswith("Annotated"))
        if not any(vars(own).get(name) for name in KEYED_BY):
            yield f"the element {own.__name__}, whose inherit_cache is not True"


def difference(one: str, other: str) -> tuple[str, str]:
    """The words in which two texts differ, from the first such word to the last."""
    words = one.split(), other.split()
    start = _equal(*words)
    tails = words[0][start:], words[1][start:]
    end = _equal(tails[0][::-1], tails[1][::-1])
    before, after = (" ".join(tail[: len(tail) - end]) for tail in tails)
    return before, after


def _equal(one: Sequence[str], other: Sequence[str]) -> int:
    """The number of words that both begin with."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
