"""Commands that are killed at any moment: nothing is lost, and nothing is left behind.

    python -m maintenance.campaign
    python -m maintenance.campaign --command compare --database sqlite --signal KILL --moments 1

Each command runs in a clone, and gets a signal at a moment that a seed chooses. Within ten seconds
its processes, folders and databases must be gone; where its janitor was killed too, the next run
must remove them. Results and checkout must be whole. The same command must then give the right
answer. At the end, two of each command run at once.

Exit codes: 0 all was as it must be, 1 something was not, 2 it could not be tried.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from asv.util import UserError
from sqlalchemy_asv.asv_ext.errors import in_one_line
from sqlalchemy_asv.asv_ext.git import git

PATIENCE = 10
"""Seconds after which nothing may be left."""
SCENARIO = "social.CreateUser"
HOW = ("--scenario", SCENARIO, "--no-instructions")
TOOL = str(Path(sys.executable).with_name("sqlalchemy-asv"))
ASV = (sys.executable, "-m", "asv")
COMMANDS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "compare": ((TOOL, "compare", "HEAD~1", "HEAD", *HOW, "--time", "none"), 1, "statements 1 → 2"),
    "time": ((TOOL, "compare", "HEAD~1", "HEAD", *HOW, "--seconds", "6"), 1, "statements 1 → 2"),
    "bisect": (
        (TOOL, "bisect", SCENARIO, "HEAD~2", "HEAD", "--metric", "statements"),
        0,
        "one more statement",
    ),
    "profile": ((TOOL, "profile", SCENARIO, "--runs", "3"), 0, "INSERT INTO users"),
    "run": (
        (*ASV, "run", "HEAD^!", "--bench", rf"{SCENARIO}\.(time_cpu|track_statements)"),
        0,
        "track_statements",
    ),
}
"""Commands, by name: the arguments, the exit code, and a text that the right answer contains."""
SIGNALS = {
    "KILL": (signal.SIGKILL, False),
    "TERM": (signal.SIGTERM, False),
    "INT": (signal.SIGINT, False),
    "KILL with its janitor": (signal.SIGKILL, True),
}
"""Signals by name, and whether the janitor gets it as well."""


def is_janitor(process: psutil.Process) -> bool:
    try:
        return "scratch.py" in str(process.cmdline())
    except psutil.Error:  # it has ended
        return False


class Trial:
    """A clone whose HEAD sends one more statement, and a folder for all that is temporary."""

    def __init__(self, folder: Path, database: str) -> None:
        self.clone, self.temporary = folder / "clone", folder / "tmp"
        self.temporary.mkdir()
        self.environment = {
            **os.environ,
            "DATABASE": database,
            "HOME": str(folder),
            "TMPDIR": str(self.temporary),
        }
        self.environment.pop("POSTGRESQL_URL", None)  # a server of the run's own
        git(folder, "clone", "--quiet", str(Path.cwd()), str(self.clone))
        operations = self.clone / "fixtures" / "social" / "operations.py"
        source = operations.read_text(encoding="utf-8")
        place = "    session.add(user)\n"
        if source.count(place) != 1:
            raise UserError(f"the place for one more statement in {operations.name} is gone")
        self.commit("nothing")
        operations.write_text(
            source.replace(place, f"    session.scalar(select(User.id).limit(1))\n{place}"), "utf-8"
        )
        self.commit("one more statement")
        self.head = git(self.clone, "rev-parse", "HEAD")

    def commit(self, message: str) -> None:
        identity = ("-c", "user.name=campaign", "-c", "user.email=campaign@localhost")
        git(self.clone, *identity, "commit", "--quiet", "--all", "--allow-empty", "-m", message)

    def start(self, arguments: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
        with output.open("wb") as stream:
            return subprocess.Popen(
                arguments,
                cwd=self.clone,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )

    # --- what must hold -----------------------------------------------------------------------

    def answer(self, name: str) -> Iterator[str]:
        """Run a command to its end. Yields what is wrong with its answer."""
        yield from self.wrong(name, self.start(COMMANDS[name][0], self.output(name)), name)

    def output(self, name: str) -> Path:
        return self.temporary.parent / f"{name}.txt"

    def wrong(self, name: str, process: subprocess.Popen[bytes], output: str) -> Iterator[str]:
        _, code, text = COMMANDS[name]
        ended = process.wait(600)
        said = self.output(output).read_text(encoding="utf-8", errors="replace")
        if ended != code or text not in said:
            yield f"exit code {ended}, and it said: {said}"

    def left(self) -> list[str]:
        """All that is left of commands that have ended."""
        found = [path.name for path in self.temporary.iterdir()]
        for process in psutil.process_iter(["cmdline"]):
            with contextlib.suppress(psutil.Error):
                if process.environ().get("TMPDIR", "").startswith(str(self.temporary)):
                    found.append(" ".join(process.info["cmdline"] or ["a process"]))
        return found

    def remains(self) -> Iterator[str]:
        """Yields what is left after the time in which everything must be gone."""
        end = time.monotonic() + PATIENCE
        while (found := self.left()) and time.monotonic() < end:
            time.sleep(0.2)
        if found:
            yield f"left after {PATIENCE} s: {'; '.join(found)}"

    def damaged(self) -> Iterator[str]:
        """Yields what is no longer whole: results and checkout."""
        for file in (self.clone / "results").rglob("*.json"):
            try:
                json.loads(file.read_text(encoding="utf-8"))
            except ValueError as error:
                yield f"{file.name}: {error}"
        if strays := list((self.clone / "results").rglob("*.tmp")):
            yield f"half-written: {strays}"
        changed = git(self.clone, "status", "--porcelain", "--", ":!results")
        if changed or git(self.clone, "rev-parse", "HEAD") != self.head:
            yield f"the checkout has changed: {changed}"

    # --- what is done -------------------------------------------------------------------------

    def interrupted(self, name: str, sign: str, moment: float) -> Iterator[str]:
        """Send a signal to a command after some seconds. Yields what is wrong."""
        number, janitor_too = SIGNALS[sign]
        process = self.start(COMMANDS[name][0], self.output(name))
        time.sleep(moment)
        targets = [psutil.Process(process.pid)]
        if janitor_too:
            targets += [each for each in targets[0].children() if is_janitor(each)]
        for target in targets:
            with contextlib.suppress(psutil.Error):
                target.send_signal(number)
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            yield f"it did not end within {PATIENCE} s"
            return
        said = self.output(name).read_text(encoding="utf-8", errors="replace")
        # It may have ended by itself before.
        if code not in (-number, COMMANDS[name][1], 2) or "Traceback" in said:
            yield f"it ended with exit code {code} and said: {said}"
        if not janitor_too:
            yield from self.remains()
        yield from self.damaged()
        yield from self.answer(name)
        yield from self.remains()
        yield from self.damaged()

    def at_once(self, name: str) -> Iterator[str]:
        """Run two of a command at once. Yields what is wrong."""
        outputs = [f"{name}-{number}" for number in "12"]
        started = [self.start(COMMANDS[name][0], self.output(each)) for each in outputs]
        for process, output in zip(started, outputs, strict=True):
            yield from self.wrong(name, process, output)
        yield from self.remains()
        yield from self.damaged()


def campaign(options: argparse.Namespace) -> int:
    """Try each command on each database with each signal; print a line for each trial."""
    moments = random.Random(options.seed)
    failures = trials = 0
    for database in options.database:
        with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
            trial = Trial(Path(folder), database)
            for name in options.command:
                list(trial.answer(name))  # makes environments
                start = time.monotonic()
                problems = list(trial.answer(name))
                whole = time.monotonic() - start
                failures += report(f"{name} on {database}, undisturbed, {whole:.1f} s", problems)
                for sign in options.signal:
                    for _ in range(options.moments):
                        moment = moments.uniform(0.05, 1) * whole
                        problems = list(trial.interrupted(name, sign, moment))
                        trials += 1
                        failures += report(
                            f"{name} on {database}, {sign} after {moment:.1f} s", problems
                        )
                problems = list(trial.at_once(name))
                trials += 1
                failures += report(f"two of {name} on {database} at once", problems)
    print(f"{trials} trials, {failures} with a problem")
    return int(failures > 0)


def report(trial: str, problems: list[str]) -> bool:
    print(f"{trial}: {'; '.join(problems) or 'as it must be'}", flush=True)
    return bool(problems)


def main(arguments: Sequence[str] | None = None) -> int:
    # A shell that starts this in the background lets its processes ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(
        prog="python -m maintenance.campaign",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    some: Any = {"action": "append"}
    parser.add_argument("--command", choices=COMMANDS, **some)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), **some)
    parser.add_argument("--signal", choices=SIGNALS, **some)
    parser.add_argument("--moments", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    options.command = options.command or ["compare", "bisect", "run"]
    options.database = options.database or ["sqlite", "postgresql"]
    options.signal = options.signal or list(SIGNALS)
    with in_one_line(debug=False, option="python -X dev"):
        return campaign(options)


if __name__ == "__main__":
    sys.exit(main())
