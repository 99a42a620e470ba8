"""Samples of wall time, taken when the other side of the conversation asks for them."""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

from .. import clock
from ..files import write_json
from ..isolation.channel import Channel
from ..isolation.collector import settle
from ..isolation.forks import forked
from ..isolation.jobs import ending, grant
from ..label import refuse
from ..runner import Runner
from .scenarios import Combination, by_dataset, by_title


def prepare(options: str) -> None:
    """Fill the databases that `titles` need, unless they are there; writes an empty result."""
    given = json.loads(options)
    known = by_title()
    for images, _ in by_dataset([known[title] for title in given["titles"]]):
        if images.failed:
            refuse(images.failed)
    write_json(Path(given["file"]), {})


def sample(options: str) -> None:
    """Time operations on the processor `core`, one after the other, each in a fork of this process.

    The conversation goes through the descriptor `channel`. This process sends "ready" and receives
    titles, which `_serve` handles; an empty title ends it. If an operation fails, the exit code is
    1, and the last line that is printed gives the reason.
    """
    given = json.loads(options)
    if given["core"] is not None:
        os.sched_setaffinity(0, {given["core"]})
    channel = Channel.inherited(given["channel"])
    known = by_title()
    settle()
    channel.send("ready")
    while title := channel.receive():
        status = os.waitpid(forked(lambda: _serve(channel, known[title])), 0)[1]
        if os.WIFSIGNALED(status):
            print(f"{title}: {ending(status, known[title].scenario.timeout)}", file=sys.stderr)
        if status:
            sys.exit(1)


def _serve(channel: Channel, each: Combination) -> None:
    """Time one operation, as often as the other side asks.

    Sends the scenario's `timeout` when it is ready. Then, for each number received, performs the
    operation so often and sends a list of seconds. For 0, sends "done" and ends.
    """
    limit = each.scenario.timeout
    grant(limit)
    ((images, _),) = by_dataset([each])
    runner = each.scenario().runner(images, each.values)
    settle()
    gc.disable()
    grant(0)
    channel.send(limit)
    while number := channel.receive():
        channel.send([_seconds(runner, limit) for _ in range(number)])
    runner.finish()
    # The other side reads this before it sends the next title, which another process receives.
    channel.send("done")


def _seconds(runner: Runner, limit: float) -> float:
    grant(limit)
    runner.reset()
    performance = runner.performance()
    start = clock.seconds()
    performance()
    taken = clock.seconds() - start
    grant(0)
    if taken > 0.1:
        gc.collect()
    return taken
