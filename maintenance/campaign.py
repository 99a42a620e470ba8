"""Commands that are ended at any moment: nothing is lost, and nothing is left behind.

    python -m maintenance.campaign
    python -m maintenance.campaign --command compare --database sqlite --how KILL --moments 1
    python -m maintenance.campaign --how "a full disk" --moments 10

Each command runs in a repository of its own, and meets an accident at a moment that a seed chooses:
a signal, a disk that is full, or a server that ends its connections. Within ten seconds its
processes, folders and connections must be gone; where its janitor was killed too, the next run must
remove them. Results and checkout must be whole. The same command must then give the right answer.
At the end, two and four of each command run at once.

The database `postgresql` is a server of each run's own. `postgresql-server` and `mariadb-server`
are those of POSTGRESQL_URL and MARIADB_URL. A full disk needs root, which mounts one of its own.

`--record FILE` keeps each trial that was as it must be. A campaign that is started again leaves
these out. `maintenance/campaign.jsonl` has those that were made; `--table` prints their number, and
tries nothing.

Exit codes: 0 all was as it must be, 1 something was not, 2 it could not be tried.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from asv.util import UserError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy_asv.asv_ext.errors import in_one_line
from sqlalchemy_asv.asv_ext.git import git
from sqlalchemy_asv.databases.mariadb import MariaDB
from sqlalchemy_asv.databases.postgresql import PostgreSQL
from sqlalchemy_asv.databases.server import PREFIX, Server
from tabulate import tabulate

from tests.support import applications
from tests.support.applications.stock import STOCK

MADE = Path(__file__).with_suffix(".jsonl")
"""The trials that were made, and were as they must be: a line of JSON each."""
PATIENCE = 10
"""Seconds after which nothing may be left."""
LIMIT = 900
"""Seconds after which a command that was not ended must have given its answer."""
SPACE = 4_000_000_000
"""Bytes of the disk that gets full."""
DISK = "disk"
"""The folder, below a trial's own, of all that commands write."""
SCENARIO = "social.CreateUser"
CHANGED = "statements 1 → 2"
HOW = ("--scenario", SCENARIO, "--no-instructions")
TOOL = str(Path(sys.executable).with_name("sqlalchemy-asv"))
ASV = (sys.executable, "-m", "asv")
REGRESSION = applications.regression(STOCK)
SQLITE, OWN = "sqlite", "postgresql"
SERVERS: dict[str, type[Server]] = {"postgresql-server": PostgreSQL, "mariadb-server": MariaDB}
"""Servers that outlive a run."""
DATABASES = (SQLITE, OWN, *SERVERS)


@dataclasses.dataclass(frozen=True)
class Command:
    """A command line, and its right answer."""

    arguments: tuple[str, ...]
    codes: tuple[int, ...]
    says: str
    """A regular expression that the answer contains."""
    application: bool = False
    """Whether it runs in the repository of an application, not in this one."""
    has_database: bool = True
    """Whether it runs on any database."""


COMMANDS: dict[str, Command] = {
    "compare": Command((TOOL, "compare", "HEAD~1", "HEAD", *HOW, "--time=none"), (1,), CHANGED),
    "time": Command((TOOL, "compare", "HEAD~1", "HEAD", *HOW, "--seconds=6"), (1,), CHANGED),
    "bisect": Command(
        (TOOL, "bisect", SCENARIO, "HEAD~2", "HEAD", "--metric=statements"),
        (0,),
        "one more statement",
    ),
    "profile": Command((TOOL, "profile", SCENARIO, "--runs=3"), (0,), "INSERT INTO users"),
    "run": Command(
        (*ASV, "run", "HEAD^!", "--bench", rf"{SCENARIO}\.(time_cpu|track_statements)"),
        (0,),
        "track_statements",
    ),
    # On a busy machine it may be over its limits.
    "load": Command(
        (TOOL, "load", "feed", "--users=3", "--seconds=3", "--warm-up=1"), (0, 1), "home_feed"
    ),
    "upgrade": Command(
        (TOOL, "upgrade", "sqlalchemy==2.0.57", "sqlalchemy==2.0.58", "--scenario", SCENARIO),
        (0,),
        "1 unchanged",
    ),
    "publish": Command((*ASV, "publish"), (0,), "Writing", has_database=False),
    "tests": Command(
        (TOOL, "compare", "--tests", *REGRESSION),
        (1,),
        "Shelf.items loaded lazily",
        application=True,
        has_database=False,
    ),
    "upgrade of tests": Command(
        (TOOL, "upgrade", "sqlalchemy==2.0.40", "sqlalchemy==2.0.41"),
        (0,),
        "unchanged",
        application=True,
        has_database=False,
    ),
    # What an interrupted one had written whole, the next one leaves as it is.
    "init": Command(
        (TOOL, "init"),
        (0, 2),
        "It runs: first.Read|is there already, so init has nothing to write",
        application=True,
        has_database=False,
    ),
}
SIGNALS = {
    "KILL": (signal.SIGKILL, False),
    "TERM": (signal.SIGTERM, False),
    "INT": (signal.SIGINT, False),
    "KILL with its janitor": (signal.SIGKILL, True),
}
"""Signals by name, and whether the janitor gets it as well."""
FULL, ENDED = "a full disk", "ended connections"
AT_ONCE = {"two at once": 2, "four at once": 4}
CUT = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    "mariadb": "SELECT id FROM information_schema.processlist"
    " WHERE id <> connection_id() AND user <> 'system user'",
}
"""The query that ends all other connections; on MariaDB, the one for their numbers."""


def is_janitor(process: psutil.Process) -> bool:
    try:
        return "scratch.py" in str(process.cmdline())
    except psutil.Error:  # it has ended
        return False


class Trial:
    """Repositories whose HEAD is worse, and a folder for all that is temporary."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder, self.disk = folder, folder / DISK
        self.temporary = self.disk / "tmp"
        self.temporary.mkdir(parents=True)
        self.server = SERVERS.get(database)
        self.environment = {
            **os.environ,
            "DATABASE": self.server.name if self.server else database,
            "HOME": str(self.disk),
            "TMPDIR": str(self.temporary),
        }
        if database == OWN:
            self.environment.pop("POSTGRESQL_URL", None)
        self.clone = self.disk / "clone"
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
        self.application = STOCK.make(self.disk)
        self.heads = {
            root: git(root, "rev-parse", "HEAD") for root in (self.clone, self.application)
        }

    def commit(self, message: str) -> None:
        identity = ("-c", "user.name=campaign", "-c", "user.email=campaign@localhost")
        git(self.clone, *identity, "commit", "--quiet", "--all", "--allow-empty", "-m", message)

    def root(self, name: str) -> Path:
        return self.application if COMMANDS[name].application else self.clone

    def start(self, name: str, output: str = "") -> subprocess.Popen[bytes]:
        with self.output(output or name).open("wb") as stream:
            return subprocess.Popen(
                COMMANDS[name].arguments,
                cwd=self.root(name),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )

    # --- what must hold -----------------------------------------------------------------------

    def answer(self, name: str) -> Iterator[str]:
        """Run a command to its end. Yields what is wrong with its answer."""
        yield from self.wrong(name, self.start(name), name)

    def output(self, name: str) -> Path:
        return self.folder / f"{name}.txt"  # not on the disk, which may be full

    def said(self, output: str) -> str:
        return self.output(output).read_text(encoding="utf-8", errors="replace")

    def wrong(self, name: str, process: subprocess.Popen[bytes], output: str) -> Iterator[str]:
        ended = process.wait(LIMIT)
        said = self.said(output)
        if ended not in COMMANDS[name].codes or not re.search(COMMANDS[name].says, said):
            yield f"exit code {ended}, and it said: {said}"

    def left(self) -> list[str]:
        """All that is left of commands that have ended."""
        found = [path.name for path in self.temporary.iterdir()]
        for process in psutil.process_iter(["cmdline"]):
            with contextlib.suppress(psutil.Error):
                if process.environ().get("TMPDIR", "").startswith(str(self.temporary)):
                    found.append(" ".join(process.info["cmdline"] or ["a process"]))
        return found

    def remains(self, *, databases: bool = False) -> Iterator[str]:
        """Yields what is left after the time in which everything must be gone."""
        end = time.monotonic() + PATIENCE
        while (found := self.left()) and time.monotonic() < end:
            time.sleep(0.2)
        if databases:
            found += self.databases()
        if found:
            yield f"left after {PATIENCE} s: {'; '.join(found)}"

    def databases(self) -> list[str]:
        """Databases on a server that one process writes to; those that are read stay for later."""
        if self.server is None:
            return []
        with self.server.admin() as admin:
            names = self.server.databases(admin)
        return [name for name in names if name.startswith(f"{PREFIX}_w_")]

    def damaged(self) -> Iterator[str]:
        """Yields what is no longer whole: results and checkouts."""
        for file in (self.clone / "results").rglob("*.json"):
            try:
                json.loads(file.read_text(encoding="utf-8"))
            except ValueError as error:
                yield f"{file.name}: {error}"
        for root, head in self.heads.items():
            if strays := [each for each in root.rglob("*.tmp") if ".asv" not in each.parts]:
                yield f"half-written: {strays}"
            changed = git(root, "status", "--porcelain", "--", ":!results", ":!.gitignore")
            made = {"?? asv.conf.json", "?? benchmarks/"} if root == self.application else set()
            if (root / "asv.conf.json").exists() and not any(root.glob("benchmarks/*.py")):
                yield "there are settings, and no benchmarks"
            if {*changed.splitlines()} - made or git(root, "rev-parse", "HEAD") != head:
                yield f"the checkout has changed: {changed}"

    def forget(self, name: str) -> None:
        """Undo what a command has written that it writes once."""
        if name == "init":
            git(self.application, "checkout", "--quiet", ".")
            git(self.application, "clean", "--quiet", "--force", "-d", "--exclude=.asv")

    # --- what is done -------------------------------------------------------------------------

    def tried(self, name: str, how: str, moment: float) -> Iterator[str]:
        """Let a command meet an accident after some seconds. Yields what is wrong."""
        self.forget(name)
        if how in SIGNALS:
            yield from self.interrupted(name, how, moment)
        elif how == FULL:
            yield from self.on_a_full_disk(name, moment)
        else:
            yield from self.cut_off(name, moment)

    def interrupted(self, name: str, sign: str, moment: float) -> Iterator[str]:
        """Send a signal to a command after some seconds. Yields what is wrong."""
        number, janitor_too = SIGNALS[sign]
        process = self.start(name)
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
        # It may have ended by itself before.
        yield from self.refused(name, code, -number)
        if not janitor_too:
            yield from self.remains()
        yield from self.afterwards(name)

    def refused(self, name: str, code: int, *codes: int) -> Iterator[str]:
        """Yields what is wrong with the end of a command that could not go on."""
        said = self.said(name)
        if code not in (*codes, *COMMANDS[name].codes, 2) or re.search(r"^Traceback", said, re.M):
            yield f"it ended with exit code {code} and said: {said}"

    def afterwards(self, name: str) -> Iterator[str]:
        """Yields what is wrong with results, and with the same command now."""
        yield from self.damaged()
        yield from self.answer(name)
        yield from self.remains(databases=True)
        yield from self.damaged()

    def on_a_full_disk(self, name: str, moment: float) -> Iterator[str]:
        """Fill the disk of all files after some seconds. Yields what is wrong."""
        process = self.start(name)
        time.sleep(moment)
        filler = self.disk / "filler"
        left = os.statvfs(self.disk)
        with contextlib.suppress(OSError), filler.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, left.f_bavail * left.f_frsize)
        try:
            code = process.wait(LIMIT)
            yield from self.remains()
        finally:
            filler.unlink()
        yield from self.refused(name, code)
        yield from self.afterwards(name)

    def cut_off(self, name: str, moment: float) -> Iterator[str]:
        """End every connection to the server after some seconds. Yields what is wrong."""
        process = self.start(name)
        time.sleep(moment)
        self.cut()
        yield from self.refused(name, process.wait(LIMIT))
        yield from self.remains()
        yield from self.afterwards(name)

    def cut(self) -> None:
        """End all other connections of the server."""
        assert self.server is not None
        with self.server.admin() as admin:
            found = list(admin.scalars(text(CUT[self.server.name])))
            for number in found if self.server is MariaDB else ():
                with contextlib.suppress(SQLAlchemyError):  # it has ended
                    admin.execute(text("KILL :number"), {"number": number})

    def at_once(self, name: str, number: int = 2) -> Iterator[str]:
        """Run several of a command at once. Yields what is wrong."""
        self.forget(name)
        outputs = [f"{name}-{place}" for place in range(number)]
        started = [self.start(name, each) for each in outputs]
        for process, output in zip(started, outputs, strict=True):
            yield from self.wrong(name, process, output)
        yield from self.remains(databases=True)
        yield from self.damaged()


# --- the campaign ---------------------------------------------------------------------------------


class Record:
    """The trials that were as they must be, kept in a file if one is given."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self.good: list[dict[str, Any]] = []
        if file is not None and file.exists():
            self.good = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        self.bad = 0

    def has(self, trial: dict[str, Any]) -> bool:
        return trial in self.good

    def add(self, trial: dict[str, Any], problems: list[str], remark: str = "") -> None:
        """Print what came of a trial, and keep it if it was good."""
        title = f"{trial['command']} on {trial['database']}, {trial['how']}{remark}"
        print(f"{title}: {'; '.join(problems) or 'as it must be'}", flush=True)
        if problems:
            self.bad += 1
            return
        self.good.append(trial)
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as stream:
                stream.write(f"{json.dumps(trial)}\n")

    def table(self) -> str:
        """The number of good trials, by what happened and database, in Markdown."""
        accidents = (*SIGNALS, FULL, ENDED, *AT_ONCE)
        counted = Counter((each["how"], each["database"]) for each in self.good)
        rows = [[how, *(counted[how, each] for each in DATABASES)] for how in accidents]
        of_all = (sum(counted[how, each] for how in accidents) for each in DATABASES)
        rows.append(["all", *of_all])
        return str(tabulate(rows, ["", *DATABASES], tablefmt="github"))


def trials_of(name: str, database: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The trials of a command on a database."""
    for how in options.how:
        if how == ENDED and database not in SERVERS:
            continue
        for number in range(1 if how in AT_ONCE else options.moments):
            yield {"command": name, "database": database, "how": how, "number": number}


def campaign(options: argparse.Namespace) -> int:
    """Try each command on each database with each accident; print a line for each trial."""
    record = Record(options.record)
    for database in options.database:
        with folder_of_its_own(full=FULL in options.how) as folder:
            trial = Trial(folder, database)
            for name in options.command:
                if database != SQLITE and not COMMANDS[name].has_database:
                    continue
                asked = [t for t in trials_of(name, database, options) if not record.has(t)]
                if asked:
                    of_command(trial, name, asked, record, options.seed)
    print(f"\n{record.table()}\n\n{len(record.good)} trials as they must be, {record.bad} not")
    return int(record.bad > 0)


def of_command(
    trial: Trial, name: str, asked: Sequence[dict[str, Any]], record: Record, seed: int
) -> None:
    """Make the trials of a command that are asked for."""
    list(trial.answer(name))  # makes environments
    trial.forget(name)
    start = time.monotonic()
    problems = list(trial.answer(name))
    whole = time.monotonic() - start
    database = asked[0]["database"]
    undisturbed = {"command": name, "database": database, "how": "undisturbed", "number": 0}
    if not record.has(undisturbed):
        record.add(undisturbed, problems, f", {whole:.1f} s")
    for each in asked:
        how = each["how"]
        if how in AT_ONCE:
            record.add(each, list(trial.at_once(name, AT_ONCE[how])))
            continue
        # Of its own, so that a campaign that goes on draws the same moments.
        drawn = random.Random(f"{seed} {database} {name} {how} {each['number']}")
        moment = drawn.uniform(0.02, 1) * whole
        record.add(each, list(trial.tried(name, how, moment)), f" after {moment:.1f} s")


@contextlib.contextmanager
def folder_of_its_own(*, full: bool) -> Iterator[Path]:
    """A temporary folder; if its disk is to get full, with one of its own."""
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
        if not full:
            yield Path(folder)
            return
        disk = Path(folder, DISK)
        disk.mkdir()
        how = ("-t", "tmpfs", "-o", f"size={SPACE}", "tmpfs")
        if subprocess.run(["mount", *how, disk], check=False).returncode:
            raise UserError("a disk that gets full could not be mounted: that needs root")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)


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
    parser.add_argument("--database", choices=DATABASES, **some)
    parser.add_argument("--how", choices=[*SIGNALS, FULL, ENDED, *AT_ONCE], **some)
    parser.add_argument("--moments", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", type=Path, metavar="FILE")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args(arguments)
    if options.table:
        print(Record(MADE).table())
        return 0
    options.command = options.command or list(COMMANDS)
    options.database = options.database or [SQLITE, OWN]
    options.how = options.how or [*SIGNALS, *AT_ONCE]
    with in_one_line(debug=False, option="python -X dev"):
        for database in options.database:
            kind = SERVERS.get(database)
            if kind and not os.environ.get(kind.variable):
                raise UserError(f"{kind.variable} names no server for {database}")
        return campaign(options)


if __name__ == "__main__":
    sys.exit(main())
