"""Getting a connection: from a pool, from a pool that checks it first, and without one."""

from sqlalchemy.orm import Session
from sqlalchemy_asv import lazy_import

from .base import SocialScenario

connections = lazy_import("fixtures.connections")


class CheckOut(SocialScenario):
    """Take a connection and give it back, ten times."""

    # Its statements go through an engine of its own.
    not_measured = ("track_statements", "track_rows", "track_instructions_driver")
    params = (["pool", "pool with pre-ping", "no pool"],)
    param_names = ("pool",)

    def load(self, session: Session, pool: str) -> None:
        if not hasattr(self, "engine"):
            self.engine = connections.make_engine(session.get_bind().engine.url, pool)

    def operation(self, session: Session, pool: str) -> object:
        return connections.check_out(self.engine, times=10)
