"""Large results: all at once, in portions, as rows."""

from sqlalchemy.orm import Session
from sqlalchemy_asv import lazy_import

from .base import SocialScenario

techniques = lazy_import("fixtures.social.techniques")

ROWS = [10, 100, 1000, 10_000]


class AllAtOnce(SocialScenario):
    """Likes as objects, all in one list."""

    params = (ROWS,)
    param_names = ("rows",)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.all_at_once(session, rows)


class YieldPer(SocialScenario):
    """Likes as objects, a hundred at a time."""

    params = (ROWS,)
    param_names = ("rows",)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.yield_per(session, rows)


class StreamRows(SocialScenario):
    """Likes as rows, a hundred at a time."""

    params = (ROWS,)
    param_names = ("rows",)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.stream_rows(session, rows)
