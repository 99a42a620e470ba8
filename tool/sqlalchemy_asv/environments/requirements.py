"""Requirements of a wheel, of the working tree, and of an environment's label, by name."""

from __future__ import annotations

import dataclasses
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

from asv.util import UserError
from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

Requirements = dict[str, Requirement]


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
    requires: Requirements

    @classmethod
    def read(cls, file: Path) -> Wheel:
        """Read a wheel's file. Raises `StopIteration` if it has no metadata."""
        with zipfile.ZipFile(file) as archive:
            name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            found, _ = parse_email(archive.read(name))
        return cls(file, found["name"], parsed(found.get("requires_dist", [])))


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


def of_extras(project: Path, extras: Iterable[str]) -> Requirements:
    """Optional dependencies in a `pyproject.toml`. Raises asv's `UserError` if it is damaged."""
    if not extras:
        return {}
    try:
        content = tomllib.loads(project.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{project} of the working tree cannot be read: {error}") from error
    optional = content.get("project", {}).get("optional-dependencies", {})
    return parsed(text for extra in extras for text in optional.get(extra, []))


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
