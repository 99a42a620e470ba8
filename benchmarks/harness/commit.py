"""The data layer of the commit under test, which may lack what a newer one has."""

import gc
import importlib
from types import ModuleType
from typing import Any

from sqlalchemy.orm import configure_mappers

from .suite import SUITE


class _Absent(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotImplementedError(f"this commit has no {self.__name__}")


def measured(name: str) -> ModuleType:
    """The module called `name` as the commit has it.

    Where the commit has none, what is returned raises `NotImplementedError` on use, which asv shows
    as n/a, and nothing else is disturbed.
    """
    try:
        module = importlib.import_module(name)
        # Here rather than at the first query, once for all processes that asv forks from this one.
        configure_mappers()
        gc.freeze()  # nor need the collector look at all of this in each of them
        return module
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        return _Absent(name)


def lacking(error: Exception) -> str | None:
    """What the commit lacks, if that is why a call of one of its operations failed.

    That is an operation that does not exist, or does not take a keyword it is given; only where the
    call itself failed, in a scenario, and not something within the operation.
    """
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    where = traceback.tb_frame.f_globals["__name__"] if traceback is not None else ""
    if not where.startswith(f"{SUITE}.") or where.startswith(f"{SUITE}.harness."):
        return None
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return f"this commit has no {error.obj.__name__}.{error.name}"
    if isinstance(error, TypeError) and "unexpected keyword argument" in str(error):
        return f"at this commit, {error}"
    return None
