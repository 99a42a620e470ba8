"""The application in a repository: its package, its requirements, its tables."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from asv.util import UserError

from ..asv_ext import git
from ..environments import sources

DECLARES = re.compile(
    r"\b(DeclarativeBase|declarative_base|MetaData|registry|SQLAlchemy)\b|__tablename__|\btable=True"
)
"""A text that says that a module declares tables."""
ELSEWHERE = re.compile(r"(^|/)(tests?|testing|migrations?|alembic|benchmarks|docs|examples)(/|$)")
"""Folders whose modules are not the application's own."""
ADDRESS = re.compile(r"(DATABASE|DB|SQLALCHEMY|POSTGRES\w*|PG)_?(DATABASE_)?(URL|URI|DSN)$")
"""Names of variables that hold the address of a database."""
ASYNCHRONOUS = {
    "postgresql": ("asyncpg",),
    "sqlite": ("aiosqlite",),
    "mariadb": ("aiomysql", "asyncmy"),
}
OTHERS = {
    "poetry.lock": "poetry install --no-root",
    "Pipfile.lock": "pipenv sync",
    "environment.yml": "conda env update --file environment.yml",
    "pdm.lock": "pdm sync",
}
"""Locks that neither uv nor pip reads, and what reads them."""


@dataclasses.dataclass
class Application:
    """An application in a repository."""

    root: Path
    """The folder of the repository."""
    folder: Path
    """The folder of the application in it."""
    source: str
    """The file that says which packages it needs."""
    modules: list[str]
    """The modules that may declare tables, likely ones first."""
    alembic: str = ""
    """The path of its `alembic.ini`, below its folder."""
    addresses: list[str] = dataclasses.field(default_factory=list)
    """Variables in which it reads its database's address."""
    variables: list[str] = dataclasses.field(default_factory=list)
    """Other variables that it must find when it is imported."""
    drivers: dict[str, str] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    """What was found and is left to people."""

    @property
    def subfolder(self) -> str:
        path = self.folder.relative_to(self.root).as_posix()
        return "" if path == "." else path


def find(here: Path) -> Application:
    """The application in a folder, or below the folder of its repository.

    Raises asv's `UserError`, with the remedy, if there is none.
    """
    root = root_of(here)
    folder = folder_of(here.resolve(), root)
    files = [folder / name for name in git.git(folder, "ls-files", "*.py").splitlines()]
    files = [
        # One that was deleted is tracked until that is committed.
        file
        for file in files
        if file.is_file() and not ELSEWHERE.search(_below(file, folder))
    ]
    notes: list[str] = []
    found = Application(
        root=root,
        folder=folder,
        source=_source(folder, root, notes),
        modules=list(_modules(folder, files)),
        notes=notes,
    )
    if not found.modules:
        raise UserError(
            "no module that git tracks here declares tables of SQLAlchemy: commit your models, or"
            " change to the application's folder"
        )
    _read_environment(found, files)
    _read_alembic(found)
    _read_drivers(found)
    return found


def _below(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def root_of(here: Path) -> Path:
    """The folder of the repository. Raises asv's `UserError` if there is none, or no commit."""
    root = git.answer(here, "rev-parse", "--show-toplevel")
    if root is None:
        raise UserError("this folder is in no git repository: change to your application's")
    if git.answer(here, "rev-parse", "--verify", "HEAD") is None:
        raise UserError("this repository has no commit yet: commit your application first")
    return Path(root)


def folder_of(here: Path, root: Path) -> Path:
    """The application's folder: this one, or the only one below that can be installed."""
    if _can_be_installed(here):
        return here
    below = sorted(
        {
            (here / name).parent
            for name in git.git(here, "ls-files").splitlines()
            if _can_be_installed((here / name).parent)
        }
    )
    if len(below) == 1:
        return below[0]
    if below:
        names = ", ".join(_below(each, here) for each in below[:5])
        raise UserError(f"there are several applications, {names}: call init in one of them")
    return here


def _can_be_installed(folder: Path) -> bool:
    return sources.is_package(folder) or any(folder.glob("requirements*.txt"))


def _source(folder: Path, root: Path, notes: list[str]) -> str:
    for name in (sources.UV_LOCK, sources.PYLOCK):
        if lock := sources.find_lock(name, folder, root):
            return lock.name
    for name, command in OTHERS.items():
        if (folder / name).exists():
            notes.append(
                f"{name} is read by neither uv nor pip. Set asv's `install_command`, such as"
                f' ["{command}"], to install by it'
            )
    try:
        files = sources.requirement_files(folder, ())
    except UserError as error:
        notes.append(str(error))
        files = []
    names = [file.name for file in files]
    if sources.is_package(folder):
        names.append("the metadata of its package")
    if not names:
        raise UserError(
            f"this folder has no {sources.UV_LOCK}, {sources.PYLOCK}, requirements.txt or"
            " pyproject.toml with a project, so it cannot be installed: add one and commit it"
        )
    return " and ".join(names)


def _modules(folder: Path, files: Iterable[Path]) -> Iterator[str]:
    """Modules that may declare tables, and the packages around them."""
    texts = {file: file.read_text(encoding="utf-8", errors="replace") for file in files}
    declaring = {file for file, text in texts.items() if DECLARES.search(text)}
    likely = {
        file
        for file in texts
        if file in declaring
        or file.stem in ("models", "db", "database", "tables")
        or (file.name == "__init__.py" and any(d.is_relative_to(file.parent) for d in declaring))
    }
    names = {name for file in likely if (name := _module(file, folder))}
    yield from sorted(names, key=lambda name: ("models" not in name, name.count("."), name))


def _module(file: Path, folder: Path) -> str:
    path = PurePosixPath(_below(file, folder))
    parts = path.parts[1:] if path.parts[0] == "src" else path.parts
    names = [*parts[:-1], *([] if path.stem == "__init__" else [path.stem])]
    return ".".join(names) if names and all(name.isidentifier() for name in names) else ""


def _read_environment(found: Application, files: Iterable[Path]) -> None:
    """Note the variables that modules read."""
    for file in files:
        try:
            tree = ast.parse(file.read_text(encoding="utf-8", errors="replace"))
        except SyntaxError:
            continue
        for name, required in _variables(tree):
            if ADDRESS.search(name):
                found.addresses.append(name)
            elif required:
                found.variables.append(name)
    found.addresses = sorted({*found.addresses})
    found.variables = sorted({*found.variables})


def _variables(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Names of variables that `os.environ[…]`, `os.getenv(…)` and their like read.

    With whether the program fails without it.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
                if ast.unparse(value) in ("os.environ", "environ"):
                    yield name, True
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]):
                if ast.unparse(func) in ("os.getenv", "getenv", "os.environ.get", "environ.get"):
                    yield name, False


def _read_alembic(found: Application) -> None:
    """Note the migrations, if they can be run without the application's own command."""
    places = [found.folder / "alembic.ini", *sorted(found.folder.glob("*/alembic.ini"))]
    for ini in places:
        if not ini.exists():
            continue
        environments = [*ini.parent.rglob("env.py")]
        if any("current_app" in each.read_text("utf-8", "replace") for each in environments):
            found.notes.append(
                "the migrations need Flask's application, so tables are made from metadata: an"
                " index that only a migration makes is not seen"
            )
            return
        found.alembic = _below(ini, found.folder)
        return


def _read_drivers(found: Application) -> None:
    """Note the drivers of an application that works with asyncio."""
    said = ""
    for name in ("pyproject.toml", *(f.name for f in found.folder.glob("requirements*.txt"))):
        if (found.folder / name).exists():
            said += (found.folder / name).read_text(encoding="utf-8", errors="replace").lower()
    for database, drivers in ASYNCHRONOUS.items():
        for driver in drivers:
            if driver in said:
                found.drivers[database] = driver


def chosen(looked: Sequence[dict[str, Any]]) -> list[str]:
    """The fewest names of metadata that have all tables, of what `worker.inspecting` found.

    The module with the most tables comes first: another may know only some of them.
    """
    missing = {table for each in looked for found in each["metadata"] for table in found["tables"]}
    names: list[str] = []
    by_module = sorted(
        looked,
        key=lambda each: (
            -len({table for found in each["metadata"] for table in found["tables"]}),
            "models" not in each["module"],
            len(each["module"]),
        ),
    )
    for each in by_module:
        for found in sorted(each["metadata"], key=lambda f: (-len(f["tables"]), len(f["name"]))):
            if missing & set(found["tables"]):
                missing -= set(found["tables"])
                names.append(f"{each['module']}:{found['name']}")
    return names
