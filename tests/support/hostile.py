"""Operations that print, hang, crash or leave something behind, for a clone's `benchmarks/`."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

from sqlalchemy import select, text

from benchmarks.base import SocialScenario


class Hostile(SocialScenario):
    """Sends one statement, after something that no operation should do."""

    timeout = 10

    def arguments(self, n: int) -> dict[str, Any]:
        return {}

    def do(self) -> None:
        pass

    def operation(self, session: Any, *values: Any) -> object:
        self.do()
        return session.scalar(select(text("1")))


class Prints(Hostile):
    def do(self) -> None:
        print("x")
        print('0 {"statements": 99}', flush=True)
        os.write(1, b'0 {"statements": 99}\n')


class PrintsBytes(Hostile):
    def do(self) -> None:
        os.write(2, b"\xff\xfe" * 50_000 + b"\n")


class ClosesStreams(Hostile):
    def do(self) -> None:
        os.closerange(0, 3)


class FreezesTime(Hostile):
    """As freezegun does: every module that has the clock gets another one."""

    def do(self) -> None:
        real = time.perf_counter
        if getattr(real, "__name__", "") == "frozen":
            return

        def frozen() -> float:
            return 42.0

        for module in list(sys.modules.values()):
            for name, value in list(vars(module).items()):
                if value is real:
                    setattr(module, name, frozen)


class LeavesAChild(Hostile):
    def do(self) -> None:
        subprocess.Popen(["sleep", "4321.25"])


class SleepsForever(Hostile):
    timeout = 2

    def do(self) -> None:
        while True:
            time.sleep(1)


class CatchesAll(Hostile):
    timeout = 2

    def do(self) -> None:
        while True:
            try:
                time.sleep(1)
            except BaseException:  # noqa: S112
                continue


class Crashes(Hostile):
    def do(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class Exits(Hostile):
    def do(self) -> None:
        os._exit(0)


class LongError(Hostile):
    def do(self) -> None:
        raise ValueError("first line\nsecond line" * 1000)


class OneParameter(Hostile):
    params = [10, 100]
    param_names = ["number"]
