"""The data layer of the commit under test, which may lack what a newer one has."""

import importlib
from types import ModuleType
from typing import Any


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
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        return _Absent(name)


def lacking(error: Exception) -> str | None:
    """What the commit lacks, if that is why a call of one of its operations failed.

    That is an operation that does not exist, or does not take a keyword it is given; only where the
    call itself failed, not something within the operation.
    """
    traceback = error.__traceback__
    depth = 0
    while traceback is not None:
        traceback = traceback.tb_next
        depth += 1
    # Depth 1 is the harness, 2 the scenario's method.
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType) and depth == 2:
        return f"this commit has no {error.obj.__name__}.{error.name}"
    if isinstance(error, TypeError) and "unexpected keyword argument" in str(error) and depth == 2:
        return f"at this commit, {error}"
    return None
