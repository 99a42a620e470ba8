"""The options of a run, passed to the processes under test in environment variables."""

import json
import os

QUICK = "SQLALCHEMY_ASV_QUICK"
"""Set if the results will not be kept (`asv run --quick`)."""
SELECTION = "SQLALCHEMY_ASV_BENCH"
"""The regular expressions of asv's `--bench`, as JSON. They select the benchmarks of this run."""
STATEMENTS = "SQLALCHEMY_ASV_STATEMENTS"
"""The folder in which the SQL of cases is kept. If this is not set, it is not kept."""
BENCHMARKS = "SQLALCHEMY_ASV_BENCHMARKS"
"""The folder with the scenarios, for processes that asv does not start."""
LAYOUT = "SQLALCHEMY_ASV_LAYOUT"
"""A number that selects a layout of memory. With another number, objects have other addresses."""
PROGRESS = "SQLALCHEMY_ASV_PROGRESS"
"""The file to which jobs in isolation are noted: "+N" for N more, then each that is done. "~N" says
that N seconds may pass without a note, and ".text" what is made before the next job."""
ONE_LINE = "SQLALCHEMY_ASV_ONE_LINE"
"""Set in a process whose errors the user reads: each is one line."""
UNVERSIONED = "SQLALCHEMY_ASV_UNVERSIONED"
"""Set in a process that needs no versions of benchmarks, which take a second to compute."""
APPLICATION = "SQLALCHEMY_ASV_APPLICATION"
"""The settings about an application, as JSON; see `application`."""
IMAGES = "SQLALCHEMY_ASV_IMAGES"
"""The folder in which filled datasets are kept; the current one if this is not set."""
DATABASE = "DATABASE"
"""The name of the database; a part of asv's matrix, and thus of results."""
SERVERS = {"postgresql": "POSTGRESQL_URL", "mariadb": "MARIADB_URL"}
"""The variable with the URL of a server, by database. The URL is never recorded."""
DATABASES = ("sqlite", *SERVERS)


def unknown(database: str) -> str:
    """A line about the name of a database that is none."""
    return f"there is no database {database!r}: {DATABASE} takes {', '.join(DATABASES)}"


def quick() -> bool:
    """Whether the results will not be kept."""
    return bool(os.environ.get(QUICK))


def selection() -> list[str]:
    """The regular expressions that select the benchmarks of this run; none outside a run."""
    found: list[str] = json.loads(os.environ.get(SELECTION, "[]"))
    return found


def database() -> str:
    """The name of the chosen database; by default SQLite."""
    return os.environ.get(DATABASE) or "sqlite"
