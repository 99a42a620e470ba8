"""Requirements of a wheel, of the working tree, and of an environment's label, by name."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from asv.util import UserError
from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from . import sources

Requirements = dict[str, Requirement]
_PLACE = re.compile(r" @ |://")
"""In a requirement that has a URL."""


def parsed(texts: Iterable[str]) -> Requirements:
    """The requirements that apply to this Python without extras, by name; without markers."""
    found: Requirements = {}
    for requirement in map(Requirement, texts):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            requirement.marker = None
            found[canonicalize_name(requirement.name)] = requirement
    return found


@dataclasses.dataclass(frozen=True)
class Wheel:
    """A built distribution."""

    file: Path
    name: str
    """Its distribution's name, normalised."""
    stated: tuple[str, ...] = ()
    """Its requirements, with their markers."""
    extras: tuple[str, ...] = ()
    """Their names, normalised."""

    @property
    def requires(self) -> Requirements:
        """Those that apply without extras."""
        return parsed(self.stated)

    @classmethod
    def read(cls, file: Path) -> Wheel:
        """Read a wheel's file. Raises `StopIteration` if it has no metadata."""
        with zipfile.ZipFile(file) as archive:
            name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            found, _ = parse_email(archive.read(name))
        name = canonicalize_name(found["name"])
        extras = tuple(map(canonicalize_name, found.get("provides_extra", [])))
        return cls(file, name, tuple(found.get("requires_dist", [])), extras)


def exact_versions(requirements: Requirements) -> dict[str, str]:
    """The versions of the requirements that allow one only."""
    return {
        name: specifier.version
        for name, each in requirements.items()
        for specifier in each.specifier
        if len(each.specifier) == 1
        and specifier.operator == "=="
        and not specifier.version.endswith(".*")
    }


def of_label(requirements: dict[str, str]) -> Requirements:
    """The versions that are part of an asv environment's name."""
    return parsed(
        f"{n.removeprefix('pip+')}=={version}" for n, version in requirements.items() if version
    )


def of_extras(folder: Path, extras: Iterable[str]) -> list[str]:
    """Optional dependencies in a folder's `pyproject.toml`.

    Raises asv's `UserError` if it is damaged, or knows no extra of a name.
    """
    if not extras:
        return []
    optional = sources.project(folder).get("project", {}).get("optional-dependencies", {})
    if missing := [extra for extra in extras if extra not in optional]:
        raise UserError(f"the working tree's pyproject.toml has no extra {missing[0]}")
    return [text for extra in extras for text in optional[extra]]


def of_argument(text: str) -> Requirement:
    """A requirement as pip takes it on its command line: a name, or a path.

    Raises asv's `UserError` if it is none.
    """
    path = Path(text)
    if path.is_dir() or (path.suffix in (".whl", ".gz") and not _PLACE.search(text)):
        if not path.exists():
            raise UserError(f"there is no {text}")
        text = f"{_name_at(path)} @ {path.absolute().as_uri()}"
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise UserError(f"{text} is no requirement: {str(error).splitlines()[0]}") from error


def _name_at(path: Path) -> str:
    """The name of the package in a folder or a file. Raises asv's `UserError` if it is unclear."""
    try:
        if path.suffix == ".whl":
            return parse_wheel_filename(path.name)[0]
        if path.is_file():
            return parse_sdist_filename(path.name)[0]
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise UserError(f"{error}: say NAME @ {path.absolute().as_uri()}") from error
    name: str | None = sources.project(path).get("project", {}).get("name")
    if not name:
        raise UserError(
            f"{path} has no pyproject.toml with a name: say NAME @ {path.absolute().as_uri()}"
        )
    return name


def of_tool(extra: str) -> list[str]:
    """What an extra of this tool consists of."""
    stated = [Requirement(each) for each in importlib.metadata.requires("sqlalchemy-asv") or ()]
    found = [each for each in stated if each.marker and each.marker.evaluate({"extra": extra})]
    for each in found:
        each.marker = None
    return [str(each) for each in found]


def of_release(commit: Path, wheel: Wheel) -> Requirements:
    """The exact pin in a commit of a dependency's history, and pins of its companions.

    A companion has the dependency's name with a suffix, and the wheel pins it at the same version,
    such as `psycopg-binary` beside `psycopg`: it is built from the same source. Raises `ValueError`
    if the wheel does not require the dependency.
    """
    text = commit.joinpath("requirements.txt").read_text(encoding="utf-8")
    ((name, version),) = exact_versions(parsed([text.strip()])).items()
    pinned = exact_versions(wheel.requires)
    if name not in pinned:
        raise ValueError(f"the data layer does not depend on {name}")
    return parsed(
        f"{other}=={version}"
        for other in pinned
        if f"{other}-".startswith(f"{name}-") and pinned[other] == pinned[name]
    )
