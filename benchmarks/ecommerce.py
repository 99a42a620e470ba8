"""The shop: browsing, ordering, processing and finding orders."""

from sqlalchemy.orm import Session
from sqlalchemy_asv import Budget, lazy_import

from .base import NOW, SCALES, STRATEGIES, EcommerceScenario

operations = lazy_import("fixtures.ecommerce.operations")


class CreateOrder(EcommerceScenario):
    """Take an order of five products."""

    def prepare(self, session: Session) -> None:
        products = operations.browse_products(session, limit=5)
        self.lines = [(product.id, 1) for product in products]

    def operation(self, session: Session) -> object:
        return operations.create_order(
            session, customer_id=self.customer_id, lines=self.lines, created_at=NOW
        )


class ProcessOrder(EcommerceScenario):
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


class SearchOrders(EcommerceScenario):
    """The ten newest completed orders over 100 with items, products, customer, by strategy."""

    budget = Budget(mean=0.050)

    params = (STRATEGIES,)
    param_names = ("loading",)

    def operation(self, session: Session, loading: str) -> object:
        return operations.search_orders(session, loading=loading)


class SearchOrdersByScale(EcommerceScenario):
    """The ten newest completed orders over 100, as the shop grows."""

    params = (SCALES,)
    param_names = ("scale",)

    def operation(self, session: Session) -> object:
        return operations.search_orders(session)


class BrowseProducts(EcommerceScenario):
    """The twenty cheapest products in stock, as the shop grows."""

    params = (SCALES,)
    param_names = ("scale",)

    def operation(self, session: Session) -> object:
        return operations.browse_products(session)


class OpenProduct(EcommerceScenario):
    """A product by key, with its category."""

    def operation(self, session: Session) -> object:
        return operations.open_product(session, self.product_id)


class SimilarProducts(EcommerceScenario):
    """Five other products of a product's category, as the shop grows."""

    params = (SCALES,)
    param_names = ("scale",)

    def operation(self, session: Session) -> object:
        return operations.similar_products(session, self.product_id)
