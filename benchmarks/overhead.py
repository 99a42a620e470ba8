"""The tool itself: how much measuring adds to an operation."""

from sqlalchemy.orm import Session
from sqlalchemy_asv import Overhead, lazy_import

from .base import STRATEGIES, SocialScenario

operations = lazy_import("fixtures.social.operations")


class MeasureHomeFeed(Overhead, SocialScenario):
    """The home feed as asv times it, over the bare call in a session of its own."""

    params = (STRATEGIES,)
    param_names = ("loading",)

    def operation(self, session: Session, loading: str) -> object:
        return operations.home_feed(session, self.user_id, loading=loading)
