"""asv's own files: written whole, and named if they cannot be read."""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asv.commands.run
from asv import util
from asv.environment import ExistingEnvironment
from asv.results import Results
from asv.runner import ForkServer

from ..files import write_text

EVERY = 20
"""Seconds after which the results of a run that goes on are saved again."""


@functools.cache
def apply() -> None:
    """Change asv's functions in this process, once."""
    util.write_json = _write_json
    util.load_json = _load_json(util.load_json)
    Results.load = classmethod(_load(Results.load.__func__))
    ForkServer.close = _close(ForkServer.close)
    asv.commands.run.run_benchmarks = _run_benchmarks(asv.commands.run.run_benchmarks)


def _write_json(path: str, data: Any, api_version: Any = None, compact: bool = False) -> None:
    """As asv's own, which cuts the old file before it writes the new one."""
    if api_version is not None:
        data = {**data, "version": api_version}
    file = Path(path).absolute()
    file.parent.mkdir(parents=True, exist_ok=True)
    form: dict[str, Any] = {} if compact else {"indent": 4, "sort_keys": True}
    write_text(file, json.dumps(data, **form))


def _load_json(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Name the file that is damaged, of whatever kind the damage is."""

    @functools.wraps(plain)
    def load_json(path: str, api_version: Any = None, js_comments: bool = False) -> Any:
        try:
            found = plain(path, api_version, js_comments=js_comments)
        except util.UserError as error:
            if isinstance(error.__context__, ValueError):
                raise util.UserError(f"{path} is damaged: {error.__context__}") from error
            raise  # another version: asv says what to do
        except (ValueError, TypeError) as error:
            raise util.UserError(f"{path} is damaged: {error}") from error
        if not isinstance(found, (dict, list)):
            raise util.UserError(f"{path} is damaged: it holds no object")
        return found

    return load_json


def _load(plain: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plain)
    def load(cls: type[Results], path: str, machine_name: str | None = None) -> Any:
        try:
            found = plain(cls, path, machine_name)
            for name in found.get_all_result_keys():
                _check(found, name)
        except util.UserError as error:
            if "is damaged" in str(error) or "missing key" in str(error):
                raise util.UserError(f"{error}: remove it, and measure again") from error
            raise
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise util.UserError(
                f"{path} is damaged: {error}: remove it, and measure again"
            ) from error
        return found

    return load


def _check(results: Any, name: str) -> None:
    """Raise `TypeError` if the values of a benchmark are not of the type that asv writes."""
    values = results._results[name]
    if values is not None:
        for value in values:
            if not (value is None or isinstance(value, (int, float, dict))):
                raise TypeError(f"{name} has the value {value!r}")
    for side in (results._benchmark_params[name] or []), (results._stats[name] or []):
        if not isinstance(side, list):
            raise TypeError(f"{name} has {side!r} in place of a list")


def _run_benchmarks(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Save results while benchmarks run: asv would save them at the end, or never."""

    @functools.wraps(plain)
    def run_benchmarks(benchmarks: Any, env: Any, *args: Any, results: Any, **kwargs: Any) -> Any:
        if not _save_to or isinstance(env, ExistingEnvironment):  # asv keeps none of those
            return plain(benchmarks, env, *args, results=results, **kwargs)
        add = results.add_result
        saved = time.monotonic()

        def add_result(*args: Any, **kwargs: Any) -> None:
            nonlocal saved
            add(*args, **kwargs)
            if time.monotonic() - saved > EVERY:
                results.save(_save_to[-1])
                saved = time.monotonic()

        results.add_result = add_result
        try:
            return plain(benchmarks, env, *args, results=results, **kwargs)
        except BaseException:
            results.save(_save_to[-1])
            raise
        finally:
            del results.add_result

    return run_benchmarks


def _close(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Do not show how asv's fork server ended, if it was interrupted together with the run."""

    @functools.wraps(plain)
    def close(self: Any) -> None:
        self.interrupted = self.interrupted or sys.exc_info()[0] is KeyboardInterrupt
        plain(self)

    return close


_save_to: list[str] = []


def save_to(folder: str | None) -> None:
    """Save the results of runs in a folder while they go on; None if they are not to be kept."""
    _save_to[:] = [folder] if folder else []
