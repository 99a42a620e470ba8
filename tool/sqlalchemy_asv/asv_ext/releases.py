"""A git repository with one commit for each release of a dependency, since asv measures commits.

Each commit holds one exact pin and nothing else. Its parent is the highest lower release that was
published before it. So series that are maintained side by side become branches, and a later release
adds a commit and changes none. Author, dates and content depend on the release alone, so all clones
have the same commits.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from asv.util import load_json
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version
from pypi_simple import (
    PYPI_SIMPLE_ENDPOINT,
    DistributionPackage,
    NoSuchProjectError,
    PyPISimple,
    UnsupportedContentTypeError,
    UnsupportedRepoVersionError,
)

from ..files import write_text
from ..words import several
from .errors import stop
from .git import git

FOLDER = Path(".asv/releases")
"""A folder for each dependency: its `repository`, and the environments of asv."""
SETTINGS = "asv.releases.conf.json"
"""asv's settings for SQLAlchemy's releases; those of other dependencies are made from them."""
NEWEST = "newest"
"""The branch of the highest release. Other branches have the names of their series."""
IDENTITY = "sqlalchemy-asv <sqlalchemy-asv@localhost>"


@dataclass(frozen=True)
class Release:
    version: Version
    published: datetime
    yanked: str | None
    """The reason why it was withdrawn; None if it was not."""
    installable: bool
    """Whether there is a wheel for the Python that runs this."""


def pip_settings() -> dict[str, str]:
    """The configuration of pip, by option. Environment variables override files."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    # An environment that uv made has no pip, and so no settings of it.
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found: dict[str, str] = {}
    for place in ("global", "install", ":env:"):
        for option, value in re.findall(rf"(?m)^{place}\.([a-z-]+)=(.*)$", listed):
            found[option] = shlex.split(value)[0]
    return found


def published(name: str, *, pre: bool = False) -> list[Release]:
    """The releases of a distribution that pip's package index has, oldest first.

    Final ones; with `pre`, pre-releases as well.

    Ends with one line if the index does not answer, lacks the name, or gives no dates.
    """
    configured = pip_settings()
    try:
        with PyPISimple(configured.get("index-url", PYPI_SIMPLE_ENDPOINT)) as index:
            if "cert" in configured:
                index.s.verify = configured["cert"]
            page = index.get_project_page(name, timeout=float(configured.get("timeout", 15)))
    except NoSuchProjectError:
        stop(f"the package index has no {name}")
    except (
        requests.RequestException,
        UnsupportedContentTypeError,
        UnsupportedRepoVersionError,
    ) as error:
        # Without the error's own text: it has the index's address, perhaps with a password.
        kind = type(error).__name__
        stop(f"the package index that pip is configured with gives no answer ({kind})")
    files: dict[Version, list[DistributionPackage]] = {}
    for file in page.packages:
        try:
            version = Version(file.version or "")
        except InvalidVersion:
            continue
        if pre or not version.is_prerelease:
            files.setdefault(version, []).append(file)
    found = [release(name, version, of_version) for version, of_version in files.items()]
    return sorted(found, key=lambda each: (each.published, each.version))


def release(name: str, version: Version, files: list[DistributionPackage]) -> Release:
    """A release from its files; ends with one line if the index does not date them."""
    uploaded = [file.upload_time for file in files if file.upload_time]
    if not uploaded:
        stop(f"the package index does not date {name} {version}: have pip use one that does")
    yanked = all(file.is_yanked for file in files)
    reason = next((file.yanked_reason for file in files if file.yanked_reason), "no reason given")
    return Release(version, min(uploaded), reason if yanked else None, any(map(fits, files)))


def fits(file: DistributionPackage) -> bool:
    """Whether a file is a wheel for this Python."""
    running = ".".join(map(str, sys.version_info[:3]))
    try:
        *_, tags = parse_wheel_filename(file.filename)
    except InvalidWheelFilename:
        return False
    return not tags.isdisjoint(sys_tags()) and SpecifierSet(file.requires_python or "").contains(
        running
    )


def first_of_major(name: str) -> Version:
    """The default start of a history: the major version that the data layer pins."""
    try:
        project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
        requirements = map(Requirement, project["project"]["dependencies"])
        pins = [
            Version(each.version.removesuffix(".*"))
            for requirement in requirements
            if canonicalize_name(requirement.name) == name
            for each in requirement.specifier
            if each.operator in ("==", "~=", ">=")
        ]
    except (OSError, ValueError, KeyError):
        pins = []
    if not pins:
        stop(
            f"pyproject.toml pins no {name}, so the first release is not known: say --since VERSION"
        )
    return Version(f"{min(pins).major}.0")


class Repository:
    """The bare repository with the history of one dependency; made with its first release."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name

    def git(self, *arguments: str, **options: Any) -> str:
        """The output of a git command. Raises asv's `UserError`."""
        return git(".", f"--git-dir={self.folder}", *arguments, **options)

    def commits(self) -> dict[Version, str]:
        """The commit of each release in the repository."""
        if not self.folder.exists():
            return {}
        listed = self.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/tags")
        return {Version(tag): commit for tag, commit in map(str.split, listed.splitlines())}

    def add(self, releases: Iterable[Release]) -> list[Release]:
        """Commit and tag missing releases; returns them. A killed process leaves all or none."""
        known = set(self.commits())
        new = sorted(
            (each for each in releases if each.version not in known),
            key=lambda each: (each.published, each.version),
        )
        stream = []
        for each in new:
            parent = max((v for v in known if v < each.version), default=None)
            if parent is None and known:
                stop(
                    f"the history of {self.name} begins with {min(known)}, after {each.version}: to"
                    f" begin earlier, remove {self.folder.parent}"
                )
            stream.append(self.commit(each, parent))
            known.add(each.version)
        if new:
            if not self.folder.exists():
                self.folder.parent.mkdir(parents=True, exist_ok=True)
                begin = ("init", "--quiet", "--bare", f"--initial-branch={NEWEST}")
                self.git(*begin, str(self.folder))
            self.git("fast-import", "--quiet", "--done", input="".join([*stream, "done\n"]))
        self.update_branches()
        return new

    def commit(self, release: Release, parent: Version | None) -> str:
        """The input of `git fast-import` for a release."""
        when = f"{IDENTITY} {int(release.published.timestamp())} +0000"
        message, pin = f"{self.name} {release.version}", f"{self.name}=={release.version}\n"
        return (
            f"commit refs/tags/{release.version}\nauthor {when}\ncommitter {when}\n"
            f"data {len(message)}\n{message}\n"
            + (f"from refs/tags/{parent}\n" if parent else "")
            + f"M 100644 inline requirements.txt\ndata {len(pin)}\n{pin}\n"
        )

    def update_branches(self) -> None:
        """Give a branch to each commit that has no child."""
        commits = self.commits()
        lines = self.git("rev-list", "--tags", "--parents").splitlines()
        parents = {parent for line in lines for parent in line.split()[1:]}
        ends = {NEWEST: commits[max(commits)]}
        for version in sorted(commits, reverse=True):
            if commits[version] not in parents | set(ends.values()):
                series = f"{version.major}.{version.minor}.x"
                ends[f"{version}.x" if series in ends else series] = commits[version]
        for branch in set(self.branches()) - set(ends):
            self.git("update-ref", "-d", f"refs/heads/{branch}")
        for branch, commit in ends.items():
            self.git("update-ref", f"refs/heads/{branch}", commit)

    def branches(self) -> list[str]:
        listed = self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
        return sorted(listed, key=lambda branch: (branch != NEWEST, branch))


def settings_file(name: str) -> Path:
    """The file of asv's settings for a dependency's releases."""
    return Path(
        SETTINGS if name == "sqlalchemy" else SETTINGS.replace("releases", f"releases-{name}")
    )


def settings_of(name: str, branches: list[str], *, pre: bool) -> Path:
    """The file of asv's settings for a dependency's releases; written if it is missing."""
    given = Path(SETTINGS)
    path = settings_file(name)
    if not path.exists():
        conf = load_json(str(given), js_comments=True)
        conf |= {
            "repo": str(FOLDER / name / "repository"),
            "env_dir": str(FOLDER / name / "env"),
            "results_dir": f"results/releases-{name}",
            "html_dir": f".asv/site/releases-{name}",
            "branches": branches,
        }
        own = {key: value for key, value in conf["sqlalchemy_asv"].items() if key != "document"}
        conf["sqlalchemy_asv"] = own | {"pre_releases": pre}
        write_text(path, f"{json.dumps(conf, indent=4)}\n")
    return path


def has_pre_releases(name: str) -> bool:
    """Whether the settings ask for the pre-releases of a dependency."""
    path = settings_file(name)
    if not path.exists():
        return False
    own = load_json(str(path), js_comments=True).get("sqlalchemy_asv", {})
    return bool(own.get("pre_releases", False))


def update(
    name: str, since: Version | None, *, pre: bool = False, part: tuple[int, int] = (1, 1)
) -> list[str]:
    """Bring a dependency's history up to date; returns lines that describe it.

    Pre-releases belong to it if `pre`, or if the settings say so. `part` is (2, 8) for the second
    of eight parts of the releases to measure.

    Prints a line for each release that is left out, or that this Python cannot install.
    """
    name = canonicalize_name(name)
    if not Path(SETTINGS).exists():
        stop(
            f"there is no {SETTINGS} here, which the settings are made from: copy the one in this"
            " tool's repository, and correct what it measures"
        )
    begin = since or first_of_major(name)
    pre = pre or has_pre_releases(name)
    releases = [each for each in published(name, pre=pre) if each.version >= begin]
    if not releases:
        stop(f"the package index has no release of {name} from {begin} on")
    # Releases of other series that are older than the first release are no part of the history.
    first = min(releases, key=lambda each: each.version)
    releases = [each for each in releases if each.published >= first.published]
    repository = Repository(FOLDER / name / "repository", name)
    here = repository.commits()
    python = ".".join(map(str, sys.version_info[:2]))
    for each in releases:
        if each.yanked and each.version not in here:
            warn(f"{name} {each.version} was withdrawn, so it is left out: {each.yanked}")
        elif not each.installable:
            warn(f"{name} {each.version} has no wheel for Python {python}: not measured here")
    kept = [each for each in releases if not each.yanked]
    if not kept and not here:
        stop(f"the package index has no release of {name} that was not withdrawn")
    between = [each.version for each in kept if each.version.is_prerelease]
    if here and between and min(between) < max(here) and not any(v.is_prerelease for v in here):
        stop(
            f"the history of {name} was made without pre-releases: to have them, remove"
            f" {repository.folder.parent}"
        )
    new = repository.add(kept)
    commits = repository.commits()
    measured = [each.version for each in releases if each.installable and each.version in commits]
    # Neighbours in one part, since steps between releases of one machine are certain.
    which, parts = part
    begins, ends = (len(measured) * number // parts for number in (which - 1, which))
    measured = measured[begins:ends]
    listed = FOLDER / name / "commits"
    # The newest first, so that a stopped run has measured those.
    listed.write_text("".join(f"{commits[v]}\n" for v in reversed(measured)), "utf-8")
    settings = settings_of(name, repository.branches(), pre=pre)
    return [
        f"{name}: {several(len(commits), 'release')} from {min(commits)} to {max(commits)},"
        f" branches {', '.join(repository.branches())}",
        f"new: {', '.join(str(each.version) for each in new) or 'none'}",
        *([f"part {which} of {parts}: {several(len(measured), 'release')}"] if parts > 1 else []),
        f"measure them: asv --config {settings} run HASHFILE:{listed} --skip-existing",
    ]


def warn(line: str) -> None:
    print(f"sqlalchemy-asv: {line}", file=sys.stderr)
