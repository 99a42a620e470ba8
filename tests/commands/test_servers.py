"""Databases on servers: started, refused, and never named in a result."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from ..support.clone import Clone
from ..support.servers import own_postgresql

FEW = ("--bench", r"social\.CreateUser\.(time_cpu|track_statements)")
PASSWORD = "s3cr3t-Passw0rd"


def processes() -> str:
    listing = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True)
    return listing.stdout


def test_postgresql_without_a_server_starts_one_and_ends_it(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A short path, as sockets need.
    temporary = tempfile.mkdtemp(prefix="own")
    monkeypatch.setitem(clone.environment, "TMPDIR", temporary)
    monkeypatch.setitem(clone.environment, "DATABASE", "postgresql")
    monkeypatch.delitem(clone.environment, "POSTGRESQL_URL", raising=False)
    clone.asv("run", "HEAD^!", *FEW)
    commit = clone.run("git", "rev-parse", "HEAD").strip()
    (found,) = [f for f in clone.results(commit) if f["env_vars"].get("DATABASE") == "postgresql"]
    assert found["results"]["social.CreateUser.track_statements"][0] == [1]
    assert temporary not in processes()
    Path(temporary).rmdir()  # nothing is left there


def test_a_lock_that_somebody_else_has_left_keeps_no_server_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A folder where the package that brings the server would keep a lock for all users.
    (tmp_path / ".lockfile").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    program = (
        "import sys; from pathlib import Path\n"
        "from sqlalchemy_asv.environments.servers import postgresql_in\n"
        "server = postgresql_in(Path(sys.argv[1]))\nprint(server.get_uri())\nserver.cleanup()\n"
    )
    data = tmp_path / "x" / "data"
    done = subprocess.run([sys.executable, "-c", program, data], capture_output=True, text=True)
    assert done.stdout.startswith("postgresql://"), done.stderr


def test_mariadb_without_a_server_is_one_line(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(clone.environment, "DATABASE", "mariadb")
    monkeypatch.delitem(clone.environment, "MARIADB_URL", raising=False)
    said = clone.asv("run", "HEAD^!", *FEW, code=2).splitlines()
    (line,) = (line for line in said if "sqlalchemy-asv: " in line)
    assert "MARIADB_URL is not set: start a server, for example by" in line
    assert "Traceback" not in "".join(said)


def test_an_unknown_database_is_one_line(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(clone.environment, "DATABASE", "oracle")
    (line,) = clone.asv("run", "HEAD^!", *FEW, code=2).splitlines()
    assert line == (
        "sqlalchemy-asv: there is no database 'oracle': DATABASE takes sqlite, postgresql, mariadb"
    )


def test_a_password_appears_nowhere(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(clone.environment, "DATABASE", "postgresql")
    with own_postgresql() as url:
        # The server trusts everybody, but a client still has a password to send.
        given = url.replace("postgres:@", f"postgres:{PASSWORD}@")
        assert PASSWORD in given
        monkeypatch.setitem(clone.environment, "POSTGRESQL_URL", given)
        seen = []
        with subprocess.Popen(
            [sys.executable, "-m", "asv", "run", "HEAD^!", *FEW, "--show-stderr", "-v"],
            cwd=clone.path,
            env=clone.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as run:
            while run.poll() is None:
                seen.append(processes())
                time.sleep(0.2)
            assert run.stdout is not None
            seen.append(run.stdout.read())
        assert run.returncode == 0
        seen.append(clone.asv("publish", "-v"))
    # The message about a missing server does not tell its address.
    seen.append(clone.asv("run", "HEAD^!", *FEW, "--show-stderr", code=2))
    assert "postgresql failed: " in seen[-1]
    assert not [text for text in seen if PASSWORD in text]
    for folder in ("results", ".asv/site"):
        for path in (clone.path / folder).rglob("*"):
            assert PASSWORD not in str(path)
            if path.is_file():
                content = path.read_bytes()
                assert PASSWORD.encode() not in content, path
                assert b"postgres:" not in content, path


def test_two_servers_are_compared_by_what_they_do(clone: Clone) -> None:
    with own_postgresql() as base, own_postgresql() as head:
        engine = create_engine(head.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for how in ("indexscan", "indexonlyscan", "bitmapscan"):
                connection.execute(text(f"ALTER SYSTEM SET enable_{how} = off"))
            connection.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()
        urls = ("--base-url", base, "--head-url", head)
        arguments = ("--database", "postgresql", *urls, "--scenario", "GetUser")
        said = clone.command("upgrade", *arguments, code=1)
    assert "the base server → the head server on postgresql: 2 worse" in said
    assert "full scans 0 → 1" in said
    assert "another plan: Index Scan using users_pkey on users" in said
    assert base not in said


def test_scenarios_are_compared_with_two_versions_of_a_package(clone: Clone) -> None:
    versions = ("sqlalchemy==2.0.58", "sqlalchemy==2.1.9")
    said = clone.command("upgrade", *versions, "--scenario", "GetUser('sync')", code=0)
    assert "building sqlalchemy==2.0.58" in said
    assert "sqlalchemy 2.0.58 → sqlalchemy 2.1.9 on sqlite: 1 better" in said
    # The columns of `get` lost their labels.
    assert "`AS users_id` removed" in said
    assert "--freeze" not in said
