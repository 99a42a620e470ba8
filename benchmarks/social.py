"""The social network: registering, writing, following, and reading feeds."""

from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy_asv import Budget, lazy_import

from .base import NOW, SCALES, STRATEGIES, SocialScenario

operations = lazy_import("fixtures.social.operations")


class CreateUser(SocialScenario):
    """Register a user."""

    budget = Budget(mean=0.010, stdev=0.005, statements=2)

    def operation(self, session: Session) -> object:
        return operations.create_user(
            session, username="new", email="new@example.com", name="New User", created_at=NOW
        )


class CreatePost(SocialScenario):
    """Publish a post under three tags."""

    def operation(self, session: Session) -> object:
        return operations.create_post(
            session,
            author_id=self.user_id,
            title="A title",
            body="A body. " * 30,
            tags=["tag1", "tag2", "tag3"],
            created_at=NOW,
        )


class AddComment(SocialScenario):
    """Answer a comment on a post."""

    def prepare(self, session: Session) -> None:
        self.parent_id = self.comment(session)

    def operation(self, session: Session) -> object:
        return self.comment(session, parent_id=self.parent_id)

    def comment(self, session: Session, **answer: int) -> Any:
        return operations.add_comment(
            session,
            post_id=self.post_id,
            author_id=self.user_id,
            body="A comment.",
            created_at=NOW,
            **answer,
        )


class Follow(SocialScenario):
    """Follow another user."""

    def prepare(self, session: Session) -> None:
        self.newcomer_id = operations.create_user(
            session, username="new", email="new@example.com", name="New User", created_at=NOW
        )

    def operation(self, session: Session) -> object:
        return operations.follow(
            session, follower_id=self.newcomer_id, followee_id=self.other_id, created_at=NOW
        )


class UpdateProfile(SocialScenario):
    """Change a user's name and address."""

    def operation(self, session: Session) -> object:
        return operations.update_profile(
            session, self.user_id, name="Other Name", email="other@example.com"
        )


class ActiveUsersWithThreads(SocialScenario):
    """Twenty active users with posts, comments and the comments' authors, by loading strategy."""

    params = (STRATEGIES,)
    param_names = ("loading",)

    def operation(self, session: Session, loading: str) -> object:
        return operations.active_users_with_threads(session, loading=loading)


class ActiveUsersByScale(SocialScenario):
    """Twenty active users with posts, comments and their authors, as the network grows."""

    params = (SCALES,)
    param_names = ("scale",)

    def operation(self, session: Session) -> object:
        return operations.active_users_with_threads(session)


class HomeFeed(SocialScenario):
    """The twenty newest posts by the people a user follows, by loading strategy."""

    params = (STRATEGIES,)
    param_names = ("loading",)

    def operation(self, session: Session, loading: str) -> object:
        return operations.home_feed(session, self.user_id, loading=loading)


class HomeFeedByScale(SocialScenario):
    """The twenty newest posts by the people a user follows, as the network grows."""

    params = (SCALES,)
    param_names = ("scale",)

    def operation(self, session: Session) -> object:
        return operations.home_feed(session, self.user_id)
