"""The two domains, and the values that several scenarios have in common."""

import datetime as dt

from sqlalchemy_asv import Scenario

NOW = dt.datetime(2026, 1, 1)
ROWS = [1, 10, 100, 1000]
SCALES = [0.01, 0.1, 1, 10]
STRATEGIES = ["lazy", "selectin", "joined", "subquery"]


class SocialScenario(Scenario):
    dataset = "fixtures.social.dataset"
    scales = (0.01, 0.1, 1, 10)
    # Users and posts that exist at every scale. Popularity does not depend on the id.
    user_id = 7
    other_id = 8
    post_id = 7

    def setup_cache(self) -> object:
        return self.build()


class EcommerceScenario(Scenario):
    dataset = "fixtures.ecommerce.dataset"
    scales = (0.01, 0.1, 1, 10)
    customer_id = 7
    product_id = 3

    def setup_cache(self) -> object:
        return self.build()
