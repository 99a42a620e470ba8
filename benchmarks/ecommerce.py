"""The shop: browsing, ordering, processing and finding orders."""

import datetime as dt

from sqlalchemy.orm import Session

from .harness.budget import Budget
from .harness.commit import measured
from .harness.database import Images
from .harness.scenario import Scenario

operations = measured("fixtures.ecommerce.operations")

NOW = dt.datetime(2026, 1, 1)
STRATEGIES = ["lazy", "selectin", "joined", "subquery"]
SCALES = [0.01, 0.1, 1, 10]


class ShopScenario(Scenario):
    dataset = "ecommerce"
    scales = (0.01, 0.1, 1, 10)
    customer_id = 7
    product_id = 3

    def setup_cache(self) -> Images:
        return self.build()


class CreateOrder(ShopScenario):
    """Take an order of five products."""

    def prepare(self, session: Session) -> None:
        products = operations.browse_products(session, limit=5)
        self.lines = [(product.id, 1) for product in products]

    def operation(self, session: Session) -> object:
        return operations.create_order(
            session, customer_id=self.customer_id, lines=self.lines, created_at=NOW
        )


class ProcessOrder(ShopScenario):
    """Take a pending order's five products out of stock and mark it paid."""

    budget = Budget(mean=0.100)

    def prepare(self, session: Session) -> None:
        products = operations.browse_products(session, limit=5)
        self.order_id = operations.create_order(
            session,
            customer_id=self.customer_id,
            lines=[(product.id, 1) for product in products],
            created_at=NOW,
        )

    def operation(self, session: Session) -> object:
        return operations.process_order(session, self.order_id)


class SearchOrders(ShopScenario):
    """The ten newest completed orders over 100 with items, products, customer, by strategy."""

    budget = Budget(mean=0.050)

    params = (STRATEGIES,)
    param_names = ("loading",)

    def operation(self, session: Session, loading: str) -> object:
        return operations.search_orders(session, loading=loading)


class SearchOrdersByScale(ShopScenario):
    """The ten newest completed orders over 100, as the shop grows."""

    params = (SCALES,)
    param_names = ("scale",)

    def operation(self, session: Session) -> object:
        return operations.search_orders(session)


class BrowseProducts(ShopScenario):
    """The twenty cheapest products in stock, as the shop grows."""

    params = (SCALES,)
    param_names = ("scale",)

    def operation(self, session: Session) -> object:
        return operations.browse_products(session)


class OpenProduct(ShopScenario):
    """A product by key, with its category."""

    def operation(self, session: Session) -> object:
        return operations.open_product(session, self.product_id)


class SimilarProducts(ShopScenario):
    """Five other products of a product's category, as the shop grows."""

    params = (SCALES,)
    param_names = ("scale",)

    def operation(self, session: Session) -> object:
        return operations.similar_products(session, self.product_id)
