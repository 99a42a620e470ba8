"""The two domains, and the values that several scenarios have in common."""

import datetime as dt
from typing import Any

from sqlalchemy_asv import Scenario

NOW = dt.datetime(2026, 1, 1)
ROWS = [1, 10, 100, 1000]
SCALES = [0.01, 0.1, 1, 10]
STRATEGIES = ["lazy", "selectin", "joined", "subquery"]


def nth(n: int, rows: int = 10) -> int:
    """The key of the n-th of the first `rows` rows, again and again. Ten exist at every scale."""
    return n % rows + 1


class SocialScenario(Scenario):
    dataset = "fixtures.social.dataset"
    scales = (0.01, 0.1, 1, 10)
    # Users and posts that exist at every scale. Popularity does not depend on the id.
    user_id = 7
    other_id = 8
    post_id = 7

    def arguments(self, n: int) -> dict[str, Any]:
        return {"user_id": nth(n), "other_id": nth(n + 1), "post_id": nth(n)}

    def setup_cache(self) -> object:
        return self.build()


class EcommerceScenario(Scenario):
    dataset = "fixtures.ecommerce.dataset"
    scales = (0.01, 0.1, 1, 10)
    customer_id = 7
    product_id = 3

    def arguments(self, n: int) -> dict[str, Any]:
        return {"customer_id": nth(n), "product_id": nth(n, rows=5)}

    def setup_cache(self) -> object:
        return self.build()
