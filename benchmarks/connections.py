"""Getting a connection: from a pool, from a pool that checks it first, and without one."""

from sqlalchemy.orm import Session

from .harness.commit import measured
from .social import SocialScenario

connections = measured("fixtures.connections")


class CheckOut(SocialScenario):
    """Take a connection and give it back, ten times."""

    # Its statements go through an engine of its own.
    not_measured = ("track_statements", "track_rows", "track_times_driver")
    params = (["pool", "pool with pre-ping", "no pool"],)
    param_names = ("pool",)

    def load(self, session: Session, pool: str) -> None:
        if not hasattr(self, "engine"):
            self.engine = connections.make_engine(session.get_bind().engine.url, pool)

    def operation(self, session: Session, pool: str) -> object:
        return connections.check_out(self.engine, times=10)
