import importlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, create_engine, func, select, text
from sqlalchemy.orm import Session
from sqlalchemy_asv import version
from sqlalchemy_asv.datasets.bulk import numbered
from sqlalchemy_asv.datasets.columnar import SMALLEST_SCALE, ColumnarDataset

from fixtures.ecommerce.dataset import EcommerceDataset
from fixtures.ecommerce.models import Order, OrderItem
from fixtures.social.dataset import SocialDataset

DATASETS: list[Callable[..., ColumnarDataset]] = [SocialDataset, EcommerceDataset]
Make = Callable[..., ColumnarDataset]


def columns(dataset: ColumnarDataset) -> dict[str, dict[str, list[Any]]]:
    """All values of a dataset, by table and column."""
    tables: dict[str, dict[str, list[Any]]] = {}
    for table, chunk in dataset.chunks():
        for name, values in chunk.items():
            tables.setdefault(table.name, {}).setdefault(name, []).extend(values)
    return tables


def test_sqlalchemy_2_0_3_and_earlier_tell_the_numbered_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = numbered(Order.metadata.tables["orders"])
    assert found is not None
    assert found.name == "id"
    monkeypatch.delattr(Table, "autoincrement_column")
    assert numbered(Order.metadata.tables["orders"]) is found


@pytest.mark.parametrize("make", DATASETS)
def test_standard_scale_is_what_the_guide_asks_for(make: Make) -> None:
    dataset = make()
    for name, values in columns(dataset).items():
        rows = len(next(iter(values.values())))
        if name in dataset.owners:
            assert 0.85 * dataset.standard[name] < rows <= 1.05 * dataset.standard[name]
        else:
            assert rows == dataset.standard[name]
    assert {"users": 1_000, "posts": 5_000, "comments": 10_000}.items() <= (
        SocialDataset.standard.items()
    )
    assert {"products": 500, "customers": 1_000, "orders": 5_000}.items() <= (
        EcommerceDataset.standard.items()
    )


@pytest.mark.parametrize("make", DATASETS)
def test_rows_are_the_same_in_every_process(make: Make) -> None:
    code = f"from {make.__module__} import {make.__name__} as D;print(D(0.2).fingerprint())"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "4242")
    }
    assert seen == {make(0.2).fingerprint()}


@pytest.mark.parametrize("make", DATASETS)
def test_fingerprint_follows_seed_scale_and_content(make: Make) -> None:
    class OneWordChanged(make):  # type: ignore[misc, valid-type]
        def fake(self, faker: Any) -> None:
            super().fake(faker)
            self.names[0] += "!"

    prints = [
        make(0.2).fingerprint(),
        make(0.21).fingerprint(),
        make(0.2, seed=1).fingerprint(),
        OneWordChanged(0.2).fingerprint(),
    ]
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize("make", DATASETS)
def test_build_loads_what_the_fingerprint_says(make: Make) -> None:
    dataset = make(0.1)
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        assert dataset.build(connection) == dataset.fingerprint()
        for name, values in columns(dataset).items():
            table = dataset.metadata.tables[name]
            stored = connection.scalar(select(func.count()).select_from(table))
            assert stored == len(next(iter(values.values())))
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
        indexes = {name for (name,) in connection.execute(text("SELECT name FROM sqlite_master"))}
    assert {index.name for t in dataset.metadata.sorted_tables for index in t.indexes} <= indexes


@settings(max_examples=15, deadline=None)
@given(make=st.sampled_from(DATASETS), scale=st.floats(SMALLEST_SCALE, 0.5), seed=st.integers(0, 9))
def test_any_scale_has_sound_references(make: Make, scale: float, seed: int) -> None:
    dataset = make(scale, seed=seed)
    tables = columns(dataset)
    for table in dataset.metadata.sorted_tables:
        key = [column.name for column in table.primary_key]
        keys = list(zip(*(tables[table.name][name] for name in key), strict=True))
        assert len(keys) == len(set(keys))
        for column in table.columns:
            for reference in column.foreign_keys:
                known = set(tables[reference.column.table.name][reference.column.name])
                given = {value for value in tables[table.name][column.name] if value is not None}
                assert given <= known, f"{table.name}.{column.name}"


@pytest.mark.parametrize("make", DATASETS)
@pytest.mark.parametrize("scale", [0, -1, 0.009, float("nan")])
def test_a_scale_too_small_is_refused(make: Make, scale: float) -> None:
    with pytest.raises(ValueError, match=f"scale {scale} is too small: use 0.01 or more"):
        make(scale)


@pytest.mark.parametrize("make", DATASETS)
def test_size_grows_with_the_scale_and_memory_of_a_chunk_does_not(make: Make) -> None:
    small, large = make(1), make(1000)
    for name in small.standard:
        expected = 1 if name in small.fixed else 1000
        assert large.size[name] == expected * small.size[name]
    largest = max(len(next(iter(chunk.values()))) for _, chunk in make(3).chunks())
    assert largest == pytest.approx(
        max(len(next(iter(chunk.values()))) for _, chunk in small.chunks()), rel=0.2
    )


def share_of_top_tenth(values: list[int], population: int) -> float:
    counts = sorted(Counter(values).values(), reverse=True)
    return sum(counts[: population // 10]) / len(values)


def test_popularity_has_a_long_tail() -> None:
    social, shop = columns(SocialDataset()), columns(EcommerceDataset())
    uneven = {
        "comments per post": (social["comments"]["post_id"], 5_000),
        "likes per post": (social["likes"]["post_id"], 5_000),
        "followers per user": (social["follows"]["followee_id"], 1_000),
        "sales per product": (shop["order_items"]["product_id"], 500),
    }
    for what, (values, population) in uneven.items():
        assert 0.3 < share_of_top_tenth(values, population) < 0.7, what
    # An even choice would put little more than a tenth there.
    assert share_of_top_tenth([n % 5_000 + 1 for n in range(10_000)], 5_000) < 0.15


def test_orders_have_one_item_to_many() -> None:
    sizes = Counter(columns(EcommerceDataset())["order_items"]["order_id"])
    assert len(sizes) == 5_000
    assert min(sizes.values()) == 1
    assert max(sizes.values()) >= 15


def test_a_comment_answers_an_earlier_one_on_the_same_post() -> None:
    comments = columns(SocialDataset())["comments"]
    post_of = dict(zip(comments["id"], comments["post_id"], strict=True))
    answers = [
        (id, parent)
        for id, parent in zip(comments["id"], comments["parent_id"], strict=True)
        if parent is not None
    ]
    assert len(answers) > 500
    assert all(parent < id and post_of[parent] == post_of[id] for id, parent in answers)


def test_nobody_comments_before_the_post() -> None:
    tables = columns(SocialDataset())
    written = dict(zip(tables["posts"]["id"], tables["posts"]["created_at"], strict=True))
    late = [
        written[post] <= time
        for post, time in zip(
            tables["comments"]["post_id"], tables["comments"]["created_at"], strict=True
        )
    ]
    # The first comment has to find a post, and may be written a moment too early.
    assert late.count(False) <= 2


def test_order_totals_are_the_sum_of_their_items() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        EcommerceDataset(0.1).build(connection)
        with Session(connection) as session:
            sums: dict[int, Decimal] = Counter()  # type: ignore[assignment]
            for item in session.scalars(select(OrderItem)):
                sums[item.order_id] += item.quantity * item.unit_price
            orders = session.scalars(select(Order)).all()
            assert [order.total for order in orders] == [sums[order.id] for order in orders]


SUITE = {
    "__init__.py": "",
    "rows.py": "ROWS = 1\n",
    "base.py": "from sqlalchemy_asv import Dataset\nfrom .rows import ROWS\n\n"
    "class Base(Dataset):\n    def fill(self, session): ...\n",
    "shop.py": "from .base import Base\n\nclass Shop(Base): ...\n",
    "other.py": "x = 1\n",
    "dump.sql": "INSERT 1",
}


@pytest.mark.parametrize(
    ("file", "counts"),
    [(name, name != "other.py") for name in SUITE if name != "__init__.py"],
)
def test_a_dataset_is_filled_anew_if_what_fills_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, counts: bool
) -> None:
    def key(text: str) -> str:
        folder = tmp_path / text / "suite_of_a_shop"
        for name, content in SUITE.items():
            (folder / name).parent.mkdir(exist_ok=True, parents=True)
            (folder / name).write_text(content + (f"\n# {text}\n" if name == file else ""))
        version.data_layer.cache_clear()
        version._source_of_module.cache_clear()
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder.parent)
            found: str = importlib.import_module("suite_of_a_shop.shop").Shop(1).key()
        for name in [name for name in sys.modules if name.startswith("suite_of_a_shop")]:
            del sys.modules[name]
        return found

    assert (key("once") != key("again")) == counts
