"""Servers that the tool starts itself."""

import os
import threading
import time

import pytest
from sqlalchemy_asv.environments import servers


def test_root_starts_one_server_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else several make the user that it runs as, and one of its numbers is lost."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    within, most = [0], [0]

    def start() -> None:
        with servers._one_at_a_time():
            within[0] += 1
            most[0] = max(most[0], within[0])
            time.sleep(0.05)
            within[0] -= 1

    threads = [threading.Thread(target=start) for _ in range(5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == [1]
