"""The servers of tests that run on every database."""

import os
from collections.abc import Iterator

import pytest

from ..support.servers import Available, OwnMariaDB, has_mariadb, own_postgresql


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, str]]:
    """URLs of servers, by the environment variable that holds them."""
    found = Available()
    with own_postgresql() as postgresql:
        found["POSTGRESQL_URL"] = os.environ.get("POSTGRESQL_URL") or postgresql
        given, own = os.environ.get("MARIADB_URL"), None
        if not given and (has_mariadb() or os.environ.get("CI")):
            own = OwnMariaDB()
            given = own.url
        if given:
            found["MARIADB_URL"] = given
        yield found
        if own:
            own.stop()


@pytest.fixture(autouse=True)
def where(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, url in servers.items():
        monkeypatch.setenv(name, url)
