"""One read and one write, at each level of abstraction from the ORM down to the bare driver."""

from sqlalchemy.orm import Session
from sqlalchemy_asv import lazy_import

from .base import SocialScenario

levels = lazy_import("fixtures.social.abstraction_levels", "fixtures.social.ladder")


class Read(SocialScenario):
    """A hundred posts with their authors' names, level by level."""

    params = (["ORM entities", "ORM columns", "Core", "text", "driver"],)
    param_names = ("level",)

    def operation(self, session: Session, level: str) -> object:
        return levels.read(session, level, 100)


class Write(SocialScenario):
    """A hundred tags, level by level."""

    params = (["ORM entities", "ORM bulk", "Core", "text", "driver"],)
    param_names = ("level",)

    def operation(self, session: Session, level: str) -> object:
        return levels.write(session, level, [f"new{number}" for number in range(100)])
