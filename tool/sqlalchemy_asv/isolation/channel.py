"""A conversation between two processes, apart from standard output.

An operation may print anything to its streams, or close them.
"""

from __future__ import annotations

import json
import socket
from typing import Any


class Channel:
    """One end of a conversation in lines of JSON."""

    def __init__(self, end: socket.socket) -> None:
        self._file = end.makefile("rw", encoding="utf-8", newline="\n")
        self._end = end

    def limit(self, seconds: float) -> None:
        """Let `receive` raise `TimeoutError` after so many seconds without a value."""
        self._end.settimeout(seconds)

    @classmethod
    def inherited(cls, descriptor: int) -> Channel:
        """The end that a process was started with."""
        return cls(socket.socket(fileno=descriptor))

    def send(self, value: Any) -> None:
        """Send a value. Raises `BrokenPipeError` or `ConnectionResetError` if the end is closed."""
        self._file.write(f"{json.dumps(value)}\n")
        self._file.flush()

    def receive(self) -> Any:
        """The next value. Raises `EOFError` if the other end is closed, and `TimeoutError`."""
        try:
            line = self._file.readline()
        except ConnectionResetError:
            line = ""
        if not line:
            raise EOFError
        return json.loads(line)
