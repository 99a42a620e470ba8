"""One read and one write, carried from the richest use of the ORM to the bare driver."""

from sqlalchemy.orm import Session

from .harness.commit import measured
from .social import SocialScenario

ladder = measured("fixtures.social.ladder")


class Read(SocialScenario):
    """A hundred posts with their authors' names, rung by rung."""

    params = (["ORM entities", "ORM columns", "Core", "text", "driver"],)
    param_names = ("rung",)

    def operation(self, session: Session, rung: str) -> object:
        return ladder.read(session, rung, 100)


class Write(SocialScenario):
    """A hundred tags, rung by rung."""

    params = (["ORM entities", "ORM bulk", "Core", "text", "driver"],)
    param_names = ("rung",)

    def operation(self, session: Session, rung: str) -> object:
        return ladder.write(session, rung, [f"new{number}" for number in range(100)])
