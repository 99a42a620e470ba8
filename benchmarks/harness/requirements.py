"""The versions that a commit's pins, or an environment's name, ask for."""

import json
import re
import tomllib
from pathlib import Path


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(requirements: list[str]) -> dict[str, str]:
    """The versions that `name==version` requirements ask for; others and extras are left out."""
    exact = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*==\s*([^\s;,*]+)\s*$")
    found = [exact.match(requirement) for requirement in requirements]
    return {normalized(match[1]): match[2] for match in found if match}


def matrix_requirements(environment_folder: Path) -> dict[str, str]:
    """The versions that make part of an asv environment's name, by distribution."""
    info = json.loads((environment_folder / "asv-env-info.json").read_text(encoding="utf-8"))
    return {
        normalized(name.removeprefix("pip+")): version
        for name, version in info["requirements"].items()
        if version
    }


def repinned(project: str, name: str, version: str) -> str:
    """The text of pyproject.toml with another version of a dependency.

    What it pins beside it, such as `psycopg-binary` beside `psycopg`, at the same version, is built
    from the same source and goes with it.

    Raises `ValueError` if the data layer does not pin the dependency.
    """
    pinned = pins(tomllib.loads(project)["project"]["dependencies"])
    if name not in pinned:
        raise ValueError(f"the data layer does not depend on {name}")
    together = {
        other
        for other, at in pinned.items()
        if at == pinned[name] and f"{other}-".startswith(f"{name}-")
    }

    def replaced(match: re.Match[str]) -> str:
        return f'"{match[1]}=={version}"' if normalized(match[1]) in together else match[0]

    return re.sub(r'"([A-Za-z0-9._-]+)==[^"]*"', replaced, project)
