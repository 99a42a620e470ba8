"""What a fork of a measuring process does, and nothing after it."""

import os
import traceback
from collections.abc import Callable
from typing import NoReturn


def in_child(action: Callable[[], object]) -> NoReturn:
    """Do something and end this process, with exit code 1 if it raised."""
    failed = True
    try:
        action()
        failed = False
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(failed)
