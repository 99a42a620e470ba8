"""The page with the sources of scenarios, and of the application's operations that they call."""

from __future__ import annotations

import ast
import functools
import itertools
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..case import split
from ..templates import render

PAGE = "sources.html"
ROOTS = ("", "src")
"""Folders of a repository in which its packages may be."""


class Source(NamedTuple):
    """A scenario, and the functions of the application that it calls, each with its place."""

    name: str
    text: str
    called: list[tuple[str, str]]


def write(site: Path, folder: Path, benchmarks: Any, overview: str) -> None:
    """Write the page. `folder` has the benchmarks; the application is that of the working tree."""
    texts = {
        split(name)[0]: scenario_source(each.get("code", "")) for name, each in benchmarks.items()
    }
    found = []
    for name, text in sorted(texts.items()):
        file = folder.joinpath(*name.split(".")[:-1]).with_suffix(".py")
        found.append(Source(name, text, list(called(text, imports(file)))))
    page = render("sqlalchemy_asv.site", PAGE, sources=found, overview=overview)
    (site / PAGE).write_text(page, encoding="utf-8")


def scenario_source(code: str) -> str:
    """The source of a class, of what asv keeps of a benchmark.

    asv puts it below a class of the place where the benchmark's function is made, and adds the
    methods of its bases that set it up.
    """
    first, _, rest = code.partition("\n")
    if first != "class <locals>:":
        return code
    lines = itertools.takewhile(lambda line: not line or line[0].isspace(), rest.split("\n"))
    return textwrap.dedent("\n".join(lines)).strip() + "\n"


def imports(file: Path) -> dict[str, tuple[str, ...]]:
    """The names under which a module of benchmarks imports the application's modules."""
    found = {}
    for node in parsed(file.absolute()).body:
        match node:
            case ast.Assign(
                targets=[ast.Name(name)], value=ast.Call(func=ast.Name("lazy_import"), args=modules)
            ):
                texts = [each.value for each in modules if isinstance(each, ast.Constant)]
                found[name] = tuple(str(text) for text in texts)
    return found


def called(text: str, modules: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """The place and the source of each function of the modules that a class names."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:
        return
    names = {
        (node.value.id, node.attr)
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    for module, name in sorted(names):
        files = (
            Path(root, *dotted.split(".")).with_suffix(".py")
            for dotted in modules.get(module, ())
            for root in ROOTS
        )
        for file in files:
            if found := function(file, name):
                yield f"{name} in {file.as_posix()}", found
                break


def function(file: Path, name: str) -> str:
    """The source of a function or class of a module, without decorators; empty if it has none."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in parsed(file.absolute()).body:
        if isinstance(node, kinds) and node.name == name:
            return ast.get_source_segment(file.read_text(encoding="utf-8"), node) or ""
    return ""


@functools.cache
def parsed(file: Path) -> ast.Module:
    """A module; an empty one if the file is missing or no Python."""
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
        return ast.Module(body=[], type_ignores=[])
