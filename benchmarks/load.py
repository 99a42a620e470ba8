"""The feed and the shop under load: many users at once, each wait counted."""

from sqlalchemy_asv import Budget, LoadTest

SECONDS = [10]
"""After three seconds of warm-up. `sqlalchemy-asv load` runs 300."""


class Feed(LoadTest):
    """Fifty users read their feeds, 0.1 s each, and now and then comment, like and follow."""

    budget = Budget(error_rate=0.01, average=0.2, p95=0.5)

    locustfile = "../load/feed.py"
    dataset = "fixtures.social.dataset"
    params = [[50], SECONDS]
    param_names = ["users", "seconds"]

    def setup_cache(self) -> object:
        return self.build()


class Ecommerce(LoadTest):
    """A hundred shoppers look at products, 0.2 s each, and now and then order."""

    budget = Budget(error_rate=0.005, average=0.3, p99=1.0)

    locustfile = "../load/ecommerce.py"
    dataset = "fixtures.ecommerce.dataset"
    params = [[100], SECONDS]
    param_names = ["users", "seconds"]

    def setup_cache(self) -> object:
        return self.build()


class PoolSize(Ecommerce):
    """The shop's hundred shoppers, by the number of connections that they share."""

    params = [[100], SECONDS, [1, 5, 20, 100]]
    param_names = ["users", "seconds", "pool_size"]
