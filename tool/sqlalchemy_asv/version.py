"""Versions of benchmarks. A stored result counts only while its benchmark has the same version.

A version is a digest of the scenario's source and of a number that the instrument states. If all
commits are measured with the data layer of the working tree, it is also a digest of the modules
that the scenario uses.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, TypeVar

from . import label

Class = TypeVar("Class", bound=type)


@functools.cache
def source_of(thing: Any) -> str:
    """The source of a class or function."""
    return textwrap.dedent(inspect.getsource(thing))


@functools.cache
def without_method(source: str, name: str) -> str:
    """The source of a class without a method of this name; as it is if there is none."""
    if f"def {name}(" not in source:
        return source
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            functions = (ast.FunctionDef, ast.AsyncFunctionDef)
            node.body = [
                part
                for part in node.body
                if not (isinstance(part, functions) and part.name == name)
            ] or [ast.Pass()]
    return ast.unparse(tree)


def digest(sources: Iterable[str]) -> str:
    """A digest of Python sources that comments, layout, docstrings and budgets do not change."""
    found = hashlib.sha256()
    for source in sources:
        found.update(_normalized(source).encode())
    return found.hexdigest()


@functools.cache
def _normalized(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            kept = [part for part in node.body if not _is_text(part) and not _sets_budget(part)]
            node.body = kept or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    """Whether a statement is a docstring, or the text below an attribute."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _sets_budget(node: ast.stmt) -> bool:
    """Whether a statement sets a budget, which is no part of the measurement."""
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) == "budget"
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "budget"


def of_benchmark(sources: Iterable[str], modules: Iterable[str] = ()) -> str:
    """The version of a benchmark with these sources, which uses these modules of the commit."""
    if label.data_layer() is None:
        return digest(sources)
    return digest([*sources, *data_layer(tuple(modules))])


@functools.cache
def data_layer(modules: tuple[str, ...]) -> list[str]:
    """The sources of modules and of the modules of their package that they import, by name."""
    found: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found and (source := _source_of_module(name)) is not None:
            found[name] = source
            waiting += _imported(source, name)
    return [found[name] for name in sorted(found)]


@functools.cache
def _source_of_module(name: str) -> str | None:
    """The source of an installed module, without an import of it; None if there is none."""
    spec = _spec(name)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None  # compiled, or a folder
    return Path(spec.origin).read_text(encoding="utf-8")


def _spec(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ModuleNotFoundError, ValueError):  # nor is one found of `__main__`
        return None


def _is_package(name: str) -> bool:
    spec = _spec(name)
    return spec is not None and spec.submodule_search_locations is not None


def _imported(source: str, module: str) -> Iterator[str]:
    """Modules of its package that a module's source imports; also names that may be modules."""
    package = module.partition(".")[0]
    parent = module if _is_package(module) else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (
                each.name for each in node.names if f"{each.name}.".startswith(f"{package}.")
            )
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            if node.level:
                name = importlib.util.resolve_name(name, parent)
            if f"{name}.".startswith(f"{package}."):
                yield name
                yield from (f"{name}.{each.name}" for each in node.names)
