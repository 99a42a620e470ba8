"""Servers for tests: those that environment variables name, or the tests' own."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy_asv.environments.servers import postgresql_in

from .packages import skip


@contextlib.contextmanager
def own_postgresql(folder: Path | None = None) -> Iterator[str]:
    """A server that ends with the block; its data below `folder`. Yields its URL."""
    data = tempfile.mkdtemp(prefix="pg", dir=folder)
    server = postgresql_in(Path(data, "data"))
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)


def has_mariadb() -> bool:
    path = f"{os.environ['PATH']}:/usr/sbin"
    return shutil.which("mariadbd", path=path) is not None


def need_mariadb() -> None:
    if not has_mariadb():
        skip("needs a server: set MARIADB_URL or install Debian's package mariadb-server")


class OwnMariaDB:
    """A server with its data in a temporary folder, listening on this machine only."""

    def __init__(self, *options: str) -> None:
        need_mariadb()
        self.folder = Path(tempfile.mkdtemp(prefix="mariadb"))
        # A server that starts removes the temporary tables of all others in a folder they share.
        own = self.folder / "tmp"
        own.mkdir()
        self.defaults = ["--no-defaults", f"--datadir={self.folder / 'data'}", f"--tmpdir={own}"]
        user = ["--user=root"] if os.geteuid() == 0 else []
        self.path = f"{os.environ['PATH']}:/usr/sbin"
        self.run("mariadb-install-db", *user, "--auth-root-authentication-method=normal")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        server = shutil.which("mariadbd", path=self.path)
        assert server is not None
        self.command = [
            server,
            *self.defaults,
            *user,
            f"--socket={self.folder / 'socket'}",
            f"--pid-file={self.folder / 'pid'}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            *options,
        ]
        self.url = f"mariadb://root@127.0.0.1:{self.port}/mysql"
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        engine = create_engine(self.url.replace("mariadb:", "mariadb+pymysql:"))
        for _ in range(300):
            with contextlib.suppress(Exception), engine.connect() as connection:
                connection.execute(text("SELECT 1"))
                break
            time.sleep(0.1)
        engine.dispose()

    def run(self, program: str, *options: str) -> None:
        found = shutil.which(program, path=self.path)
        assert found is not None
        done = subprocess.run(
            [found, *self.defaults, *options],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stdout[-2000:]}")

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()

    def stop(self) -> None:
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class Available(dict[Any, Any]):
    """A dictionary that skips the test for a missing key, such as MariaDB's without a server."""

    def __missing__(self, key: Any) -> Any:
        need_mariadb()
        raise KeyError(key)
