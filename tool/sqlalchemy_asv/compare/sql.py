"""The difference between the statements of two commits: the part that differs, and how often."""

from __future__ import annotations

import dataclasses
import difflib
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from ..words import how_often, several

_CAST = (
    r"(?:::(?:TIMESTAMP|TIME)(?:\(\d+\))? WITH(?:OUT)? TIME ZONE|::DOUBLE PRECISION"
    r"|::CHARACTER VARYING|::\w+)?(?:(?<=\w)\(\d+(?:, ?\d+)?\))?(?:\[\])?"
)
"""The type that psycopg and asyncpg are told with a parameter."""
_PLACE = rf"(?:%\(\w+\)s|%s|\$\d+){_CAST}"
_TOKENS = re.compile(rf"'(?:[^']|'')*'|{_PLACE}|[\w.\"`]+|\S")
_PLACEHOLDER = re.compile(rf"{_PLACE}|\?")
_LITERAL = re.compile(r"'(?:[^']|'')*'|(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
_LIST = re.compile(r"\bIN \(\s*(?:@|NULL)(?:\s*,\s*(?:@|NULL))*\s*\)")
_SAVEPOINT = re.compile(r"\bsa_savepoint_\d+\b")
"""SQLAlchemy numbers savepoints."""
ALIKE = 0.6
"""The share of equal words from which on a new statement is an old one that changed."""
LENGTH = 160
"""The characters of a statement that are shown."""
Part = tuple[str, str]
"""A part of a statement that differs: at base and at head. One may be empty."""


@dataclasses.dataclass
class Kind:
    """Statements of one side that differ only in a literal or in the length of an IN list."""

    texts: dict[str, int]
    """How often each was sent."""

    @property
    def times(self) -> int:
        return sum(self.texts.values())

    @property
    def text(self) -> str:
        return next(iter(self.texts))


def normalized(sql: str) -> str:
    """A statement without literals, names of placeholders, and lengths of IN lists."""
    marked = _LITERAL.sub("@", _PLACEHOLDER.sub("@", " ".join(sql.split())))
    return _LIST.sub("IN (@)", _SAVEPOINT.sub("sa_savepoint_@", marked))


def kinds(sent: Mapping[str, int]) -> dict[str, Kind]:
    """The statements of one side, by what they have in common."""
    found: dict[str, Kind] = {}
    for sql, times in sent.items():
        found.setdefault(normalized(sql), Kind({})).texts[sql] = times
    return found


def differences(base: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[str]:
    """Each kind of statement that is new, gone, changed, or sent another number of times."""
    before, after = (kinds(dict(side["sql"])) for side in (base, head))
    new = {key: kind for key, kind in after.items() if key not in before}
    gone = {key: kind for key, kind in before.items() if key not in after}
    for key, kind in after.items():
        if key in before:
            yield from _of_kind(before[key], kind, base, head)
    for key, kind in new.items():
        said = f"{how_often(kind.times)}{_at(kind, head)}"
        if (like := _most_alike(key, gone)) is not None:
            old = gone.pop(like)
            changed = "; ".join(written(part) for part in parts(old.text, kind.text))
            yield f"statement changed, sent {said}: {changed} in {shortened(kind.text)}"
        else:
            yield f"statement new, sent {said}: {shortened(kind.text)}"
    for kind in gone.values():
        said = f"{how_often(kind.times)} before{_at(kind, base)}"
        yield f"statement sent no longer, {said}: {shortened(kind.text)}"


def _of_kind(
    old: Kind, new: Kind, base: Mapping[str, Any], head: Mapping[str, Any]
) -> Iterator[str]:
    at = _at(new, head)
    if len(old.texts) != len(new.texts):
        yield (
            f"one statement in {several(len(new.texts), 'text')}, not {len(old.texts)},"
            f" which differ in a literal or in the length of an IN list{at}: {shortened(new.text)}"
        )
    elif len(new.texts) == 1 and old.text != new.text:
        found = parts(old.text, new.text)
        if found:
            changed = "; ".join(map(written, found))
            yield f"statement changed{at}: {changed} in {shortened(new.text)}"
    limits = [
        dict(each.split() for each in side.get("limits", {}).get(kind.text, []))
        for side, kind in ((base, old), (head, new))
    ]
    for word in limits[0].keys() & limits[1].keys():
        one, other = (side[word] for side in limits)
        if one != other:
            yield f"{word} {one} → {other}{at}: {shortened(new.text)}"
    if old.times != new.times:
        yield f"statement sent {how_often(new.times)}, not {old.times:,}{at}: {shortened(new.text)}"


def _at(kind: Kind, side: Mapping[str, Any]) -> str:
    """The application's line that sends a statement, if it is known."""
    where = side.get("where", {}).get(kind.text, "")
    return f" at {where}" if where else ""


def _most_alike(key: str, gone: Mapping[str, Kind]) -> str | None:
    """The statement that is gone and most like a new one; None if none is like it."""
    best, likeness = None, ALIKE
    words = _TOKENS.findall(key)
    for old in gone:
        matcher = difflib.SequenceMatcher(None, _TOKENS.findall(old), words, autojunk=False)
        if matcher.quick_ratio() > likeness and (ratio := matcher.ratio()) > likeness:
            best, likeness = old, ratio
    return best


def parts(old: str, new: str) -> list[Part]:
    """The parts in which two statements differ."""
    one, other = (_TOKENS.findall(" ".join(sql.split())) for sql in (old, new))

    def anonymous(words: list[str]) -> list[str]:
        # Drivers name parameters by their order. A further one would rename all that follow.
        return ["?" if _PLACEHOLDER.fullmatch(word) else word for word in words]

    one, other = anonymous(one), anonymous(other)
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    found: list[Part] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind != "equal":
            found.append((" ".join(one[a:b]), " ".join(other[c:d])))
    return found


def written(part: Part) -> str:
    """A part that differs, as people say it."""
    old, new = (_tidy(text) for text in part)
    if not old:
        return f"`{new}` added"
    return f"`{old}` removed" if not new else f"`{old}` → `{new}`"


def _tidy(text: str) -> str:
    text = re.sub(r" ([,)])", r"\1", re.sub(r"\( ", "(", text))
    return shortened(text)


def shortened(sql: str) -> str:
    return textwrap.shorten(sql, LENGTH, placeholder=" …")


def untried(base: Mapping[str, Any], head: Mapping[str, Any]) -> str:
    """The reason why the statement cache was not tried on a changed statement; empty if it was.

    A literal in the place of a bound parameter makes a new text for each value. If each repetition
    has the same value, the cache finds it nevertheless.
    """
    if head.get("varied", True):
        return ""
    before, after = (kinds(dict(side.get("sql", ()))) for side in (base, head))
    for key, kind in after.items():
        old = before.get(key)
        if old is None or old.text == kind.text:
            continue
        for one, other in parts(old.text, kind.text):
            if _PLACEHOLDER.search(one) and _LITERAL.search(other):
                return (
                    f"the statement cache was not tried: `{one}` became `{other}`, and the scenario"
                    " has no `arguments(n)` that vary it"
                )
    return ""
