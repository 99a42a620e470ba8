"""What asv would ask or leave to chance: this machine's name, the hash seed, whose results."""

import argparse
import functools
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asv.commands.compare import Compare
from asv.commands.run import Run
from asv.config import Config
from asv.machine import Machine, MachineCollection

from . import servers


def apply() -> None:
    # Every process that asv starts inherits it. The order of a set of strings, and with it what
    # SQLAlchemy does in which order, is then the same in every run.
    os.environ["PYTHONHASHSEED"] = "0"
    name_this_machine()
    Compare.run = _with_this_machine(Compare.run)
    Run.run = _with_reasons(Run.run)


def pass_on_options() -> None:
    """Tell benchmarks what asv itself does not: which others will run, and if results are kept."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("command", nargs="?")
    parser.add_argument("--config")
    parser.add_argument("--quick", "-q", action="store_true")
    parser.add_argument("--bench", "-b", action="append", default=[])
    options, _ = parser.parse_known_args()
    insist_on_repository(options.config or "asv.conf.json")
    servers.choose(measuring=options.command in ("run", "continuous", "find", "profile"))
    check_visits()
    if options.quick:
        os.environ["SQLALCHEMY_ASV_QUICK"] = "1"
    if options.command in ("run", "continuous"):
        select(options.bench)


def check_visits() -> None:
    """Refuse a number of visits (`benchmarks/harness/floor.py`) that is none."""
    visits = os.environ.get("SQLALCHEMY_ASV_VISITS", "1")
    if not (visits.isdecimal() and int(visits)):
        servers.stop(f"SQLALCHEMY_ASV_VISITS={visits}: say how often at most, 1 or more")


def insist_on_repository(settings: str) -> None:
    """Say how a history is made where there is none yet; asv would look for it as an address."""
    repo = Config.load(settings).repo
    if repo.startswith(".asv/") and not Path(repo).exists():
        servers.stop(f"there is no history in {repo} yet: `sqlalchemy-asv releases` makes it")


def select(bench: list[str]) -> None:
    """Tell benchmarks which of them will run, by regular expressions; all where there are none."""
    os.environ["SQLALCHEMY_ASV_BENCH"] = json.dumps(bench or [""])


def name_this_machine() -> None:
    """Write asv's machine file if there is none, instead of stopping to ask.

    asv proposes the host's name; results are published, so the name here says no more than the
    kind of machine. `asv machine` changes it.
    """
    if not Path(MachineCollection.get_machine_file_path()).exists():
        facts = Machine.get_defaults()
        facts["machine"] = f"{platform.system()}-{facts['arch']}-{facts['num_cpu']}cpu".lower()
        # asv finds a machine under its host's name, whatever name it goes by in results.
        MachineCollection.save(Machine.get_unique_machine_name(), facts)


def this_machine() -> str | None:
    """The name this machine goes by in results, if it has one."""
    try:
        found = MachineCollection.load(Machine.get_unique_machine_name())
    except Exception:  # asv raises its UserError for many reasons, and all mean "not known"
        return None
    name = found["machine"]
    return name if isinstance(name, str) else None


def _with_this_machine(run: Callable[..., Any]) -> Callable[..., Any]:
    """`asv compare` refuses where several machines have results; let it mean the one it runs on."""

    @functools.wraps(run)
    def compare(*args: Any, machine: str | None = None, **kwargs: Any) -> Any:
        conf = kwargs["conf"]
        here = this_machine()
        if machine is None and here and Path(conf.results_dir, here, "machine.json").exists():
            machine = here
        return run(*args, machine=machine, **kwargs)

    return compare


def statements_folder(conf: Any) -> Path:
    """Where the SQL of scenarios is kept: beside the results, all of which asv reads."""
    results = Path(conf.results_dir)
    return results.parent / "statements" / results.name


def _with_reasons(run: Callable[..., Any]) -> Callable[..., Any]:
    """`asv run` says "failed" and "n/a"; let it always say why, as `--show-stderr` does.

    Where it keeps results, have benchmarks keep what they sent to the database as well.
    """

    @functools.wraps(run)
    def with_reasons(*args: Any, **kwargs: Any) -> Any:
        conf = kwargs["conf"] if "conf" in kwargs else args[0]
        if not kwargs.get("dry_run") and not os.environ.get("SQLALCHEMY_ASV_QUICK"):
            os.environ["SQLALCHEMY_ASV_STATEMENTS"] = str(statements_folder(conf).absolute())
        return run(*args, **{**kwargs, "show_stderr": True})

    return with_reasons
