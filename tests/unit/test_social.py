import datetime as dt

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, object_session

from fixtures.loading import STRATEGIES, Loading, load_path
from fixtures.social import operations
from fixtures.social.models import Comment, Follow, Post, User, UserStatus

NOW = dt.datetime(2026, 1, 1)


def new_user(session: Session, username: str = "new") -> int:
    return operations.create_user(
        session, username=username, email=f"{username}@example.com", name="New", created_at=NOW
    )


def test_create_user_is_committed_and_active(social: Session) -> None:
    user_id = new_user(social)
    social.rollback()
    user = social.get_one(User, user_id)
    assert (user.username, user.status, user.created_at) == ("new", UserStatus.ACTIVE, NOW)


def test_create_user_refuses_a_taken_name(social: Session) -> None:
    with pytest.raises(IntegrityError):
        new_user(social, "user1")


def test_create_post_with_tags(social: Session) -> None:
    post_id = operations.create_post(
        social, author_id=1, title="T", body="B", tags=["tag2", "tag1"], created_at=NOW
    )
    post = social.get_one(Post, post_id)
    assert [tag.name for tag in post.tags] == ["tag1", "tag2"]


def test_create_post_names_the_unknown_tag(social: Session) -> None:
    before = social.scalar(select(func.count(Post.id)))
    with pytest.raises(operations.NotFound, match="no tag named nonsense"):
        operations.create_post(
            social, author_id=1, title="T", body="B", tags=["tag1", "nonsense"], created_at=NOW
        )
    social.rollback()
    assert social.scalar(select(func.count(Post.id))) == before


def test_comments_form_a_thread(social: Session) -> None:
    first = operations.add_comment(social, post_id=1, author_id=1, body="A", created_at=NOW)
    answer = operations.add_comment(
        social, post_id=1, author_id=2, body="B", parent_id=first, created_at=NOW
    )
    assert [reply.id for reply in social.get_one(Comment, first).replies] == [answer]


def test_comment_on_a_missing_post_is_refused(social: Session) -> None:
    with pytest.raises(IntegrityError):
        operations.add_comment(social, post_id=10**6, author_id=1, body="A", created_at=NOW)


def test_an_answer_to_a_comment_elsewhere_is_refused(social: Session) -> None:
    elsewhere = operations.add_comment(social, post_id=2, author_id=1, body="A", created_at=NOW)
    for parent_id in (elsewhere, 10**6):
        with pytest.raises(operations.NotFound, match=f"no comment {parent_id} on post 1"):
            operations.add_comment(
                social, post_id=1, author_id=2, body="B", parent_id=parent_id, created_at=NOW
            )


def test_follow(social: Session) -> None:
    user_id = new_user(social)
    operations.follow(social, follower_id=user_id, followee_id=1, created_at=NOW)
    assert social.get_one(Follow, (user_id, 1)).created_at == NOW


def test_update_profile(social: Session) -> None:
    operations.update_profile(social, 1, name="Other", email="other@example.com")
    social.rollback()
    assert social.get_one(User, 1).name == "Other"


def test_update_profile_of_nobody(social: Session) -> None:
    with pytest.raises(operations.NotFound, match="no user 1000000"):
        operations.update_profile(social, 10**6, name="Other", email="other@example.com")


@pytest.mark.parametrize("loading", STRATEGIES)
def test_active_users_with_threads(social: Session, loading: Loading) -> None:
    users = operations.active_users_with_threads(social, loading=loading)
    assert len(users) == 20
    assert all(user.status is UserStatus.ACTIVE for user in users)
    assert [user.created_at for user in users] == sorted(
        (user.created_at for user in users), reverse=True
    )
    assert sum(len(user.posts) for user in users) > 20
    assert sum(len(post.comments) for user in users for post in user.posts) > 20


@pytest.mark.parametrize("loading", STRATEGIES)
def test_home_feed_is_what_followed_users_wrote_last(social: Session, loading: Loading) -> None:
    followees = set(social.scalars(select(Follow.followee_id).where(Follow.follower_id == 42)))
    newest = social.scalars(
        select(Post.id)
        .where(Post.author_id.in_(followees))
        .order_by(Post.created_at.desc(), Post.id.desc())
        .limit(20)
    ).all()
    social.expunge_all()
    posts = operations.home_feed(social, 42, loading=loading)
    assert [post.id for post in posts] == list(newest)
    assert len(posts) == 20


@pytest.mark.parametrize("loading", STRATEGIES)
def test_a_reader_has_consumed_everything_it_returns(social: Session, loading: Loading) -> None:
    posts = operations.home_feed(social, 42, loading=loading)
    session = object_session(posts[0])
    assert session is not None
    statements: list[str] = []
    event.listen(
        social.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    _ = [(post.author.name, [c.author.name for c in post.comments]) for post in posts]
    assert statements == []


def test_feed_of_somebody_who_follows_nobody_is_empty(social: Session) -> None:
    assert operations.home_feed(social, new_user(social)) == []


def test_no_active_users(social: Session) -> None:
    for user in social.scalars(select(User)):
        user.status = UserStatus.SUSPENDED
    assert operations.active_users_with_threads(social) == []


def test_an_unknown_strategy_is_named() -> None:
    with pytest.raises(ValueError, match="'eager' is none of lazy, selectin, joined, subquery"):
        load_path("eager", User.posts)  # type: ignore[arg-type]
