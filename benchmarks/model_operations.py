"""Creating, changing and deleting: one object, a thousand rows, and what lies between."""

from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy_asv import lazy_import

from .base import NOW, ROWS, EcommerceScenario, SocialScenario

social = lazy_import("fixtures.social.operations")
ecommerce = lazy_import("fixtures.ecommerce.operations")
techniques = lazy_import("fixtures.social.techniques")


def new_users(count: int) -> list[dict[str, Any]]:
    return [
        {
            "username": f"new{number}",
            "email": f"new{number}@example.com",
            "name": "New User",
            "status": "active",
            "created_at": NOW,
        }
        for number in range(count)
    ]


# --- many rows ------------------------------------------------------------------------------------


class InsertUnitOfWork(SocialScenario):
    """Insert users as objects, by the unit of work."""

    params = (ROWS,)
    param_names = ("rows",)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.insert_unit_of_work(session, new_users(rows))


class InsertOrm(SocialScenario):
    """Insert users by an ORM bulk insert."""

    params = (ROWS,)
    param_names = ("rows",)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.insert_orm(session, new_users(rows))


class InsertOrmReturning(SocialScenario):
    """Insert users by an ORM bulk insert that returns the objects."""

    params = (ROWS,)
    param_names = ("rows",)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.insert_orm_returning(session, new_users(rows))


class InsertCore(SocialScenario):
    """Insert users by a Core insert."""

    params = (ROWS,)
    param_names = ("rows",)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.insert_core(session, new_users(rows))


class FlushDirty(SocialScenario):
    """Change loaded users one by one and flush."""

    params = (ROWS,)
    param_names = ("rows",)

    def load(self, session: Session, rows: int) -> None:
        self.users = techniques.full_entities(session, rows)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.rename_loaded(session, self.users)


class UpdateByStatement(SocialScenario):
    """Change as many users by one UPDATE."""

    params = (ROWS,)
    param_names = ("rows",)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.rename_by_statement(session, rows)


class DeleteByStatement(SocialScenario):
    """Delete the likes of a post by one DELETE."""

    def operation(self, session: Session) -> object:
        return techniques.delete_likes_by_statement(session, self.post_id)


class Savepoints(SocialScenario):
    """Insert ten likes in a savepoint each, half of them refused."""

    def prepare(self, session: Session) -> None:
        for post_id in range(1, 10, 2):
            social.like(session, user_id=self.user_id, post_id=post_id, created_at=NOW)
        for post_id in range(2, 11, 2):
            social.like(session, user_id=self.user_id, post_id=post_id, created_at=NOW)
            social.unlike(session, user_id=self.user_id, post_id=post_id)

    def operation(self, session: Session) -> object:
        likes = [
            {"user_id": self.user_id, "post_id": post_id, "created_at": NOW}
            for post_id in range(1, 11)
        ]
        return techniques.likes_in_savepoints(session, likes)


# --- one object -----------------------------------------------------------------------------------


class Like(SocialScenario):
    """Like a post, by an upsert."""

    def operation(self, session: Session) -> object:
        return social.like(session, user_id=self.user_id, post_id=self.post_id, created_at=NOW)


class Unlike(SocialScenario):
    """Take a like back."""

    def prepare(self, session: Session) -> None:
        social.like(session, user_id=self.user_id, post_id=self.post_id, created_at=NOW)

    def operation(self, session: Session) -> object:
        return social.unlike(session, user_id=self.user_id, post_id=self.post_id)


class DeletePost(SocialScenario):
    """Delete a post with twenty comments, its likes and tags, by cascades."""

    def prepare(self, session: Session) -> None:
        self.discussion_id = social.publish_discussion(
            session, author_id=self.user_id, comments=20, created_at=NOW
        )

    def operation(self, session: Session) -> object:
        return social.delete_post(session, self.discussion_id)


class PublishDiscussion(SocialScenario):
    """Publish a post with comments that answer each other, in one flush."""

    params = (ROWS[:3],)
    param_names = ("comments",)

    def operation(self, session: Session, comments: int) -> object:
        return social.publish_discussion(
            session, author_id=self.user_id, comments=comments, created_at=NOW
        )


class DeleteOrder(EcommerceScenario):
    """Delete an order of five items, by a cascade."""

    def prepare(self, session: Session) -> None:
        self.order_id = ecommerce.create_order(
            session,
            customer_id=self.customer_id,
            lines=[(product_id, 1) for product_id in range(1, 6)],
            created_at=NOW,
        )

    def operation(self, session: Session) -> object:
        return ecommerce.delete_order(session, self.order_id)


class EditReview(EcommerceScenario):
    """Change a review under optimistic locking, by its version."""

    def operation(self, session: Session) -> object:
        return ecommerce.edit_review(session, 7, rating=1, body="Broke on the second day.")


class ProcessLargeOrder(EcommerceScenario):
    """Process an order, as its items grow."""

    params = ([1, 5, 50],)
    param_names = ("items",)

    def prepare(self, session: Session, items: int) -> None:
        products = ecommerce.browse_products(session, limit=items)
        self.order_id = ecommerce.create_order(
            session,
            customer_id=self.customer_id,
            lines=[(product.id, 1) for product in products],
            created_at=NOW,
        )

    def operation(self, session: Session, items: int) -> object:
        return ecommerce.process_order(session, self.order_id)


# --- objects and their state ----------------------------------------------------------------------


class LoadedAttributes(SocialScenario):
    """Read five attributes of loaded users."""

    params = (ROWS,)
    param_names = ("rows",)

    def load(self, session: Session, rows: int) -> None:
        self.users = techniques.full_entities(session, rows)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.read_attributes(session, self.users)


class ExpiredAttributes(SocialScenario):
    """Read five attributes of users that a commit has expired: a SELECT each."""

    params = (ROWS[:3],)
    param_names = ("rows",)

    def load(self, session: Session, rows: int) -> None:
        self.users = techniques.full_entities(session, rows)
        session.commit()

    def operation(self, session: Session, rows: int) -> object:
        return techniques.read_attributes(session, self.users)


class Refresh(SocialScenario):
    """Read a loaded user again."""

    def load(self, session: Session) -> None:
        self.user = techniques.get_by_key(session, self.user_id)

    def operation(self, session: Session) -> object:
        return techniques.refresh(session, self.user)


class Merge(SocialScenario):
    """Merge detached users into a session."""

    params = (ROWS[:3],)
    param_names = ("rows",)

    def prepare(self, session: Session, rows: int) -> None:
        self.users = techniques.full_entities(session, rows)
        session.expunge_all()

    def operation(self, session: Session, rows: int) -> object:
        return techniques.merge(session, self.users)


class ToJson(SocialScenario):
    """Posts with their authors as JSON."""

    params = (ROWS,)
    param_names = ("rows",)

    def operation(self, session: Session, rows: int) -> object:
        return techniques.to_json(session, rows)
