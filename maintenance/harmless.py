"""Changes that cost nothing: no verdict may differ from *unchanged*."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable
from typing import Any

from asv.util import UserError

OPERATIONS = "fixtures/social/operations.py"
MODELS = "fixtures/social/models.py"


@dataclasses.dataclass(frozen=True)
class Harmless:
    """A kind of change, with the file of this repository in which it is made."""

    name: str
    file: str
    change: Callable[[str], str]
    """Returns a module's text with the change."""
    anywhere: bool = False
    """Whether it can be made in every module of queries."""

    def made(self, source: str) -> str:
        """Raises `UserError` if the text has no place for the change."""
        if (text := self.change(source)) == source:
            raise UserError(f"{self.name}: the place for it is gone")
        return text


def replaced(*pairs: tuple[str, str]) -> Callable[[str], str]:
    """A change that replaces texts."""

    def change(source: str) -> str:
        for old, new in pairs:
            source = source.replace(old, new)
        return source

    return change


def first(source: str, kinds: tuple[type[ast.stmt], ...], plain: bool = False) -> Any:
    """The first statement of some kinds in a module, if `plain` without decorators.

    Raises `UserError` if there is none.
    """
    for node in ast.parse(source).body:
        decorated = getattr(node, "decorator_list", None)
        if isinstance(node, kinds) and not (plain and decorated):
            return node
    raise UserError("there is no place for the change")


def before_imports(text: str) -> Callable[[str], str]:
    """A change that puts a text before a module's first import."""

    def change(source: str) -> str:
        lines = source.splitlines(keepends=True)
        lines.insert(first(source, (ast.Import, ast.ImportFrom)).lineno - 1, text)
        return "".join(lines)

    return change


def documented(source: str) -> str:
    """A module whose first function has a docstring, or another one."""
    function = first(source, FUNCTIONS)
    lines = source.splitlines(keepends=True)
    place = function.body[0].lineno - 1
    if ast.get_docstring(function) is None:
        lines.insert(place, f'{" " * function.body[0].col_offset}"""For everybody."""\n')
    else:
        lines[place] = lines[place].replace('"""', '"""For everybody. ', 1)
    return "".join(lines)


def moved(source: str) -> str:
    """A module with its first function at its end: with decorators, order may matter."""
    text = ast.get_source_segment(source, first(source, FUNCTIONS, plain=True)) or ""
    return source.replace(f"{text}\n", "", 1) + f"\n\n{text}\n"


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

HARMLESS = (
    Harmless("a docstring", OPERATIONS, documented, anywhere=True),
    Harmless("lines that move", OPERATIONS, before_imports("# One.\n# Two.\n"), anywhere=True),
    Harmless("a moved function", OPERATIONS, moved, anywhere=True),
    Harmless(
        "an import that nothing uses", OPERATIONS, before_imports("import enum\n"), anywhere=True
    ),
    Harmless(
        "a new operation",
        OPERATIONS,
        lambda source: (
            source
            + "\n\ndef number_of_rows(session, table):\n"
            + '    """The number of rows of a table."""\n'
            + "    return session.scalar(select(func.count()).select_from(table))\n"
        ),
        anywhere=True,
    ),
    Harmless(
        "a dependency that is not executed",
        "pyproject.toml",
        replaced(('    "tqdm', '    "six==1.17.0",\n    "tqdm')),
    ),
    Harmless(
        "a new table",
        MODELS,
        lambda source: (
            source
            + '\n\nclass Device(Base):\n    __tablename__ = "devices"\n\n'
            + "    id: Mapped[int] = mapped_column(primary_key=True)\n"
            + '    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)\n'
        ),
    ),
    Harmless(
        "other names of local variables",
        OPERATIONS,
        replaced(
            ("    posts = list(", "    newest = list("),
            ("in posts:", "in newest:"),
            ("return posts", "return newest"),
        ),
    ),
    Harmless(
        "another text of an error", OPERATIONS, replaced(("no tag named", "no tag is called"))
    ),
    Harmless(
        "a property of a model that nothing reads",
        MODELS,
        lambda source: source.replace(
            "    @hybrid_property\n",
            "    @property\n    def initial(self) -> str:\n        return self.name[:1]\n\n"
            "    @hybrid_property\n",
            1,
        ),
    ),
)
