"""A shop under load: a hundred people look around, and now and then order.

`sqlalchemy-asv load ecommerce`, or as any locustfile: `locust -f load/ecommerce.py`.
"""

import datetime as dt

from locust import task
from sqlalchemy_asv.load import events
from sqlalchemy_asv.load.users import DataLayerUser, Limits

from fixtures.ecommerce.operations import (
    OutOfStock,
    browse_products,
    create_order,
    open_product,
    process_order,
    similar_products,
)

events.defaults(users=100)

CUSTOMERS = 1000
"""At scale 1; every larger dataset has them as well."""


class Shopper(DataLayerUser):
    dataset = "fixtures.ecommerce.dataset"
    limits = Limits(error_rate=0.005, average=0.3, p99=1.0)
    think_time = 0.2

    def on_start(self) -> None:
        self.customer_id = self.random.randint(1, CUSTOMERS)

    def choose(self) -> int:
        products = self.perform(browse_products)
        self.think()
        return self.random.choice(products).id

    @task(9)
    def look_around(self) -> None:
        product_id = self.choose()
        self.perform(open_product, product_id=product_id)
        self.think()
        self.perform(similar_products, product_id=product_id)

    @task(1)
    def order(self) -> None:
        product_id = self.choose()
        order_id = self.perform(
            create_order,
            customer_id=self.customer_id,
            lines=[(product_id, 1)],
            created_at=dt.datetime.now(),
        )
        # Another shopper may have taken the last piece.
        self.perform(process_order, answers=(OutOfStock,), order_id=order_id)
