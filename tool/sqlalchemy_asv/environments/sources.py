"""How a commit says which packages it needs: by a lock, by requirements, or by its metadata."""

from __future__ import annotations

import dataclasses
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from asv.util import UserError
from packaging.markers import default_environment
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageVcs,
    Pylock,
    PylockSelectError,
    PylockUnsupportedVersionError,
    PylockValidationError,
)
from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import canonicalize_name

UV_LOCK = "uv.lock"
PYLOCK = "pylock.toml"
PROJECT = "pyproject.toml"
_NESTED = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]*(?P<file>\S+)", re.MULTILINE)
_LOCAL = re.compile(
    r"^\s*(?:-e\b|--editable|\.{1,2}/|/|file:)|@\s*(?:file:|\.{0,2}/)", re.MULTILINE
)


@dataclasses.dataclass(frozen=True)
class Source:
    """The requirements of a commit, in the words of pip."""

    name: str
    """The file, or files, that say them."""
    requirements: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    """Files of requirements, which pip and uv read."""
    groups: tuple[str, ...] = ()
    """Dependency groups, as `path:name`."""
    package: str = ""
    """A requirement that names the built commit, by the path of its wheel."""
    stated: tuple[str, ...] = ()
    """The requirements of that package, with their markers."""
    exact: bool = False
    """Whether the requirements are a lock's: each version is decided, and none is missing."""

    def texts(self) -> Iterator[str]:
        """All that decides which packages are chosen: requirements, and the content of files."""
        yield from sorted([*self.requirements, *self.stated])
        yield from sorted(self.groups)
        for project in {group.rpartition(":")[0] for group in self.groups}:
            yield _text(Path(project))
        waiting, seen = list(self.files), set()
        while waiting:
            file = waiting.pop().resolve()
            if file not in seen:
                seen.add(file)
                text = _text(file)
                waiting += [file.parent / found["file"] for found in _NESTED.finditer(text)]
                yield text

    @property
    def local(self) -> bool:
        """Whether a requirement is a folder or a file, whose content no version tells."""
        return any(_LOCAL.search(text) for text in self.texts())


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file.name} cannot be read: {error}") from error


def project(folder: Path) -> dict[str, Any]:
    """The content of a folder's `pyproject.toml`; empty if there is none.

    Raises asv's `UserError` if it is damaged.
    """
    file = folder / PROJECT
    if not file.exists():
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file.name} cannot be read: {error}") from error


def is_package(folder: Path) -> bool:
    """Whether a folder can be installed, by the rules of pip, uv and poetry."""
    content = project(folder)
    tool = content.get("tool", {})
    if (stated := tool.get("uv", {}).get("package")) is not None:
        return bool(stated)
    if tool.get("poetry", {}).get("package-mode") is False:
        return False
    if (folder / UV_LOCK).exists():  # uv takes a project without a build system for no package
        return "build-system" in content or (folder / "setup.py").exists()
    return "build-system" in content or "project" in content or (folder / "setup.py").exists()


def known(folder: Path, extras: Sequence[str], groups: Sequence[str]) -> tuple[Any, Any]:
    """Those of some extras and dependency groups that a folder's `pyproject.toml` has."""
    content = project(folder)
    optional = {
        *map(canonicalize_name, content.get("project", {}).get("optional-dependencies", {}))
    }
    grouped = {*map(canonicalize_name, content.get("dependency-groups", {}))}
    return (
        [each for each in extras if canonicalize_name(each) in optional],
        [each for each in groups if canonicalize_name(each) in grouped],
    )


def find_lock(name: str, folder: Path, root: Path) -> Path | None:
    """The lock for a folder: in it, or in a folder around it up to `root`."""
    for each in (folder, *folder.parents):
        if (each / name).is_file():
            return each / name
        if each == root:
            break
    return None


def requirement_files(folder: Path, stated: Sequence[str]) -> list[Path]:
    """The files of requirements: those that settings state, or the only one that can be meant.

    Raises asv's `UserError` if one is missing, or if it is not clear which are meant.
    """
    if stated:
        missing = [name for name in stated if not (folder / name).is_file()]
        if missing:
            raise UserError(f"there is no {missing[0]}, which `requirements` in the settings names")
        return [folder / name for name in stated]
    if (folder / "requirements.txt").is_file():
        return [folder / "requirements.txt"]
    found = sorted(folder.glob("requirements*.txt"))
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise UserError(
            f"there are {names}: name those that count in `requirements` of the settings"
        )
    return found


def of_pylock(
    file: Path, python: str, *, extras: Sequence[str] = (), groups: Sequence[str] = ()
) -> list[str]:
    """The requirements of a `pylock.toml` for a Python such as "3.12", with those of its groups.

    Raises asv's `UserError` if it is damaged, or does not apply.
    """
    version = tuple(map(int, python.split(".")))
    environment = default_environment()
    if version != sys.version_info[:2]:
        # No patch is known; locks ask for a late one rather than for an early one.
        environment |= {"python_version": python, "python_full_version": f"{python}.99"}
    try:
        lock = Pylock.from_dict(tomllib.loads(file.read_text(encoding="utf-8")))
        selected = lock.select(
            environment=environment,
            tags=[*cpython_tags(version), *compatible_tags(version)],
            extras=extras,
            dependency_groups=[*(lock.default_groups or ()), *groups],
        )
        return [_requirement(file, package, origin) for package, origin in selected]
    except (
        OSError,
        ValueError,
        PylockSelectError,
        PylockUnsupportedVersionError,
        PylockValidationError,
    ) as error:
        raise UserError(f"{file.name} cannot be used: {error}") from error


def _requirement(file: Path, package: Package, origin: object) -> str:
    subfolder = getattr(origin, "subdirectory", None)
    within = f"#subdirectory={subfolder}" if subfolder else ""
    if isinstance(origin, PackageVcs):
        place = origin.url or (file.parent / str(origin.path)).as_uri()
        return f"{package.name} @ {origin.type}+{place}@{origin.commit_id}{within}"
    if isinstance(origin, PackageDirectory):
        return f"{package.name} @ {(file.parent / origin.path).resolve().as_uri()}{within}"
    if isinstance(origin, PackageArchive):
        place = origin.url or (file.parent / str(origin.path)).resolve().as_uri()
        return f"{package.name} @ {place}{within}"
    return f"{package.name}=={package.version}"


def name_of(requirement: str) -> str:
    """The name in a requirement, normalised; empty for one without a name, such as a path."""
    try:
        return canonicalize_name(Requirement(requirement).name)
    except InvalidRequirement:
        return ""
