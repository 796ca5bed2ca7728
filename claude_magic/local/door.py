"""What every request passes before it reaches a route, and every answer on its way out.

In: the host must be this machine's (a web page that rebinds its name to 127.0.0.1 stays out), the key must be right,
version and beta values known; a scripted fault may take over. Out: request id, organization, workspace, rate limits
and the engine's name on every response. Whatever is raised below becomes an answer in the API's error shape; what is
not a `Problem` is a bug of ours: it is logged with its traceback and answered with 500.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from claude_magic import catalogue
from claude_magic.local import ids
from claude_magic.local.faults import HTML_413, Fault
from claude_magic.local.problems import Problem, encode
from claude_magic.local.requests import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from claude_magic.local.faults import Faults
    from claude_magic.local.limits import Limits

log = logging.getLogger("claude_magic.local")

_HEAR_OUT = 10.0  # seconds


@dataclass(frozen=True)
class Caller:
    """What the headers of a request said; routes find it in ``scope["caller"]``."""

    request_id: str
    version: str = VERSIONS[0]
    betas: frozenset[str] = frozenset()
    fault: Fault | None = None


def is_loopback(host: str) -> bool:
    """Whether a host name or address (without port) means this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Door:
    """The outermost ASGI application.

    Args:
        app: the routes.
        key: the one key that opens.
        identity: headers that are the same on every response.
        limits: gives the rate-limit headers.
        betas: beta values accepted beside the API's.
        faults: the queue, or None when faults are off.

    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        key: str,
        identity: Mapping[str, str],
        limits: Limits,
        betas: frozenset[str],
        faults: Faults | None,
    ) -> None:
        self._app = app
        self._key = key.encode()
        self._identity = dict(identity)
        self._limits = limits
        self._betas = catalogue.BETAS | betas
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        request_id = ids.new("req")
        started = False
        unread = True

        async def heard() -> Message:
            nonlocal unread
            message = await receive()
            unread = bool(message.get("more_body"))
            return message

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in {**self._identity, **self._limits.headers(), "request-id": request_id}.items():
                    headers[name] = value
            await send(message)

        # "app" makes Starlette raise its 404 and 405 instead of answering them itself.
        scope.update(app=self, raw_send=send)
        try:
            await self._serve(scope, heard, dressed, request_id)
        except Exception as error:  # noqa: BLE001 - it becomes the answer; a bug is logged by _as_problem
            problem = _as_problem(error)
            if started:  # too late for an answer; the connection breaks, which the client notices
                await hang_up(scope, receive)
                return
            body = encode(problem.body(request_id))
            answer = Response(body, problem.status, media_type="application/json", headers=problem.headers)
            await dressed({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
            await dressed({"type": "http.response.body", "body": body, "more_body": True})
            # A client that is still sending reads no answer, and loses it when we close on it: hear it out.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HEAR_OUT):
                    while unread:
                        await heard()
            await dressed({"type": "http.response.body", "body": b""})

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        headers = Headers(scope=scope)
        _check_host(headers)
        self._check_key(headers)
        fault = None
        if scope["path"].startswith("/v1/"):
            self._limits.spend(requests=1)
            fault = self._faults.next(headers.get("x-claude-magic-fault")) if self._faults else None
            scope["caller"] = self._caller(headers, request_id, fault)
        if fault is None or not await _instead(fault, scope, receive, send):
            await self._app(scope, receive, send)

    def _check_key(self, headers: Headers) -> None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        given = headers.get("x-api-key") or (token.strip() if kind.lower() == "bearer" else "")
        if not given:
            raise Problem(401, "x-api-key header is required")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._key):
            raise Problem(401, "invalid x-api-key")

    def _caller(self, headers: Headers, request_id: str, fault: Fault | None) -> Caller:
        version = headers.get("anthropic-version")
        if version is None:
            raise Problem(400, "anthropic-version: header is required")
        if version not in VERSIONS:
            raise Problem(400, f'anthropic-version: "{version}" is not a valid version')
        named = (part.strip() for line in headers.getlist("anthropic-beta") for part in line.split(","))
        betas = frozenset(part for part in named if part)
        unknown = ", ".join(f"`{beta}`" for beta in sorted(betas - self._betas))
        if unknown:
            raise Problem(400, f"Unexpected value(s) {unknown} for the `anthropic-beta` header.")
        workspace = headers.get("anthropic-workspace-id")
        if workspace and workspace != self._identity["anthropic-workspace-id"]:
            raise Problem(403, "anthropic-workspace-id: the key does not belong to this workspace")
        return Caller(request_id, version, betas, fault)


def _check_host(headers: Headers) -> None:
    host = headers.get("host", "")
    name = host if host.endswith("]") else host.rsplit(":", 1)[0]
    if not is_loopback(name):
        raise Problem(403, "The local server answers only to localhost, 127.0.0.1 and [::1].")


def _as_problem(error: Exception) -> Problem:
    """The answer that stands for what was raised; a bug is logged here."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ClientDisconnect):
        return Problem(400, "The client went away before its request was complete.")
    if isinstance(error, HTTPException):
        said = "Not found" if error.status_code == 404 else str(error.detail)  # noqa: PLR2004 - HTTP
        return Problem(error.status_code, said, headers=error.headers)
    log.error("A request failed", exc_info=error)
    return Problem(500, "Internal server error")


async def _instead(fault: Fault, scope: Scope, receive: Receive, send: Send) -> bool:
    """Answer with the fault; False when the real answer is wanted (perhaps after a wait)."""
    problem = fault.problem()
    if problem is not None:
        raise problem
    if fault.name == "html-413":
        await Response(HTML_413, 413, media_type="text/html")(scope, receive, send)
        return True
    if fault.name == "drop":
        await hang_up(scope, receive)
        return True
    if fault.name == "wait":
        await asyncio.sleep(fault.number(1))
    return False


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection under the client, after what was sent so far (ASGI has no word for it; uvicorn has)."""
    transport: Any = scope["raw_send"].__self__.transport
    transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
