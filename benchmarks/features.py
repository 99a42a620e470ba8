"""Features of SQLAlchemy whose cost its releases have changed."""

from sqlalchemy.orm import Session
from sqlalchemy_asv import lazy_import

from .base import SocialScenario

features = lazy_import("fixtures.social.features")
startup = lazy_import("fixtures.startup")
techniques = lazy_import("fixtures.social.techniques")


# --- expressions that are loaded with an object ---------------------------------------------------


class ExpressionOnDeepStatement(SocialScenario):
    """Twenty posts with a computed number, by `with_expression` on nested subqueries."""

    params = ([1, 5, 10],)
    param_names = ("depth",)

    def operation(self, session: Session, depth: int) -> object:
        return features.expression_on_deep_statement(session, depth)


class ExpressionWithSelectin(SocialScenario):
    """Twenty users with posts by `selectin`, each with a computed number."""

    def operation(self, session: Session) -> object:
        return features.expression_with_selectin(session, 20)


# --- parameters and rows --------------------------------------------------------------------------


class ParamsInALoop(SocialScenario):
    """One statement fifty times, by `params` with other values."""

    def operation(self, session: Session) -> object:
        return features.params_in_a_loop(session, range(self.user_id, self.user_id + 50))


class Mappings(SocialScenario):
    """A thousand rows as mappings, read by name."""

    def operation(self, session: Session) -> object:
        return features.mappings(session, 1000)


class RowsByName(SocialScenario):
    """A thousand rows as named tuples, read by name."""

    def operation(self, session: Session) -> object:
        return features.rows_by_name(session, 1000)


class DecoratedType(SocialScenario):
    """A hundred titles, by expressions with a `TypeDecorator`."""

    def operation(self, session: Session) -> object:
        return features.decorated_type(session, 100)


# --- criteria -------------------------------------------------------------------------------------


class LoaderCriteria(SocialScenario):
    """Fifty posts with some of their comments, by `with_loader_criteria`."""

    def operation(self, session: Session) -> object:
        return features.loader_criteria(session, 50)


class AnyAndHas(SocialScenario):
    """Twenty posts, by `any` and `has`."""

    def operation(self, session: Session) -> object:
        return features.any_and_has(session, self.user_id)


class Tagged(SocialScenario):
    """Posts with their tags by `selectin`, as posts grow: many to many."""

    params = ([10, 100, 1000],)
    param_names = ("posts",)

    def operation(self, session: Session, posts: int) -> object:
        return features.tagged(session, posts)


class InList(SocialScenario):
    """Count by an IN list, as it grows."""

    params = ([1, 10, 100, 1000],)
    param_names = ("length",)

    def operation(self, session: Session, length: int) -> object:
        return features.in_list(session, length)


class InListWithNull(SocialScenario):
    """Count by an IN list with a NULL, as it grows."""

    params = ([1, 10, 100, 1000],)
    param_names = ("length",)

    def operation(self, session: Session, length: int) -> object:
        return features.in_list_with_null(session, length)


class CustomOperator(SocialScenario):
    """Twenty names, by an operator that is given as text."""

    letter = "M"

    def arguments(self, n: int) -> dict[str, object]:
        return super().arguments(n) | {"letter": "ABCDEFGHIJ"[n % 10]}

    def operation(self, session: Session) -> object:
        return features.custom_operator(session, self.letter)


# --- schemas and imports --------------------------------------------------------------------------


class WideSchema(SocialScenario):
    """Create, reflect and drop tables of twenty columns, as tables grow."""

    # On MariaDB, reflection asks the database that the server's URL names, not that of the copy.
    databases = ("sqlite", "postgresql")
    params = ([1, 10, 50],)
    param_names = ("tables",)

    def operation(self, session: Session, tables: int) -> object:
        return features.wide_schema(session, tables)


class ImportAgain(SocialScenario):
    """Import SQLAlchemy and its ORM, counted: in this process, from modules that are compiled."""

    # It sends no statement, to no database. Each import takes half a second; repeating it says no
    # more.
    databases = ("sqlite",)
    only_measured = ("time_wall", "track_calls", "track_allocated", "track_instructions")

    def operation(self, session: Session) -> object:
        return features.import_again(session)


class NewEngine(SocialScenario):
    """The first query of a new engine, with the table that it asks: nothing is compiled before."""

    # Its statements go through an engine of its own, to no server.
    databases = ("sqlite",)
    not_measured = ("track_statements", "track_rows", "track_instructions_driver")

    def operation(self, session: Session) -> object:
        return startup.ask_something()


# --- sessions -------------------------------------------------------------------------------------


class ReadAfterCommit(SocialScenario):
    """Commit something unrelated, then read an attribute of each of a hundred loaded users."""

    def load(self, session: Session) -> None:
        self.users = techniques.full_entities(session, 100)

    def operation(self, session: Session) -> object:
        return features.read_after_commit(session, self.users)


class CommitWithMany(SocialScenario):
    """Commit one new object in a session that holds others, as these grow."""

    params = ([100, 1000, 10_000],)
    param_names = ("objects",)

    def load(self, session: Session, objects: int) -> None:
        self.loaded = session.scalars(techniques.likes(objects)).all()

    def operation(self, session: Session, objects: int) -> object:
        return features.commit_with_many(session, self.loaded)


class LongTransaction(SocialScenario):
    """Read, work elsewhere for five milliseconds, and write, in one transaction."""

    def operation(self, session: Session) -> object:
        return features.long_transaction(session, self.user_id, 0.005)
