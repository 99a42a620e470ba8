"""The datasets themselves: their content, and how long they take to build."""

import datetime as dt
from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy_asv import BuildDataset, DatasetFingerprint, lazy_import

social = lazy_import("fixtures.social.operations")


class Fingerprint(DatasetFingerprint):
    """The content of the standard datasets as a number: where it differs, nothing compares."""

    datasets = {"social": "fixtures.social.dataset", "ecommerce": "fixtures.ecommerce.dataset"}
    params = (list(datasets),)
    param_names = ("dataset",)


class BuildSocial(BuildDataset):
    """Build the standard social dataset, against the bare driver, the naive way, and scale 10."""

    module = "fixtures.social.dataset"

    def naive(self, session: Session, faker: Any, size: dict[str, int]) -> None:
        """Write all but likes and tags, which the naive way would have to write as well."""

        def now() -> dt.datetime:
            moment: dt.datetime = faker.date_time()
            return moment

        users = [
            social.create_user(
                session,
                username=f"{faker.user_name()}{n}",
                email=f"{n}{faker.email()}",
                name=faker.name(),
                created_at=now(),
            )
            for n in range(size["users"])
        ]
        posts = [
            social.create_post(
                session,
                author_id=faker.random_element(users),
                title=faker.sentence(10),
                body=faker.paragraph(3),
                created_at=now(),
            )
            for _ in range(size["posts"])
        ]
        for _ in range(size["comments"]):
            social.add_comment(
                session,
                post_id=faker.random_element(posts),
                author_id=faker.random_element(users),
                body=faker.sentence(10),
                created_at=now(),
            )
        follows = [(a, b) for a in users for b in users if a != b]
        for follower, followee in faker.random_elements(
            follows, length=size["follows"], unique=True
        ):
            social.follow(session, follower_id=follower, followee_id=followee, created_at=now())
