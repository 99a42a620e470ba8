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


def test_create_order_takes_todays_prices(ecommerce: Session) -> None:
    prices = {id: ecommerce.get_one(Product, id).price for id in (1, 2, 3, 4, 5)}
    ecommerce.rollback()
    order = ecommerce.get_one(Order, new_order(ecommerce, *[(id, id) for id in prices]))
    assert order.status is OrderStatus.PENDING
    assert order.total == sum(id * price for id, price in prices.items())
    assert [(item.product_id, item.quantity, item.unit_price) for item in order.items] == [
        (id, id, price) for id, price in prices.items()
    ]


@pytest.mark.parametrize("lines", [[], [(1, 0)], [(1, 1), (2, -1)]])
def test_create_order_wants_lines_of_a_piece_or_more(
    ecommerce: Session, lines: list[tuple[int, int]]
) -> None:
    with pytest.raises(ValueError, match="one piece or more"):
        new_order(ecommerce, *lines)


def test_create_order_of_an_unknown_product_changes_nothing(ecommerce: Session) -> None:
    before = ecommerce.scalar(select(func.count(Order.id)))
    ecommerce.rollback()
    with pytest.raises(operations.NotFound, match="no product 1000000"):
        new_order(ecommerce, (1, 1), (10**6, 1))
    ecommerce.rollback()
    assert ecommerce.scalar(select(func.count(Order.id))) == before


def test_process_order_moves_stock_and_pays(ecommerce: Session) -> None:
    set_stock(ecommerce, p1=5, p2=1)
    order_id = new_order(ecommerce, (1, 2), (2, 1), (1, 3))
    total = operations.process_order(ecommerce, order_id)
    order = ecommerce.get_one(Order, order_id)
    assert order.status is OrderStatus.PAID
    assert order.total == total == sum(item.quantity * item.unit_price for item in order.items)
    assert [ecommerce.get_one(Product, id).stock for id in (1, 2)] == [0, 0]


def test_process_order_without_stock_changes_nothing(ecommerce: Session) -> None:
    set_stock(ecommerce, p1=5, p2=1)
    order_id = new_order(ecommerce, (1, 2), (2, 2))
    with pytest.raises(operations.OutOfStock, match="1 of product 2 left, not 2"):
        operations.process_order(ecommerce, order_id)
    assert not ecommerce.in_transaction()
    assert ecommerce.get_one(Order, order_id).status is OrderStatus.PENDING
    assert [ecommerce.get_one(Product, id).stock for id in (1, 2)] == [5, 1]


def test_process_order_counts_a_product_that_stands_twice(ecommerce: Session) -> None:
    set_stock(ecommerce, p1=5)
    order_id = new_order(ecommerce, (1, 3), (1, 3))
    with pytest.raises(operations.OutOfStock, match="5 of product 1 left, not 6"):
        operations.process_order(ecommerce, order_id)


def test_process_order_only_once(ecommerce: Session) -> None:
    set_stock(ecommerce, p1=5)
    order_id = new_order(ecommerce, (1, 1))
    operations.process_order(ecommerce, order_id)
    with pytest.raises(operations.NotPending, match=f"order {order_id} is paid"):
        operations.process_order(ecommerce, order_id)
    assert ecommerce.get_one(Product, 1).stock == 4


def test_process_order_that_does_not_exist(ecommerce: Session) -> None:
    with pytest.raises(operations.NotFound, match="no order 1000000"):
        operations.process_order(ecommerce, 10**6)


@pytest.mark.parametrize("loading", STRATEGIES)
def test_search_orders(ecommerce: Session, loading: Loading) -> None:
    orders = operations.search_orders(ecommerce, loading=loading)
    assert len(orders) == 10
    assert all(o.status is OrderStatus.COMPLETED and o.total > 100 for o in orders)
    assert [o.created_at for o in orders] == sorted((o.created_at for o in orders), reverse=True)
    newest = ecommerce.scalar(
        select(func.max(Order.created_at)).where(
            Order.status == OrderStatus.COMPLETED, Order.total > 100
        )
    )
    assert orders[0].created_at == newest
    assert all(item.product.name for order in orders for item in order.items)


def test_search_orders_finds_nothing(ecommerce: Session) -> None:
    assert operations.search_orders(ecommerce, minimum=Decimal(10**9)) == []


def test_browse_products(ecommerce: Session) -> None:
    products = operations.browse_products(ecommerce)
    assert len(products) == 20
    assert all(product.stock > 0 for product in products)
    cheapest = ecommerce.scalar(select(func.min(Product.price)).where(Product.stock > 0))
    assert [p.price for p in products] == sorted(p.price for p in products)
    assert products[0].price == cheapest


def test_browse_an_empty_shop(ecommerce: Session) -> None:
    ecommerce.execute(update(Product).values(stock=0))
    assert operations.browse_products(ecommerce) == []


def test_similar_products(ecommerce: Session) -> None:
    category = ecommerce.scalars(
        select(Product.category_id).group_by(Product.category_id).having(func.count() > 5)
    ).first()
    product = ecommerce.scalars(select(Product).where(Product.category_id == category)).first()
    assert product is not None
    similar = operations.similar_products(ecommerce, product.id)
    assert len(similar) == 5
    assert all(p.category_id == category and p.id != product.id for p in similar)


def test_similar_to_nothing(ecommerce: Session) -> None:
    with pytest.raises(operations.NotFound, match="no product 1000000"):
        operations.similar_products(ecommerce, 10**6)


def test_money_comes_back_exact(ecommerce: Session) -> None:
    items = ecommerce.scalars(select(OrderItem).limit(500)).all()
    assert all(item.unit_price == item.unit_price.quantize(Decimal("0.01")) for item in items)
