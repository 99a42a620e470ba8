"""The exact versions that a commit's requirements mean, decided once for all who ask the same."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from asv.util import ProcessError, UserError
from packaging.requirements import Requirement

from ..asv_ext.errors import last_line
from ..files import write_json
from .installers import Installer
from .sources import Source, name_of

VALID = 7 * 24 * 3600
"""Seconds for which a resolution is used. Two commits that ask the same must not differ because a
release came out between them; and no environment is to hold old releases forever."""


class Resolver:
    """Exact requirements by those that were asked for, kept in a folder."""

    def __init__(self, installer: Installer, python: str, folder: Path) -> None:
        self._installer = installer
        self._python = python
        self._folder = folder
        self.made = time.time()
        """The time at which the oldest of the versions was decided."""

    def exact(
        self,
        source: Source,
        *,
        labelled: Mapping[str, Requirement],
        more: Sequence[str],
        cwd: Path,
        place: str,
        replaced: Collection[str] = (),
    ) -> list[str]:
        """The exact requirements of a source, with `more`, and with the versions of a label.

        `replaced` are names in the label of which the source must have a version of its own.
        A lock is taken as it is: `more` is resolved beside it, and so it is beside requirements
        that do not agree with it, such as the pins of another commit. `place` tells environment and
        commit, which decide what a relative path means. Raises asv's `ProcessError`, and
        `UserError` for files that cannot be read.
        """
        if source.exact:
            found = list(source.requirements)
        else:
            try:
                found = self._kept(source, more, cwd, place)
                more = ()
            except ProcessError:
                if not more:
                    raise
                found = self._kept(source, (), cwd, place)
        if missing := set(replaced) - {name_of(each) for each in found}:
            raise UserError(f"the application does not depend on {missing.pop()}")
        if labelled or more:
            fixed = [each for each in found if name_of(each) not in labelled]
            asked = Source(source.name, (*more, *map(str, labelled.values())))
            constraints = [each for each in fixed if " @ " not in each]
            # A branch or a folder of a label's may have changed since it was looked at.
            anew = any(each.url for each in labelled.values())
            try:
                added = self._kept(asked, (), cwd, place, constraints, anew=anew)
            except ProcessError:
                # Another version may need other versions of what it depends on.
                added = self._kept(asked, (), cwd, place, anew=anew)
            found = [*{name_of(each): each for each in [*added, *fixed]}.values()]
        return sorted(found)

    def _kept(
        self,
        source: Source,
        more: Sequence[str],
        cwd: Path,
        place: str,
        constraints: Sequence[str] = (),
        *,
        anew: bool = False,
    ) -> list[str]:
        texts = [*source.texts(), "more", *more, "constraints", *constraints]
        parts = [self._python, sys.platform, *texts, place if source.local else ""]
        digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
        file = self._folder / f"{digest}.json"
        if not anew and file.exists() and time.time() - file.stat().st_mtime < VALID:
            self.made = min(self.made, file.stat().st_mtime)
            kept: list[str] = json.loads(file.read_text(encoding="utf-8"))
            return kept
        asked = [*more, *([source.package] if source.package else [])]
        found = self._installer.resolve(source, asked, constraints, cwd)
        found = [each for each in found if name_of(each) != name_of(source.package)]
        self._folder.mkdir(parents=True, exist_ok=True)
        write_json(file, found)
        return found


def explained(output: str) -> str:
    """The line of an installer's output that gives the reason of a failure.

    uv gives it as a cause; pip as its last error, but for one that says where to read more.
    """
    lines = [line.strip() for line in output.splitlines()]
    found = [
        match[1]
        for line in lines
        if (
            match := re.match(
                r"(?:cause|Caused by|ERROR|error): (?!ResolutionImpossible)(.*)", line
            )
        )
    ]
    return found[-1] if found else last_line(output)
