"""The harness itself: what measuring adds to what is measured."""

from typing import Any

from sqlalchemy.orm import Session

from . import social
from .harness import ratio
from .harness.database import Images
from .harness.scenario import FAMILY, metric, ready


class HarnessOverhead(social.HomeFeed):
    """The home feed as asv times it, over the bare call in a session of its own."""

    # The feed has its metrics elsewhere; this is about one of them.
    not_measured = FAMILY

    @metric(ratio, setup=ready, unit="times the bare call")
    def track_overhead(self, images: Images, *params: Any) -> float:
        engine = self.database.engine
        bare = Session(engine)

        def renew() -> None:
            nonlocal bare
            bare.close()
            bare = Session(engine)

        def again() -> None:
            self.teardown(images, *params)
            self.ready(images, *params)

        return ratio.ratio(
            lambda: self.time_wall(images, *params),
            lambda: self.operation(bare, *params),
            prepare=(again, renew),
            pairs=100,
            seconds=1,
        )
