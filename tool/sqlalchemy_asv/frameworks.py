"""Scenarios of applications whose framework decides where a session comes from."""

from __future__ import annotations

import abc
import importlib
from typing import Any

from .label import refuse
from .scenario import Scenario


class FlaskScenario(Scenario):
    """An operation of an application with Flask-SQLAlchemy, in an application context.

    `operation` gets the session of Flask-SQLAlchemy, which code of the application finds by itself.
    A request by `self.client` has a session of its own, as in production.
    """

    app: Any = None
    """The application."""
    client: Any = None
    """Its test client."""
    _context: Any = None

    @abc.abstractmethod
    def create_app(self, config: dict[str, Any]) -> Any:
        """Make the application with these settings, which name a database in memory."""

    def make_session(self, engine: Any) -> Any:
        if self.app is None:
            self.app = self.create_app({"SQLALCHEMY_DATABASE_URI": "sqlite://", "TESTING": True})
            self.client = self.app.test_client()
        if "sqlalchemy" not in self.app.extensions:
            refuse(f"create_app of {type(self).__name__} returned one without Flask-SQLAlchemy")
        extension = self.app.extensions["sqlalchemy"]
        if self._context is not None:
            self._context.pop()
        self._context = self.app.app_context()
        self._context.push()
        # Its own way to an engine; each bind of several has the same database here.
        engines = extension.engines
        engines.update(dict.fromkeys([None, *engines], engine))
        return extension.session


class ASGIScenario(Scenario):
    """An operation that sends requests to an ASGI application, such as FastAPI's, by httpx.

    `operation` is `async def`, and sends requests by `self.client`, in this process. They get the
    session of this scenario wherever the application depends on `get_session`.
    """

    client: Any = None
    """An `httpx.AsyncClient`."""

    @abc.abstractmethod
    def application(self) -> tuple[Any, Any]:
        """The application, and the dependency of it that yields a session."""

    def make_session(self, engine: Any) -> Any:
        application, get_session = self.application()
        session = self.application_session(engine)

        async def own_session() -> Any:  # a function that is not asynchronous would get a thread
            return session

        application.dependency_overrides[get_session] = own_session
        httpx = importlib.import_module("httpx")
        transport = httpx.ASGITransport(app=application)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://application")
        return session

    def application_session(self, engine: Any) -> Any:
        """A session of the application; by default an `AsyncSession`."""
        return super().make_session(engine)
