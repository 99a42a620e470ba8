"""Starting up: imports, mappers, the first query, and statements not yet in the cache."""

from sqlalchemy.orm import Session
from sqlalchemy_asv import lazy_import

from .base import SocialScenario

startup = lazy_import("fixtures.startup")


class StartupScenario(SocialScenario):
    """Work done in a process of its own, which counters of this one do not see."""

    # The process uses no server.
    databases = ("sqlite",)

    only_measured = ("time_wall",)


class StartPython(StartupScenario):
    """Start a process that does nothing: the least that the next two take."""

    def operation(self, session: Session) -> object:
        return startup.start_python(session)


class ImportSQLAlchemy(StartupScenario):
    """Start a process that imports SQLAlchemy and its ORM."""

    def operation(self, session: Session) -> object:
        return startup.import_sqlalchemy(session)


class FirstQuery(StartupScenario):
    """Start a process that imports the models and asks its first question."""

    def operation(self, session: Session) -> object:
        return startup.first_query(session)


class ConfigureMappers(SocialScenario):
    """Declare and configure mapped classes, each related to the one before."""

    # It sends no statement, to no database.
    databases = ("sqlite",)
    not_measured = ("track_statements", "track_rows", "track_instructions_driver")
    params = ([1, 10, 100],)
    param_names = ("classes",)

    def operation(self, session: Session, classes: int) -> object:
        return startup.configure_mappers(session, classes)


class CachedStatement(SocialScenario):
    """The same query fifty times, made into SQL once."""

    def operation(self, session: Session) -> object:
        return startup.cached_statement(session, 50)


class UncachedStatement(SocialScenario):
    """The same query fifty times, made into SQL each time."""

    def operation(self, session: Session) -> object:
        return startup.uncached_statement(session, 50)
