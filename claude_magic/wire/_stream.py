"""An answer while it arrives: an iterator of the API's event dicts that knows when it is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic.errors import ConnectionFailed, StreamFailed, StreamTruncated
from claude_magic.wire._sse import NotJSON, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from claude_magic.errors import ClaudeMagicError
    from claude_magic.wire._http import Response


_NOTHING = "Nothing of it had arrived; run the cell again."


class EventStream:
    """Iterates over the events of one answer, once. Pings are swallowed, unknown events are passed on.

    Raises, while iterating and after everything that came before:

    * `StreamFailed`: an `error` event, or an event that is not JSON.
    * `StreamTruncated`: the stream ended, broke or fell silent before `message_stop`.
    * `ConnectionFailed`, `TimedOut`: the same before the first event.

    Attributes:
        request_id: the id to name to Anthropic's support, None when the server gave none.
        headers: of the response.

    """

    def __init__(self, response: Response, redact: Callable[[str], str], *, needs_stop: bool = True) -> None:
        self.headers: Mapping[str, str] = response.headers
        request_id = response.headers.get("request-id")
        self.request_id = redact(request_id) if request_id else None
        self._response, self._redact, self._needs_stop = response, redact, needs_stop
        self._any = self._kept = self._complete = self._closed = False
        self._stop_reason: str | None = None
        self._pieces = response.pieces()
        self._events = self._checked()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._events

    def __repr__(self) -> str:
        return f"EventStream(request_id={self.request_id!r})"

    def close(self) -> None:
        """End it, from any thread: one that is waiting for the next event gets `StreamTruncated`.

        After `message_stop` the connection is kept for the next request, otherwise it is closed.
        """
        if self._closed:
            return
        self._closed = True
        if self._complete:
            self._response.finish(self._pieces)
        else:
            self._response.abort()

    def _checked(self) -> Iterator[dict[str, Any]]:
        try:
            for event in self._arriving():
                kind = event["type"]
                if kind == "error":
                    failure: ClaudeMagicError = failed(event, self.headers, self._redact, kept=self._kept)
                    break
                self._any = True
                self._kept = self._kept or kind == "content_block_start"
                if kind == "message_delta":
                    delta = event.get("delta")
                    told = delta.get("stop_reason") if isinstance(delta, dict) else None
                    self._stop_reason = told if isinstance(told, str) else self._stop_reason
                elif kind == "message_stop":
                    self._complete = True
                yield event
                if self._complete:
                    return
            else:
                failure = self._truncated("The answer ended before it was complete.")
        except ConnectionFailed as problem:
            failure = self._truncated(f"{problem.message} The answer is incomplete.") if self._any else problem
        except NotJSON:
            said = {"error": {"type": "invalid_json", "message": "The server sent no JSON."}}
            failure = failed(said, self.headers, self._redact, kept=self._kept)
        if self._excused(failure):
            self._complete = True
            yield {"type": "message_stop"}
            return
        self.close()
        failure.__context__ = None
        raise failure.with_traceback(None)

    def _arriving(self) -> Iterator[dict[str, Any]]:
        reader = Reader()
        for piece in self._pieces:
            yield from reader.feed(piece)

    def _excused(self, failure: ClaudeMagicError) -> bool:
        """Tell whether only the last frame is missing, and the server is known for not sending it."""
        return not self._needs_stop and self._stop_reason is not None and isinstance(failure, StreamTruncated)

    def _truncated(self, message: str) -> StreamTruncated:
        return StreamTruncated(message, advice=None if self._kept else _NOTHING, request_id=self.request_id)


def failed(
    event: Mapping[str, Any], headers: Mapping[str, str], redact: Callable[[str], str], *, kept: bool = False
) -> StreamFailed:
    """Return the error that an `error` event is, or an error object that came with status 200.

    Args:
        event: the object.
        headers: of the response.
        redact: masks the key.
        kept: whether anything had arrived that can be kept.

    """
    error = event.get("error")
    error = error if isinstance(error, dict) else {"message": error}
    message = error.get("message")
    request_id = event.get("request_id")
    if not (isinstance(request_id, str) and request_id):
        request_id = headers.get("request-id", "")
    return StreamFailed(
        redact(message) if isinstance(message, str) and message else "The server broke off the answer.",
        advice=None if kept else _NOTHING,
        error_type=redact(str(error.get("type") or "api_error")),
        request_id=redact(request_id) or None,
    )
