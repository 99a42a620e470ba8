"""The same operations through a synchronous driver and through asyncio: the cost of asyncio."""

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy_asv import lazy_import

from .base import NOW, EcommerceScenario, SocialScenario

social = lazy_import("fixtures.social.operations")
ecommerce = lazy_import("fixtures.ecommerce.operations")
techniques = lazy_import("fixtures.social.techniques")
asynchronous = lazy_import("fixtures.social.asynchronous")

ACCESS = ["sync", "asyncio"]


class GetUser(SocialScenario):
    """Get a user by key with a SELECT, by access."""

    params = (ACCESS,)
    param_names = ("access",)

    def operation(self, session: Session) -> object:
        return techniques.get_by_key(session, self.user_id)


class ReadFeed(SocialScenario):
    """The twenty newest posts by the people a user follows, by access."""

    params = (ACCESS,)
    param_names = ("access",)

    def operation(self, session: Session) -> object:
        return social.home_feed(session, self.user_id)


class NPlusOne(SocialScenario):
    """A hundred posts, and for each another SELECT for its comments, by access."""

    params = (ACCESS,)
    param_names = ("access",)

    def operation(self, session: Session) -> object:
        return techniques.n_plus_one(session, 100)


class FullEntities(SocialScenario):
    """Users as objects, by access."""

    params = (ACCESS, [10, 100, 1000])
    param_names = ("access", "rows")

    def operation(self, session: Session, rows: int) -> object:
        return techniques.full_entities(session, rows)


class RegisterUser(SocialScenario):
    """Register a user, by access."""

    params = (ACCESS,)
    param_names = ("access",)

    def operation(self, session: Session) -> object:
        return social.create_user(
            session, username="new", email="new@example.com", name="New User", created_at=NOW
        )


class ProcessOrder(EcommerceScenario):
    """Take a pending order's five products out of stock and mark it paid, by access."""

    params = (ACCESS,)
    param_names = ("access",)

    def prepare(self, session: Session) -> None:
        products = ecommerce.browse_products(session, limit=5)
        self.order_id = ecommerce.create_order(
            session,
            customer_id=self.customer_id,
            lines=[(product.id, 1) for product in products],
            created_at=NOW,
        )

    def operation(self, session: Session) -> object:
        return ecommerce.process_order(session, self.order_id)


class StreamLikes(SocialScenario):
    """Likes as objects, a hundred at a time, as an asynchronous session streams them."""

    params = (["asyncio"], [100, 1000, 10_000])
    param_names = ("access", "rows")

    async def operation(self, session: AsyncSession, rows: int) -> object:
        return await asynchronous.stream_likes(session.bind, rows)
