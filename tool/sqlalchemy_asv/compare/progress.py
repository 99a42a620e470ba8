"""The progress of a long measurement: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

from ..asv_ext.errors import printable

EVERY = 30
"""Seconds between two lines where no terminal shows a bar."""


def say(text: str) -> None:
    print(f"sqlalchemy-asv: {printable(text)}", file=sys.stderr, flush=True)


class Progress:
    """A bar with the current case and the time left, until the block ends."""

    def __init__(self, doing: str, stream: TextIO | None = None) -> None:
        self.doing = doing
        stream = stream or sys.stderr
        self._bar = (
            tqdm(
                desc=f"sqlalchemy-asv: {doing}",
                file=stream,
                leave=False,
                bar_format=FORMAT,
                # Some terminals say that they have no columns; then 80.
                ncols=shutil.get_terminal_size().columns,
            )
            if stream.isatty()
            else None
        )
        self._start = self._said = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: int, total: int, now: str, left: float | None = None) -> None:
        """Show that `done` of `total` cases are done, and that `now` is the last one of them.

        A total of 0 is not known yet.
        `left` are seconds, by default in proportion to those that passed.
        """
        moment = time.monotonic()
        if left is None and done:
            left = (moment - self._start) / done * (total - done)
        # The time first: a narrow terminal cuts the end.
        said = f"{_duration(left)} left, {now}" if left is not None else now
        if self._bar is not None:
            self._bar.total, self._bar.n = total or None, done
            self._bar.set_postfix_str(said)
        elif moment - self._said >= EVERY:
            self._said = moment
            say(f"{self.doing}: {done} of {total}; {said}" if total else f"{self.doing}: {said}")


FORMAT = "{desc} |{bar:20}| {n_fmt} of {total_fmt}{postfix}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{round(seconds)} s" if seconds < 90 else f"{minutes} min"
