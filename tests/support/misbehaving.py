"""Jobs that misbehave in every way in which an operation might."""

import os
from typing import Any


def nothing(asked: Any) -> list[str]:
    """Prepare nothing."""
    return []


def misbehave(how: str) -> dict[str, Any]:
    """Misbehave in one way; returns its name."""
    if how == "print":
        print('0 {"statements": 1}', flush=True)
        os.write(1, b'0 {"statements": 1}\n')
    elif how == "close":
        os.closerange(0, 3)
    elif how == "die":
        os._exit(3)
    elif how == "large":
        return {"text": "x" * 5_000_000}
    elif how == "noise":
        for _ in range(200):
            os.write(2, b"\xff" * 10_000 + b"\n")
    return {"how": how}
