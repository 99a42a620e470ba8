import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from fixtures.ecommerce import operations
from fixtures.ecommerce.models import Order, OrderItem, OrderStatus, Product
from fixtures.loading import STRATEGIES, Loading

NOW = dt.datetime(2026, 1, 1)


def new_order(session: Session, *lines: tuple[int, int]) -> int:
    return operations.create_order(session, customer_id=1, lines=lines, created_at=NOW)


def set_stock(session: Session, **stock: int) -> None:
    for product, pieces in stock.items():
        session.execute(
            update(Product).where(Product.id == int(product.removeprefix("p"))).values(stock=pieces)
        )
    session.commit()


def test_create_order_takes_todays_prices(shop: Session) -> None:
    prices = {id: shop.get_one(Product, id).price for id in (1, 2, 3, 4, 5)}
    shop.rollback()
    order = shop.get_one(Order, new_order(shop, *[(id, id) for id in prices]))
    assert order.status is OrderStatus.PENDING
    assert order.total == sum(id * price for id, price in prices.items())
    assert [(item.product_id, item.quantity, item.unit_price) for item in order.items] == [
        (id, id, price) for id, price in prices.items()
    ]


@pytest.mark.parametrize("lines", [[], [(1, 0)], [(1, 1), (2, -1)]])
def test_create_order_wants_lines_of_a_piece_or_more(
    shop: Session, lines: list[tuple[int, int]]
) -> None:
    with pytest.raises(ValueError, match="one piece or more"):
        new_order(shop, *lines)


def test_create_order_of_an_unknown_product_changes_nothing(shop: Session) -> None:
    before = shop.scalar(select(func.count(Order.id)))
    shop.rollback()
    with pytest.raises(operations.NotFound, match="no product 1000000"):
        new_order(shop, (1, 1), (10**6, 1))
    shop.rollback()
    assert shop.scalar(select(func.count(Order.id))) == before


def test_process_order_moves_stock_and_pays(shop: Session) -> None:
    set_stock(shop, p1=5, p2=1)
    order_id = new_order(shop, (1, 2), (2, 1), (1, 3))
    total = operations.process_order(shop, order_id)
    order = shop.get_one(Order, order_id)
    assert order.status is OrderStatus.PAID
    assert order.total == total == sum(item.quantity * item.unit_price for item in order.items)
    assert [shop.get_one(Product, id).stock for id in (1, 2)] == [0, 0]


def test_process_order_without_stock_changes_nothing(shop: Session) -> None:
    set_stock(shop, p1=5, p2=1)
    order_id = new_order(shop, (1, 2), (2, 2))
    with pytest.raises(operations.OutOfStock, match="1 of product 2 left, not 2"):
        operations.process_order(shop, order_id)
    assert not shop.in_transaction()
    assert shop.get_one(Order, order_id).status is OrderStatus.PENDING
    assert [shop.get_one(Product, id).stock for id in (1, 2)] == [5, 1]


def test_process_order_counts_a_product_that_stands_twice(shop: Session) -> None:
    set_stock(shop, p1=5)
    order_id = new_order(shop, (1, 3), (1, 3))
    with pytest.raises(operations.OutOfStock, match="5 of product 1 left, not 6"):
        operations.process_order(shop, order_id)


def test_process_order_only_once(shop: Session) -> None:
    set_stock(shop, p1=5)
    order_id = new_order(shop, (1, 1))
    operations.process_order(shop, order_id)
    with pytest.raises(operations.NotPending, match=f"order {order_id} is paid"):
        operations.process_order(shop, order_id)
    assert shop.get_one(Product, 1).stock == 4


def test_process_order_that_does_not_exist(shop: Session) -> None:
    with pytest.raises(operations.NotFound, match="no order 1000000"):
        operations.process_order(shop, 10**6)


@pytest.mark.parametrize("loading", STRATEGIES)
def test_search_orders(shop: Session, loading: Loading) -> None:
    orders = operations.search_orders(shop, loading=loading)
    assert len(orders) == 10
    assert all(o.status is OrderStatus.COMPLETED and o.total > 100 for o in orders)
    assert [o.created_at for o in orders] == sorted((o.created_at for o in orders), reverse=True)
    newest = shop.scalar(
        select(func.max(Order.created_at)).where(
            Order.status == OrderStatus.COMPLETED, Order.total > 100
        )
    )
    assert orders[0].created_at == newest
    assert all(item.product.name for order in orders for item in order.items)


def test_search_orders_finds_nothing(shop: Session) -> None:
    assert operations.search_orders(shop, minimum=Decimal(10**9)) == []


def test_browse_products(shop: Session) -> None:
    products = operations.browse_products(shop)
    assert len(products) == 20
    assert all(product.stock > 0 for product in products)
    cheapest = shop.scalar(select(func.min(Product.price)).where(Product.stock > 0))
    assert [p.price for p in products] == sorted(p.price for p in products)
    assert products[0].price == cheapest


def test_browse_an_empty_shop(shop: Session) -> None:
    shop.execute(update(Product).values(stock=0))
    assert operations.browse_products(shop) == []


def test_similar_products(shop: Session) -> None:
    category = shop.scalars(
        select(Product.category_id).group_by(Product.category_id).having(func.count() > 5)
    ).first()
    product = shop.scalars(select(Product).where(Product.category_id == category)).first()
    assert product is not None
    similar = operations.similar_products(shop, product.id)
    assert len(similar) == 5
    assert all(p.category_id == category and p.id != product.id for p in similar)


def test_similar_to_nothing(shop: Session) -> None:
    with pytest.raises(operations.NotFound, match="no product 1000000"):
        operations.similar_products(shop, 10**6)


def test_money_comes_back_exact(shop: Session) -> None:
    items = shop.scalars(select(OrderItem).limit(500)).all()
    assert all(item.unit_price == item.unit_price.quantize(Decimal("0.01")) for item in items)
