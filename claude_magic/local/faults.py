"""Faults on demand, for testing clients: only when the server was started with ``--faults``.

A fault is named in a request's header ``x-claude-magic-fault: NAME[:ARG]``, or queued with ``POST /_faults``, as in
``{"faults": ["overloaded", "rate-limit:2"]}``; each request to ``/v1/`` takes one, so that a retry meets a well server.

Instead of an answer: ``rate-limit:SECONDS`` (429), ``spend-cap`` (429 without retry-after), ``overloaded`` (529),
``server-error`` (500), ``timeout`` (504), ``storage-full`` (400), ``html-413``, ``drop`` (the connection closes before
any header), ``wait:SECONDS`` (then a normal answer).
Within a stream: ``drop-mid:EVENTS`` (the connection breaks), ``truncate:EVENTS`` (it ends politely, without
message_stop), ``error-first:TYPE``, ``error-mid:EVENTS``, ``unknown-event``, ``unknown-block``, ``unknown-delta``,
``slow:SECONDS`` (before every delta), ``comments``, ``crlf``, ``split:BYTES`` (chunks of that size, 1 by default, so
that borders fall inside characters and line ends).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claude_magic.local.problems import Problem

if TYPE_CHECKING:
    from claude_magic.local.engine import Event

_BEFORE = {
    "rate-limit",
    "spend-cap",
    "overloaded",
    "server-error",
    "timeout",
    "storage-full",
    "html-413",
    "drop",
    "wait",
}
_WITHIN = {
    *("drop-mid", "truncate", "error-first", "error-mid", "unknown-event", "unknown-block", "unknown-delta"),
    *("slow", "comments", "crlf", "split"),
}
_WORDED = {"error-first"}  # its argument is a word; all others take numbers
_ERRORS = {"api_error": Problem(500, "Internal server error"), "rate_limit_error": Problem(429, "Too many requests.")}
_PROBLEMS: dict[str, tuple[int, str, str | None]] = {  # status, message, error code
    "spend-cap": (429, "Your spend limit is reached.", "enforced_spend_limit_reached"),
    "overloaded": (529, "Overloaded", None),
    "server-error": (500, "Internal server error", None),
    "timeout": (504, "Request timed out", None),
    "storage-full": (400, "The organization's file storage is full.", "storage_quota_exceeded"),
}
_MID = 5  # message_start, block start, ping, two deltas
HTML_413 = (
    b"<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>cloudflare</body>\r\n</html>\r\n"
)


@dataclass(frozen=True)
class Fault:
    """A fault and its argument (empty when none was given)."""

    name: str
    argument: str = ""

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read ``NAME[:ARG]``.

        Raises:
            Problem: 400, there is no such fault.

        """
        name, _, argument = text.strip().partition(":")
        if name not in _BEFORE | _WITHIN:
            raise Problem(400, f"There is no fault '{name}'.")
        fault = cls(name, argument)
        if name not in _WORDED:
            fault.number(0)
        return fault

    def number(self, default: float) -> float:
        """The argument as a number.

        Raises:
            Problem: 400, it is none.

        """
        try:
            return float(self.argument) if self.argument else default
        except ValueError:
            raise Problem(400, f"The fault '{self.name}' takes a number, not '{self.argument}'.") from None

    def problem(self) -> Problem | None:
        """The answer it gives instead of the real one, when that is an error of the API's."""
        if self.name == "rate-limit":
            wait = {"retry-after": f"{self.number(1):g}"}
            return Problem(429, "This request would exceed your rate limit.", headers=wait)
        known = _PROBLEMS.get(self.name)
        return known and Problem(*known[:2], code=known[2])


class Faults:
    """The queue of faults."""

    def __init__(self) -> None:
        self._queue: deque[Fault] = deque()

    def add(self, body: Any) -> int:
        """Queue the faults of a ``POST /_faults`` body; how many wait now.

        Raises:
            Problem: 400, the body or a name in it is wrong.

        """
        names = body.get("faults") if isinstance(body, dict) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise Problem(400, "faults: Input should be a valid list")
        self._queue.extend([Fault.parse(name) for name in names])
        return len(self._queue)

    def next(self, header: str | None) -> Fault | None:
        """The fault of this request."""
        if header:
            return Fault.parse(header)
        return self._queue.popleft() if self._queue else None


class Cut(Exception):
    """The stream ends here, politely or not."""

    def __init__(self, *, clean: bool) -> None:
        super().__init__()
        self.clean = clean


class Spoiler:
    """Applies one fault (or none) to a stream's events and bytes."""

    def __init__(self, fault: Fault | None) -> None:
        self._name = fault.name if fault else ""
        self._fault = fault
        self._seen = 0
        self._shift = 0
        self.delay = fault.number(0.2) if fault and fault.name == "slow" else 0.0

    def events(self, event: Event) -> list[Event]:
        """What goes out in place of `event`.

        Raises:
            Cut: nothing more goes out.
            Problem: an `error` event, then nothing more.

        """
        self._check_end()
        self._seen += 1
        kind = event["type"]
        if self._name == "unknown-event" and kind == "message_start":
            return [event, {"type": "telepathy", "thought": "…"}]
        if self._name == "unknown-delta" and kind == "content_block_start":
            aura = {"type": "aura_delta", "aura": "blue"}
            return [event, {"type": "content_block_delta", "index": event["index"], "delta": aura}]
        if self._name == "unknown-block":
            if kind == "message_start":
                self._shift = 1
                return [event, *_unknown_block()]
            if "index" in event:
                return [{**event, "index": event["index"] + self._shift}]
        return [event]

    def _check_end(self) -> None:
        """Raise what ends the stream at this place."""
        if self._fault is None:
            return
        if self._name == "error-first":
            raise _ERRORS.get(self._fault.argument, Problem(529, "Overloaded"))
        if self._name in {"drop-mid", "truncate", "error-mid"} and self._seen >= self._fault.number(_MID):
            raise Problem(529, "Overloaded") if self._name == "error-mid" else Cut(clean=self._name == "truncate")

    def chunks(self, data: bytes) -> list[bytes]:
        """The pieces that `data`, whole frames, goes out in."""
        if self._name == "crlf":
            return [data.replace(b"\n", b"\r\n")]
        if self._name == "comments":
            return [b": keepalive\n\n", data.replace(b"\ndata:", b"\n: between\ndata:")]
        if self._fault is not None and self._name == "split":
            size = max(1, int(self._fault.number(1)))
            return [data[i : i + size] for i in range(0, len(data), size)]
        return [data]


def _unknown_block() -> list[Event]:
    return [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "hologram", "shape": {"sides": 6}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "hologram_delta", "light": "on"}},
        {"type": "content_block_stop", "index": 0},
    ]
