"""The values a cell is made of: request, usage, message. Frozen; content blocks stay the API's own JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Block = dict[str, Any]
"""A content block exactly as the API sends or takes it, unknown keys included."""


_NO_COUNT = 1 << 53  # as exact as a float, and room in a database's column


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer, as the API counts them; adds up with `+`.

    Attributes:
        input_tokens: input after the last cache breakpoint.
        output_tokens: output, thinking included.
        cache_creation_5m: input written to the 5 minute cache.
        cache_creation_1h: input written to the 1 hour cache.
        cache_read: input read from the cache.
        web_searches: server web searches, billed per 1,000.

    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_5m: int = 0
    cache_creation_1h: int = 0
    cache_read: int = 0
    web_searches: int = 0

    @property
    def prompt_tokens(self) -> int:
        """All input: fresh, written to the cache, and read from it."""
        return self.input_tokens + self.cache_creation_5m + self.cache_creation_1h + self.cache_read

    def __add__(self, other: Usage) -> Usage:
        """Add two answers' tokens."""
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @classmethod
    def from_wire(cls, usage: Mapping[str, Any] | None) -> Usage:
        """Read the API's `usage` object; absent, null, and what is no count of tokens, count as 0.

        Without the `cache_creation` split, all of `cache_creation_input_tokens` is taken for the 5 minute cache,
        the API's default lifetime.
        """
        usage = usage or {}

        def number(source: Mapping[str, Any], key: str) -> int:
            value = source.get(key)
            return value if isinstance(value, int) and 0 <= value < _NO_COUNT else 0

        def part(key: str) -> Mapping[str, Any]:
            value = usage.get(key)
            return value if isinstance(value, dict) else {}

        split = part("cache_creation")
        written = number(usage, "cache_creation_input_tokens")
        hour = number(split, "ephemeral_1h_input_tokens")
        return cls(
            input_tokens=number(usage, "input_tokens"),
            output_tokens=number(usage, "output_tokens"),
            # message_delta may raise the total and leave out the split.
            cache_creation_5m=max(number(split, "ephemeral_5m_input_tokens"), written - hour),
            cache_creation_1h=hour,
            cache_read=number(usage, "cache_read_input_tokens"),
            web_searches=number(part("server_tool_use"), "web_search_requests"),
        )


@dataclass(frozen=True, slots=True)
class Message:
    """An answer, whole or still arriving (a *snapshot*).

    Attributes:
        content: the blocks so far; the last may be growing.
        complete: `message_stop` was seen (or the answer came whole).
        container: id of the container that was used, and `container_expires_at` its RFC 3339 time.
        extra: top-level keys this class does not know, kept as they came.

    """

    id: str = ""
    model: str = ""
    content: tuple[Block, ...] = ()
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Mapping[str, Any] | None = None
    usage: Usage = field(default_factory=Usage)
    container: str | None = None
    container_expires_at: str | None = None
    complete: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All text: neighbouring blocks as they stand (citations cut sentences in two), others a blank line apart."""
        runs = groupby(self.content, key=lambda b: b.get("type") == "text")
        parts = ("".join(b.get("text") or "" for b in blocks) for is_text, blocks in runs if is_text)
        return "\n\n".join(p for p in parts if p)

    @property
    def thinking(self) -> str:
        """All thinking that was shown, joined by blank lines; empty when it was omitted."""
        parts = (b.get("thinking") or "" for b in self.content if b.get("type") == "thinking")
        return "\n\n".join(p for p in parts if p)

    def followed_by(self, later: Message) -> Message:
        """Join this answer and its continuation after `pause_turn`: blocks in order, usage added (both were billed).

        A continuation of which nothing has arrived yet has no id and no model; this answer's stand in.
        """
        return replace(
            later,
            id=later.id or self.id,
            model=later.model or self.model,
            content=(*self.content, *later.content),
            usage=self.usage + later.usage,
            container=later.container or self.container,
            container_expires_at=later.container_expires_at or self.container_expires_at,
        )


_SURROGATES = re.compile("[\ud800-\udfff]")
_MESSAGE_KEYS = frozenset(
    {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage", "container"}
)


def message_from_wire(body: Mapping[str, Any], *, complete: bool = True) -> Message:
    """Read a whole Messages answer; unknown top-level keys go to `extra`. What is not of its type counts as absent."""
    container = body.get("container")
    container = container if isinstance(container, dict) else {}
    content, details = body.get("content"), body.get("stop_details")
    return Message(
        id=_text(body, "id") or "",
        model=_text(body, "model") or "",
        content=tuple(_block(b) for b in content if isinstance(b, dict)) if isinstance(content, list) else (),
        stop_reason=_text(body, "stop_reason"),
        stop_sequence=_text(body, "stop_sequence"),
        stop_details=details if isinstance(details, dict) else None,
        usage=Usage.from_wire(body.get("usage")),
        container=_text(container, "id"),
        container_expires_at=_text(container, "expires_at"),
        complete=complete,
        extra={k: v for k, v in body.items() if k not in _MESSAGE_KEYS},
    )


def _block(given: Block) -> Block:
    return given if isinstance(given.get("type"), str) else {**given, "type": ""}


def _text(source: Mapping[str, Any], key: str) -> str | None:
    value = source.get(key)
    return value if isinstance(value, str) else None


def _encodable(value: Any) -> Any:
    """Return a JSON value with U+FFFD in the place of lone surrogates."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATES.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list) else value


def as_input(content: Iterable[Block]) -> Iterator[Block]:
    """Yield an answer's blocks as a request takes them: the API sends two things that it refuses to get back.

    These are blank text blocks, and the `file_id` of citations (Messages page, 2026-11). Half characters (lone
    surrogates), which JSON can spell and no encoder takes, would stop every further request of the thread.
    """
    for block in map(_encodable, content):
        if block.get("type") == "text" and not (block.get("text") or "").strip():
            continue
        citations = block.get("citations")
        if isinstance(citations, list) and citations:
            cited = [{k: v for k, v in c.items() if k != "file_id"} for c in citations if isinstance(c, dict)]
            yield {**block, "citations": cited}
        else:
            yield block


@dataclass(frozen=True, slots=True)
class Request:
    """What goes to `POST /v1/messages`, less the transport.

    Attributes:
        messages: the conversation, oldest first, as the API takes it.
        container: id of a container to use again; None asks for a new one where a tool needs it.
        parameters: any further top-level keys, sent as they are.

    """

    model: str
    max_tokens: int
    messages: tuple[Mapping[str, Any], ...]
    system: str | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    container: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the JSON body; what is not set is not in it."""
        optional = {"system": self.system, "tools": list(self.tools), "container": self.container}
        return {
            "model": self.model,
            "max_tokens": self.max_tokens,
            "messages": list(self.messages),
            **{key: value for key, value in optional.items() if value},
            **self.parameters,
        }

    def count_body(self) -> dict[str, Any]:
        """Return the body `count_tokens` takes: no `max_tokens`, no `container`, nothing else it would refuse.

        Source: the Token Counting page's list of keys, 2026-11.
        """
        allowed = {
            "model",
            "messages",
            "system",
            "tools",
            "tool_choice",
            "thinking",
            "output_config",
            "cache_control",
            "speed",
        }
        return {key: value for key, value in self.body().items() if key in allowed}

    def continued(self, content: Iterable[Block], container: str | None) -> Request:
        """Return the request that goes on after `pause_turn`: the paused content last, in the same container."""
        paused = {"role": "assistant", "content": list(as_input(content))}
        return replace(self, messages=(*self.messages, paused), container=container or self.container)
