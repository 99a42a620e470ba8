"""The datasets themselves: what building them costs, and restoring them for a sample."""

import datetime as dt
import sqlite3
from typing import Any

from sqlalchemy.orm import Session

from .harness.commit import measured
from .harness.database import dataset_class
from .harness.environment import quick, verify
from .harness.ratio import ratio
from .harness.scenario import skip
from .harness.sqlite import SQLite
from .harness.version import versioned

DATASETS = ["social", "ecommerce"]


@versioned
class Fingerprint:
    """The content of the standard datasets as a number: where it differs, nothing compares."""

    params = (DATASETS,)
    param_names = ("dataset",)

    def setup(self, dataset: str) -> None:
        verify()
        self.dataset = dataset_class(dataset)()

    def track_fingerprint(self, dataset: str) -> int:
        # Numbers of 48 bits survive JSON.
        return int(self.dataset.fingerprint()[:12], 16)


@versioned
class BuildSocial:
    """Build the standard social dataset, against the bare driver, the naive way, and scale 10."""

    timeout = 300

    def setup(self) -> None:
        verify()
        self.dataset = dataset_class("social")
        self.operations: Any = measured("fixtures.social.operations")

    def build(self, scale: float = 1) -> SQLite:
        database = SQLite()
        with database.engine.connect() as connection:
            self.dataset(scale).build(connection)
        return database

    def track_times_driver(self) -> float:
        """Over inserting the same finished rows by the driver's `executemany`."""
        finished = sqlite3.connect(":memory:")
        finished.deserialize(self.build().serialize())
        schema = [sql for (sql,) in finished.execute("SELECT sql FROM sqlite_master") if sql]
        rows = {
            table: list(finished.execute(f"SELECT * FROM {table} ORDER BY rowid"))  # noqa: S608
            for table in self.dataset.standard
        }

        def bare() -> None:
            driver = sqlite3.connect(":memory:")
            # As the dataset does it: tables, rows, indexes.
            for sql in schema:
                if sql.startswith("CREATE TABLE"):
                    driver.execute(sql)
            for table, values in rows.items():
                places = ", ".join("?" * len(values[0]))
                driver.executemany(f"INSERT INTO {table} VALUES ({places})", values)  # noqa: S608
            for sql in schema:
                if not sql.startswith("CREATE TABLE"):
                    driver.execute(sql)
            driver.commit()

        return ratio(self.build, bare, pairs=12)

    def track_share_of_naive(self) -> float:
        """Over Faker for every field, an ORM object for every row and a commit after each.

        The naive way is measured on a twentieth of the users, posts, comments and follows and taken
        times twenty; likes and tags, which it would have to write as well, count nothing.
        """
        from faker import Faker

        faker = Faker("en_US")
        part = self.dataset(0.05).size

        def naive() -> None:
            database = SQLite()
            with database.engine.connect() as connection:
                self.dataset.metadata.create_all(connection)
                connection.commit()
            with Session(database.engine) as session:
                self.write(session, faker, part)

        return ratio(self.build, naive, pairs=4) / 20

    def write(self, session: Session, faker: Any, size: dict[str, int]) -> None:
        def now() -> dt.datetime:
            return faker.date_time()  # type: ignore[no-any-return]

        operations = self.operations
        users = [
            operations.create_user(
                session,
                username=f"{faker.user_name()}{n}",
                email=f"{n}{faker.email()}",
                name=faker.name(),
                created_at=now(),
            )
            for n in range(size["users"])
        ]
        posts = [
            operations.create_post(
                session,
                author_id=faker.random_element(users),
                title=faker.sentence(10),
                body=faker.paragraph(3),
                created_at=now(),
            )
            for _ in range(size["posts"])
        ]
        for _ in range(size["comments"]):
            operations.add_comment(
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
            operations.follow(session, follower_id=follower, followee_id=followee, created_at=now())

    def track_scale_10(self) -> float:
        """Scale 10 over scale 1."""
        if quick():
            skip("`--quick` leaves the large dataset out")
        return ratio(lambda: self.build(10), self.build, pairs=3)

    track_times_driver.unit = "times the driver"  # type: ignore[attr-defined]
    track_share_of_naive.unit = "of the naive way"  # type: ignore[attr-defined]
    track_scale_10.unit = "times scale 1"  # type: ignore[attr-defined]
