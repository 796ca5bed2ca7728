"""The server put together: routes, door, store, containers, engine."""

from __future__ import annotations

import secrets
import threading
import uuid
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route, Router

from claude_magic.local import resources
from claude_magic.local.bodies import parse, read_body
from claude_magic.local.door import Door
from claude_magic.local.faults import Faults
from claude_magic.local.files import FileStore
from claude_magic.local.ids import new
from claude_magic.local.limits import Limits
from claude_magic.local.messages import MessageRoutes
from claude_magic.local.problems import Problem, encode, not_done
from claude_magic.local.streaming import SILENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from claude_magic.local.containers import ContainerPool
    from claude_magic.local.engine import Engine

_ELSEWHERE = {  # paths of the API with nothing behind them here
    "/v1/messages/batches": "message batches",
    "/v1/skills": "skills",
    "/v1/oauth": "token exchange",
    "/v1/complete": "text completions",
    "/v1/user_profiles": "user profiles",
    "/v1/organizations": "administration",
}


def new_key() -> str:
    """A fresh key; it begins like the API's own, so that what hides keys hides this one too."""
    return f"sk-local-{secrets.token_urlsafe(32)}"


class App:
    """One local server as an ASGI application.

    Args:
        data: the data directory.
        key: the key that opens it.
        engine: who answers; None for the stand-in, imported when first needed.
        faults: let requests ask for faults.
        betas: beta values accepted beside the API's.
        silence: seconds without an event before a stream gets a ping.

    """

    def __init__(
        self,
        data: Path,
        *,
        key: str,
        engine: Engine | None = None,
        faults: bool = False,
        betas: frozenset[str] = frozenset(),
        silence: float = SILENCE,
    ) -> None:
        self.files = FileStore(data)
        self.workspace = self.files.fact("workspace", new("wrkspc"))
        self._data = data
        self._engine = engine
        self._faults = Faults() if faults else None
        self._pool: ContainerPool | None = None
        self._lock = threading.Lock()
        limits = Limits()
        self._messages = MessageRoutes(
            engine=self.engine,
            files=self.files,
            pool=self.pool,
            limits=limits,
            workspace=self.workspace,
            silence=silence,
        )
        identity = {
            "anthropic-organization-id": self.files.fact("organization", str(uuid.uuid4())),
            "anthropic-workspace-id": self.workspace,
            "x-claude-magic-engine": engine.name if engine else "stand-in",
        }
        routes = Router(self._routes(), redirect_slashes=False)
        self._door = Door(routes, key=key, identity=identity, limits=limits, betas=betas, faults=self._faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        await self._door(scope, receive, send)

    def engine(self) -> Engine:
        """Who answers."""
        with self._lock:
            if self._engine is None:
                from claude_magic.local.standin import StandIn

                self._engine = StandIn()
            return self._engine

    def pool(self) -> ContainerPool:
        """The containers, made when the first is needed."""
        with self._lock:
            if self._pool is None:
                from claude_magic.local.containers import ContainerPool

                self._pool = ContainerPool(self._data / "containers", self.files)
            return self._pool

    def stop(self) -> None:
        """End running answers, so that their connections close."""
        self._messages.stop()

    def close(self) -> None:
        """End the engine and the containers and close the store; after the last request."""
        self.stop()
        getattr(self._engine, "close", _nothing)()
        if self._pool is not None:
            self._pool.close()
        self.files.close()

    def _routes(self) -> list[Route]:
        files = resources.FileRoutes(self.files)
        one = "/v1/files/{id}"
        routes = [
            Route("/v1/messages", self._messages.create, methods=["POST"]),
            Route("/v1/messages/count_tokens", self._messages.count, methods=["POST"]),
            Route("/v1/models", resources.list_models, methods=["GET"]),
            Route("/v1/models/{id}", resources.get_model, methods=["GET"]),
            Route("/v1/files", files.index, methods=["GET"]),
            Route("/v1/files", files.create, methods=["POST"]),
            Route(one, files.get, methods=["GET"]),
            Route(one, files.delete, methods=["DELETE"]),
            Route(f"{one}/content", files.content, methods=["GET"]),
        ]
        for path, what in _ELSEWHERE.items():
            routes += [Route(place, _refuser(what), methods=_METHODS) for place in (path, path + "/{rest:path}")]
        if self._faults is not None:
            routes.append(Route("/_faults", self._queue, methods=["POST"]))
        return routes

    async def _queue(self, request: Request) -> Response:
        """`POST /_faults`."""
        if self._faults is None:
            raise Problem(404, "Not found")
        waiting = self._faults.add(parse(await read_body(request)))
        return Response(encode({"waiting": waiting}), media_type="application/json")


def _nothing() -> None:
    """Stand for the end of an engine that has nothing to end."""


_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def _refuser(what: str) -> Callable[[Request], Response]:
    def refuse(_request: Request) -> Response:
        not_done(what)

    return refuse


def create_app(data: Path, *, key: str, engine: Engine | None = None, faults: bool = False) -> App:
    """A local server over the data directory `data`, opened by `key`."""
    return App(data, key=key, engine=engine, faults=faults)
