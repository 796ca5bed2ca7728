"""The client: one server, one key, as many threads as wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from claude_magic.errors import ClaudeMagicError
from claude_magic.wire._call import Call
from claude_magic.wire._files import Files
from claude_magic.wire._http import Line, Response
from claude_magic.wire._messages import Messages
from claude_magic.wire._models import Models
from claude_magic.wire._retry import Clock, Retries
from claude_magic.wire._secret import Secret
from claude_magic.wire._sender import Sender, checked
from claude_magic.wire._urls import base

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_magic.wire._limits import RateLimits

# How Anthropic's OAuth tokens begin; only they need the beta value, a gateway's own token does not.
_OAUTH_PREFIX = "sk-ant-oat"
_OAUTH_BETA = "oauth-2025-04-20"


class Client:
    """Speaks the Claude API to one server. Thread-safe; a context manager; makes no connection until it must.

    Args:
        base_url: scheme and host, with a path prefix where a gateway has one; user name, password, query are dropped.
        api_key: the key, or None to send none.
        auth_token: an OAuth or gateway token, sent as Bearer; `api_key` wins when both are given.
        auth_header: the header `api_key` goes into. The API takes both; gateways may look at only one.
        version: `anthropic-version`.
        betas: `anthropic-beta` values for every request.
        workspace_id: `anthropic-workspace-id`, for keys that reach several.
        max_retries: attempts beside the first.
        max_wait: seconds; a server that asks to wait for longer is not waited for.
        timeout: seconds without a byte; pings count as bytes.
        connect_timeout: seconds to connect.
        require_message_stop: whether a stream without its last event is truncated; False accepts one that has told
            its stop reason, for servers that never send it.
        transport: replaces the network, for faults that no server produces on demand.

    Attributes:
        messages: whole, streamed, counted.
        models: the list and one.
        files: up, down, listed, deleted.

    Raises:
        UsageError: an argument that cannot stand in a request.

    """

    def __init__(
        self,
        *,
        base_url: str = "https://api.anthropic.com",
        api_key: Secret | str | None = None,
        auth_token: Secret | str | None = None,
        auth_header: Literal["x-api-key", "bearer"] = "x-api-key",
        version: str = "2026-10-21",
        betas: Sequence[str] = (),
        workspace_id: str | None = None,
        max_retries: int = 2,
        max_wait: float = 60.0,
        timeout: float = 600.0,
        connect_timeout: float = 5.0,
        require_message_stop: bool = True,
        transport: Any = None,
        _clock: Clock | None = None,
    ) -> None:
        key = api_key or auth_token
        secret = Secret(key) if key else None
        del key
        bearer = not api_key or auth_header == "bearer"
        self.base_url = base(base_url)
        line = Line(
            self.base_url,
            header=("authorization", "Bearer {}") if bearer else ("x-api-key", "{}"),
            secret=secret,
            timeout=timeout,
            connect_timeout=connect_timeout,
            transport=transport,
        )
        headers = {"anthropic-version": checked(version, "version")}
        if workspace_id:
            headers["anthropic-workspace-id"] = checked(workspace_id, "workspace id")
        oauth = [_OAUTH_BETA] if secret and bearer and secret.reveal().startswith(_OAUTH_PREFIX) else []
        self._sender = Sender(
            line,
            headers=headers,
            betas=[*betas, *oauth],
            retries=Retries(max_retries, max_wait, _clock or Clock()),
            redact=secret.redact if secret else lambda text: text,
        )
        self.messages = Messages(self._sender, needs_stop=require_message_stop)
        self.models = Models(self._sender)
        self.files = Files(self._sender)

    def __repr__(self) -> str:
        return f"Client(base_url={self.base_url!r})"

    @property
    def workspace_id(self) -> str | None:
        """The workspace the key belongs to, as the last response that named one did."""
        return self._sender.workspace_id

    @property
    def limits(self) -> RateLimits | None:
        """Rate limits, as the last response that told any did; None before."""
        return self._sender.limits

    def connect(self) -> None:
        """Open a connection to keep, so that the first request does not pay for it. Sends no key.

        Neither a server that is not there nor an address that leads nowhere is an error here: the first request will
        say so.
        """
        try:
            answer = self._sender.line.send(Call("HEAD", "/", public=True))
        except (ClaudeMagicError, RuntimeError):  # the latter when the client was closed meanwhile
            return
        if isinstance(answer, Response):
            answer.read_error()  # to its end, whatever it says: only then is the connection kept

    def close(self) -> None:
        """Close all connections."""
        self._sender.line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
