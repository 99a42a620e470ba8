"""Modules of the commit under test, which may lack names that a newer commit has."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import Any

from . import application


class LazyModule(ModuleType):
    """A module that is imported when one of its names is first used.

    asv imports all benchmark modules in every process, but not all modules that they measure.
    """

    def __init__(self, *names: str) -> None:
        super().__init__(names[0])
        self.__dict__["_names"] = names

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        module = resolve(self)
        try:
            value = getattr(module, name)
        except AttributeError:
            raise NotImplementedError(f"this commit has no {module.__name__}.{name}") from None
        # The next use finds it without this function, whose cost is no part of an operation.
        self.__dict__[name] = value
        return value


@functools.cache
def resolve(lazy: LazyModule) -> ModuleType:
    """Import the module. Raises `NotImplementedError` if the commit has none of its names.

    Also configures the mappers, so that no measured query has to do it.
    """
    application.protect()
    names = lazy.__dict__["_names"]
    for name in names:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            continue
        from sqlalchemy.orm import configure_mappers

        configure_mappers()
        return module
    raise NotImplementedError(f"this commit has no {names[0]}")


def lazy_import(*names: str) -> Any:
    """The module of the commit under test that has one of these names; the newest name first.

    It is imported at first use. A name that the commit lacks raises `NotImplementedError` then,
    which asv shows as n/a.
    """
    return LazyModule(*names)


def lacking(error: TypeError, package: str) -> str | None:
    """The reason for n/a, if a scenario passed a keyword that this commit does not know; else None.

    The call in the scenario, a class of `package`, must have failed, and not one in the operation.
    """
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    where = traceback.tb_frame.f_globals["__name__"] if traceback is not None else ""
    if where.partition(".")[0] == package and "unexpected keyword argument" in str(error):
        return f"at this commit, {error}"
    return None
