"""Messages: whole, streamed, counted."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claude_magic.errors import ConnectionFailed
from claude_magic.wire._failures import error_in
from claude_magic.wire._sender import parsed
from claude_magic.wire._stream import EventStream, failed

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence

    from claude_magic.wire._call import Call
    from claude_magic.wire._http import Response
    from claude_magic.wire._sender import Sender

_PATH = "/v1/messages"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    Attributes:
        body: the API's object.
        request_id: the id to name to Anthropic's support, None when the server gave none.
        headers: of the response.

    """

    body: dict[str, Any]
    request_id: str | None
    headers: Mapping[str, str]


class Messages:
    """`/v1/messages`. A body is the API's object; what it may hold is the server's business."""

    def __init__(self, sender: Sender, *, needs_stop: bool) -> None:
        self._sender = sender
        self._needs_stop = needs_stop

    def create(
        self, body: Mapping[str, Any], *, betas: Sequence[str] = (), stop: threading.Event | None = None
    ) -> Answer:
        """Send `body` and return the whole answer; once `stop` is set nothing is sent again.

        Raises:
            APIError: the server refuses.
            StreamFailed: the server answers with an error and status 200, as gateways do.
            ConnectionFailed: no answer came, or it broke off; then it is not sent again, for it was carried out.
            Interrupted: stopped before an attempt.

        """
        sent = {key: value for key, value in body.items() if key != "stream"}
        response = self._sender.send(self._call(sent, betas, stop, repeatable=False))
        answer = parsed(response, self._sender.line.base_url)
        if answer.get("type") == "error":
            raise failed(answer, response.headers, self._sender.redact)
        return Answer(answer, self._sender.redact(response.headers.get("request-id", "")) or None, response.headers)

    @contextmanager
    def stream(
        self, body: Mapping[str, Any], *, betas: Sequence[str] = (), stop: threading.Event | None = None
    ) -> Iterator[EventStream]:
        """Send `body` with `stream` set; the context gives the events, and leaving it closes the stream.

        Once the event `stop` is set, from any thread, the request is not sent again; a stream that has begun is ended
        by its own `close`.

        Raises:
            APIError: the server refuses, before any event.
            StreamFailed: it does so with status 200.
            ConnectionFailed: no answer began.
            Interrupted: stopped before an attempt.

        """
        headers = {"accept-encoding": "identity"}  # events are looked at as they come, not when a block is full
        sent = {**body, "stream": True}
        response = self._sender.send(self._call(sent, betas, stop, headers=headers, whole=False))
        events = EventStream(self._events_only(response), self._sender.redact, needs_stop=self._needs_stop)
        try:
            yield events
        finally:
            events.close()

    def _call(self, body: Mapping[str, Any], betas: Sequence[str], stop: threading.Event | None, **how: Any) -> Call:
        how |= {} if stop is None else {"stop": stop}
        return self._sender.call("POST", _PATH, body, betas=betas, **how)

    def _events_only(self, response: Response) -> Response:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {"text/html", "application/json"}:
            return response
        answer = error_in(response.read_error())
        if answer:
            raise failed(answer, response.headers, self._sender.redact)
        raise ConnectionFailed(
            f"{self._sender.line.base_url} answered with {kind}, not with a stream of events.",
            advice="Check the base URL.",
        )

    def count_tokens(self, body: Mapping[str, Any], *, betas: Sequence[str] = ()) -> int:
        """Return the input tokens of `body`: free, an estimate, under the tokenizer of its model.

        Raises:
            APIError: the server refuses; keys it does not know, `max_tokens` among them, are refused.
            ConnectionFailed: no answer came, or none with a number in it.

        """
        response = self._sender.send(self._sender.call("POST", f"{_PATH}/count_tokens", body, betas=betas))
        tokens = parsed(response, self._sender.line.base_url).get("input_tokens")
        if type(tokens) is int and tokens >= 0:
            return tokens
        raise ConnectionFailed(f"{self._sender.line.base_url} does not count tokens.", advice="Check the base URL.")
