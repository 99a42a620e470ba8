"""A feed under load: fifty users read, and now and then write.

`sqlalchemy-asv load feed`, or as any locustfile: `locust -f load/feed.py`.
"""

import datetime as dt

from locust import task
from sqlalchemy.exc import IntegrityError
from sqlalchemy_asv.load import events
from sqlalchemy_asv.load.users import DataLayerUser, Limits

from fixtures.social.operations import add_comment, follow, home_feed, like

events.defaults(users=50)

USERS, POSTS = 1000, 5000
"""At scale 1; every larger dataset has them as well."""


class SocialUser(DataLayerUser):
    dataset = "fixtures.social.dataset"
    limits = Limits(error_rate=0.01, average=0.2, p95=0.5)
    think_time = 0.1

    def on_start(self) -> None:
        self.user_id = self.random.randint(1, USERS)
        self.post_id = self.random.randint(1, POSTS)

    @task(10)
    def view_feed(self) -> None:
        posts = self.perform(home_feed, user_id=self.user_id)
        if posts:
            self.post_id = posts[0].id

    @task(2)
    def write_comment(self) -> None:
        self.perform(
            add_comment,
            post_id=self.post_id,
            author_id=self.user_id,
            body="A comment.",
            created_at=dt.datetime.now(),
        )

    @task(2)
    def like_post(self) -> None:
        self.perform(like, user_id=self.user_id, post_id=self.post_id, created_at=dt.datetime.now())

    @task(1)
    def follow_somebody(self) -> None:
        self.perform(
            follow,
            answers=(IntegrityError,),  # the user follows already
            follower_id=self.user_id,
            followee_id=self.random.randint(1, USERS),
            created_at=dt.datetime.now(),
        )
