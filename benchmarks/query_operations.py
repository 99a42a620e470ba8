"""Reading: by key, by filter, with related objects, by page, and in aggregate."""

import datetime as dt
from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy_asv import Budget, lazy_import

from .base import NOW, ROWS, SCALES, STRATEGIES, EcommerceScenario, SocialScenario, nth

social = lazy_import("fixtures.social.operations")
ecommerce = lazy_import("fixtures.ecommerce.operations")
techniques = lazy_import("fixtures.social.techniques")


# --- one object, or the question whether there is one ---------------------------------------------


class GetCold(SocialScenario):
    """Get a user by key with a SELECT."""

    def operation(self, session: Session) -> object:
        return techniques.get_by_key(session, self.user_id)


class GetLoaded(SocialScenario):
    """Get a user by key from the identity map."""

    # The operation sends no statement to compare with.
    not_measured = ("track_instructions_driver",)

    def load(self, session: Session) -> None:
        self.user = techniques.get_by_key(session, self.user_id)

    def operation(self, session: Session) -> object:
        return techniques.get_by_key(session, self.user_id)


class PostExists(SocialScenario):
    """Whether a user wrote anything."""

    def operation(self, session: Session) -> object:
        return techniques.post_exists(session, self.user_id)


class CountPosts(SocialScenario):
    """How many posts a user wrote."""

    def operation(self, session: Session) -> object:
        return techniques.count_posts(session, self.user_id)


# --- related objects ------------------------------------------------------------------------------


class PostsWithComments(SocialScenario):
    """Posts with comments and the comments' authors, by loading strategy, as posts grow."""

    budget = Budget(growth={"calls": "linear"})

    params = (STRATEGIES, ROWS[:3])
    param_names = ("loading", "posts")

    def operation(self, session: Session, loading: str, posts: int) -> object:
        return techniques.posts_with_comments(session, posts, loading=loading)


class OrdersWithItems(EcommerceScenario):
    """Orders with items and products, loaded by `selectin`, over three decades of orders."""

    budget = Budget(growth={"statements": "constant", "calls": "linear"})

    params = (ROWS,)
    param_names = ("orders",)

    def operation(self, session: Session, orders: int) -> object:
        return ecommerce.orders_with_items(session, orders)


class NPlusOne(SocialScenario):
    """Posts, and for each another SELECT for its comments: the deliberate worst case."""

    params = (ROWS[:3],)
    param_names = ("posts",)

    def operation(self, session: Session, posts: int) -> object:
        return techniques.n_plus_one(session, posts)


class RaiseLoad(SocialScenario):
    """A hundred posts with authors, every other relationship forbidden."""

    def operation(self, session: Session) -> object:
        return techniques.authors_with_raiseload(session, 100)


class PostsTagged(SocialScenario):
    """The twenty newest posts under a tag with all their tags: many to many."""

    tag = "tag7"

    def arguments(self, n: int) -> dict[str, Any]:
        return {"tag": f"tag{nth(n)}"}

    def operation(self, session: Session) -> object:
        return social.posts_tagged(session, self.tag)


class Payments(EcommerceScenario):
    """Payments of every kind, each an object of its own class: joined-table inheritance."""

    params = (ROWS,)
    param_names = ("rows",)

    def operation(self, session: Session, rows: int) -> object:
        return ecommerce.payments_by_kind(session, rows)


class CardPayments(EcommerceScenario):
    """A hundred payments by card: one class of a joined-table hierarchy."""

    network = "visa"

    def arguments(self, n: int) -> dict[str, Any]:
        return {"network": ("amex", "mastercard", "visa")[n % 3]}

    def operation(self, session: Session) -> object:
        return ecommerce.card_payments(session, self.network, 100)


# --- what comes back ------------------------------------------------------------------------------


class FullEntities(SocialScenario):
    """Users as objects."""

    budget = Budget(growth={"statements": "constant", "rows": "linear", "calls": "linear"})

    params = (ROWS,)
    param_names = ("rows",)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.full_entities(session, rows)


class ColumnsOnly(SocialScenario):
    """Three columns of users as rows."""

    params = (ROWS,)
    param_names = ("rows",)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.columns_only(session, rows)


class FilterUsers(SocialScenario):
    """Users of a status whose name begins with a letter."""

    start = "A"

    def arguments(self, n: int) -> dict[str, Any]:
        return {"start": "BCDEFGHIJK"[n % 10]}

    def operation(self, session: Session) -> object:
        return techniques.filter_users(session, start=self.start, status="active")


class Hybrid(SocialScenario):
    """A hundred users, filtered and ordered by a hybrid property."""

    users = 100

    def arguments(self, n: int) -> dict[str, Any]:
        return {"users": 100 + nth(n)}

    def operation(self, session: Session) -> object:
        return techniques.by_hybrid(session, self.users)


# --- pages ----------------------------------------------------------------------------------------


class OffsetPage(SocialScenario):
    """The n-th page of twenty posts by OFFSET."""

    params = ([1, 10, 100, 250],)
    param_names = ("page",)

    def operation(self, session: Session, page: int) -> object:
        return techniques.page_by_offset(session, page)


class KeysetPage(SocialScenario):
    """The n-th page of twenty posts by the last key of the page before."""

    params = ([1, 10, 100, 250],)
    param_names = ("page",)

    def operation(self, session: Session, page: int) -> object:
        return techniques.page_by_key(session, (page - 1) * 20)


# --- the database at work -------------------------------------------------------------------------


class Thread(SocialScenario):
    """A comment with a hundred answers in a row below it, by a recursive query."""

    def prepare(self, session: Session) -> None:
        social.publish_discussion(session, author_id=self.user_id, comments=100, created_at=NOW)
        # Comments of the dataset have the ids 1 to 10,000.
        self.comment_id = 10_001

    def operation(self, session: Session) -> object:
        return social.thread(session, self.comment_id)


class TrendingPosts(SocialScenario):
    """The ten posts most liked in the last month, with ranks, as the network grows."""

    params = (SCALES,)
    param_names = ("scale",)

    since = dt.datetime(2025, 12, 1)

    def arguments(self, n: int) -> dict[str, Any]:
        return {"since": dt.datetime(2025, 12, 1 + nth(n))}

    def operation(self, session: Session) -> object:
        return social.trending_posts(session, since=self.since)


class SearchPosts(SocialScenario):
    """The twenty newest posts that contain a word, as the network grows."""

    params = (SCALES,)
    param_names = ("scale",)

    word = "between"

    def arguments(self, n: int) -> dict[str, Any]:
        return {"word": ("after", "before", "during", "until", "while")[n % 5]}

    def operation(self, session: Session) -> object:
        return social.search_posts(session, self.word)


class SalesReport(EcommerceScenario):
    """Sales of each category, as the shop grows."""

    params = (SCALES,)
    param_names = ("scale",)

    def operation(self, session: Session) -> object:
        return ecommerce.sales_report(session)


class TopProductsPerCategory(EcommerceScenario):
    """The three products sold most in each category, as the shop grows."""

    params = (SCALES,)
    param_names = ("scale",)

    def operation(self, session: Session) -> object:
        return ecommerce.top_products_per_category(session)


class CategoryTree(EcommerceScenario):
    """A category and all below it, by a recursive query."""

    category_id = 1

    def arguments(self, n: int) -> dict[str, Any]:
        return {"category_id": nth(n)}

    def operation(self, session: Session) -> object:
        return ecommerce.category_tree(session, self.category_id)
