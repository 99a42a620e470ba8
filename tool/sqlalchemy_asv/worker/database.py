"""Checks that the chosen database answers, and tidies up after runs."""

from ..databases.base import chosen
from ..databases.server import PREFIX, Server
from ..label import refuse


def check() -> None:
    """Refuse unless the chosen database answers."""
    chosen().check()


def clean_up() -> None:
    """Drop, at the end of a run, the databases that its processes worked on."""
    kind = chosen()
    assert issubclass(kind, Server)
    with kind.admin() as admin:
        kind.clean(admin)


def drop_all() -> None:
    """Drop all databases of this tool on the chosen server, except those in use."""
    kind = chosen()
    if not issubclass(kind, Server):
        refuse(f"{kind.name} leaves nothing behind")
    with kind.admin() as admin:
        found = kind.clean(admin, f"{PREFIX}_")
    for name, kept in found.items():
        print(f"kept {name}: {kept}" if kept else f"dropped {name}")
    if not found:
        print("nothing to drop")
