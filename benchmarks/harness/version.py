"""A benchmark's version: what it does, as text, so that old results count only while it is true."""

import ast
import functools
import hashlib
import importlib.metadata
import inspect
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type)


DISTRIBUTION = "sqlalchemy-asv"
"""What asv installs from the commit under test; its exact requirements are the commit's pins."""


@functools.cache
def source_of(thing: Any) -> str:
    return textwrap.dedent(inspect.getsource(thing))


def version_of(sources: Iterable[str]) -> str:
    """A digest of Python sources that comments, layout, docstrings and budgets do not change."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(_normalized(source).encode())
    return digest.hexdigest()


@functools.cache
def _normalized(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            # A limit to what is measured is no part of it.
            node.body = [part for part in node.body if not _sets_budget(part)] or [ast.Pass()]
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.Module)) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _sets_budget(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "budget"


def data_layer(fixtures: Path) -> str:
    """A short digest of the data layer in a folder."""
    files = sorted(fixtures.rglob("*.py"))
    return version_of(file.read_text(encoding="utf-8") for file in files)[:12]


@functools.cache
def installed_layer() -> str | None:
    """The digest of the data layer installed, where all commits have the working tree's.

    There it is not what varies from commit to commit, and so part of what a benchmark is.
    """
    try:
        version = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return None
    return version.partition("+")[2] or None


def benchmark_version(sources: Iterable[str]) -> str:
    """The version of a benchmark that consists of these sources."""
    layer = installed_layer()
    # As code: a string alone would be a docstring.
    return version_of([*sources, f"data_layer = {layer!r}"] if layer else sources)


def versioned(benchmark: Class) -> Class:
    """Make the version of a class's benchmarks follow the whole class.

    asv's own follows the one method and `setup`, and not what they call.
    """
    benchmark.version = benchmark_version([source_of(benchmark)])  # type: ignore[attr-defined]
    return benchmark
