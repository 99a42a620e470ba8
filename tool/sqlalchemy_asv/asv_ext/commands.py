"""Changes of asv's own commands: no questions, no random order, and a reason for every failure."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asv.commands.compare
from asv import environment, util
from asv.commands import Command
from asv.commands.compare import Compare
from asv.commands.run import Run
from asv.repo import get_repo

from .. import options, scratch
from . import errors, git, history, locks, marks, settings, whole
from .errors import stop
from .machine import name_this_machine, this_machine


def apply() -> None:
    """Change asv's commands in this process."""
    # Every process that asv starts inherits it. The order of a set of strings, and so the order of
    # SQLAlchemy's work, is then the same in every run.
    os.environ["PYTHONHASHSEED"] = "0"
    name_this_machine()
    Compare.run = _compare(Compare.run)
    Run.run = _run(Run.run)
    marks.apply()
    whole.apply()
    for command in util.iter_subclasses(Command):
        command.run_from_conf_args = _guarded(command.__name__, command.run_from_conf_args)
    util.human_value = _human_value(util.human_value)
    asv.commands.compare.human_value = util.human_value
    choose_database()


# --- what to measure --------------------------------------------------------------------------


def choose_database() -> None:
    """Make the environment variable DATABASE a part of asv's matrix, and so of results."""
    asked = os.environ.pop(options.DATABASE, None)
    if asked is None:
        return
    if asked not in options.DATABASES:
        stop(options.unknown(asked))
    plain = environment.iter_matrix

    def iter_matrix(kind: Any, pythons: Any, conf: Any, *rest: Any, **given: Any) -> Iterator[Any]:
        variables = conf.matrix.get("env_nobuild", {})
        if asked != "sqlite" or options.DATABASE in variables:
            variables = {**variables, options.DATABASE: [asked]}
            conf.matrix = {**conf.matrix, "env_nobuild": variables}
        yield from plain(kind, pythons, conf, *rest, **given)

    environment.iter_matrix = iter_matrix


MEASURING = ("Run", "Continuous", "Find", "Setup", "Check")
"""asv's commands that start processes in environments, and nothing that stays, as `profile` may."""


@contextlib.contextmanager
def _tidy(name: str, conf: Any) -> Iterator[None]:
    """Let a command of asv have its environments, or its site, alone, and leave nothing behind."""
    environments = Path(conf.env_dir)
    if name in MEASURING:
        place = environments
    elif name == "Publish":
        # Not beside the site, which is published with all that lies there.
        place = environments.with_name(f"publish-{Path(conf.html_dir).name}")
    else:
        yield
        return
    with scratch.run(), locks.alone(place):
        yield


def _guarded(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """Turn whatever escapes from a command of asv into one line and exit code 2; asv exits with 1.

    Also stops before asv looks for a history that has not been made, and tidies up after a run.
    """

    @functools.wraps(plain)
    def run_from_conf_args(conf: Any, args: Any, **kwargs: Any) -> Any:
        with errors.in_one_line(debug=args.verbose, option="`asv -v …`"):
            if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            settings.insist(conf)
            if name in MEASURING:
                os.environ.update(settings.for_processes(conf))
            with _tidy(name, conf):
                code = plain(conf, args, **kwargs)
        # 1 is for "slower" alone.
        return 2 if code == 1 and name != "Continuous" else code

    return run_from_conf_args


def statements_folder(conf: Any) -> Path:
    """The folder of the SQL of cases. It is beside the results, since asv reads all files there."""
    results = Path(conf.results_dir)
    return results.parent / "statements" / results.name


def select(bench: list[str] | None) -> None:
    """Tell benchmarks which of them will run, by regular expressions; all if there are none."""
    os.environ[options.SELECTION] = json.dumps(bench or [""])


def _run(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Let `asv run` give the reason for every "failed" and "n/a", as `--show-stderr` does.

    Also tells benchmarks which others will run and whether results are kept, which asv does not. If
    they are kept, benchmarks keep their SQL as well.
    """

    @functools.wraps(plain)
    def run(*args: Any, **kwargs: Any) -> Any:
        conf = kwargs["conf"] if "conf" in kwargs else args[0]
        say_what_is_shallow(conf, kwargs.get("range_spec"))
        select(kwargs.get("bench"))
        if kwargs.get("quick"):
            os.environ[options.QUICK] = "1"
        elif not kwargs.get("dry_run"):
            os.environ[options.STATEMENTS] = str(statements_folder(conf).absolute())
        whole.save_to(None if kwargs.get("dry_run") else conf.results_dir)
        code = plain(*args, **{**kwargs, "show_stderr": True})
        return 2 if code == 1 else code  # `asv continuous` would hand it on as "slower"

    return run


def say_what_is_shallow(conf: Any, range_spec: Any) -> None:
    """End with one line if a range reaches beyond a shallow clone; asv would show git's error."""
    if not isinstance(range_spec, str) or not git.is_shallow(conf.repo):
        return
    for end in range_spec.removesuffix("^!").split(".."):
        if "~" in end and git.answer(conf.repo, "rev-parse", "--quiet", "--verify", end) is None:
            stop(history.shallow(end))


# --- what to print ----------------------------------------------------------------------------


def _compare(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Let `asv compare` use this machine's results; asv refuses if several machines have some.

    If a commit has no results, one line says how they are made. The next commands are printed last.
    """

    @functools.wraps(plain)
    def compare(*args: Any, machine: str | None = None, **kwargs: Any) -> Any:
        conf = kwargs["conf"]
        here = this_machine()
        if machine is None and here and Path(conf.results_dir, here, "machine.json").exists():
            machine = here
        try:
            found = plain(*args, machine=machine, **kwargs)
        except util.UserError as error:
            commit = str(error).removeprefix("Did not find results for commit ")
            if commit == str(error):
                raise
            repo = get_repo(conf)
            known = git.answer(
                repo._path, "rev-parse", "--quiet", "--verify", f"{commit}^{{commit}}"
            )
            if known is None:
                shallow = ": this clone is shallow" if git.is_shallow(repo._path) else ""
                stop(f"there is no commit {commit} here{shallow}")
            stop(history.never_measured(known, machine or here or "this machine"))
        print(
            f"\nNext: `asv compare --only-changed {kwargs['hash_1']} {kwargs['hash_2']}` shows what"
            f" changed,\n`sqlalchemy-asv compare {kwargs['hash_1']} {kwargs['hash_2']}` measures"
            " both again, in pairs, and says why;\n`asv publish`, then `asv preview`, shows the"
            " results as a site."
        )
        return found

    return compare


def _human_value(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Numbers as people read them: 8,203,401 and 23.6, not 8203401 and 23.63104112191872."""

    @functools.wraps(plain)
    def human_value(value: Any, unit: str, err: float | None = None) -> str:
        if unit in ("seconds", "bytes") or not isinstance(value, (int, float)) or value != value:
            return str(plain(value, unit, err=err))
        shown = f"{value:,}" if value == int(value) else f"{value:.3g}"
        return shown if err is None else f"{shown}±{err:.2g}"

    return human_value
