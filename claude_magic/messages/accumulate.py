"""Events in, message snapshots out: what each streaming event does to a message. No I/O.

Feeding is cheap and happens for every event; a snapshot costs in proportion to the message and is made only when
somebody looks (the painter, ten times a second). Text and tool input are kept as lists of pieces and joined on demand,
so that both are linear in their length.

Rules: the streaming page of the API, and its traps: placeholders for tool input, blocks that never stop, cumulative
usage, unknown events, blocks and deltas.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from claude_magic.messages.values import Block, Message, message_from_wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# delta type → (block types it fits, the block's key it appends to, the delta's key that holds the piece)
_APPENDING: dict[str, tuple[frozenset[str], str, str]] = {
    "text_delta": (frozenset({"text"}), "text", "text"),
    "thinking_delta": (frozenset({"thinking"}), "thinking", "thinking"),
    "input_json_delta": (frozenset({"tool_use", "server_tool_use", "mcp_tool_use"}), "input", "partial_json"),
}


def _object(value: Any) -> dict[str, Any]:
    """Return `value` if it is a JSON object, else an empty one: what does not fit is passed over."""
    return value if isinstance(value, dict) else {}


class Growing:
    """A message that is still arriving.

    `feed` takes the events in order; `message()` says what there is so far. `complete` is set by `message_stop`.
    """

    def __init__(self) -> None:
        self.complete = False
        self._before: Message | None = None
        self._begin()

    def _begin(self) -> None:
        self._top: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._blocks: list[Block] = []
        self._pieces: list[list[str] | None] = []  # the growing key of each block, until it is joined into the block
        self._by_index: dict[int, int] = {}

    def go_on(self) -> Message:
        """Return the message so far and expect its continuation: what arrives next follows it (`pause_turn`)."""
        self._before = self.message()
        self.complete = False
        self._begin()
        return self._before

    @property
    def started(self) -> bool:
        """Whether any block has begun: from here on a retry would show something twice."""
        return bool(self._blocks) or self._before is not None

    @property
    def position(self) -> tuple[int, bool]:
        """How many blocks have begun, and whether the last has ended: what a reader sees at once when it changes."""
        return len(self._blocks), bool(self._pieces) and self._pieces[-1] is None

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one event. What is unknown, or does not fit, is passed over."""
        kind = event.get("type")
        handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
        if handler is not None:
            handler(self, event)

    def message(self) -> Message:
        """Return the message so far, as a value that later events do not change."""
        content = [self._view(at) for at in range(len(self._blocks))]
        now = message_from_wire({**self._top, "usage": self._usage, "content": content}, complete=self.complete)
        return self._before.followed_by(now) if self._before else now

    def _view(self, at: int) -> Block:
        block, pieces = self._blocks[at], self._pieces[at]
        if pieces is None:
            return block
        if block["type"] in {"text", "thinking"}:
            return {**block, block["type"]: _joined(pieces)}
        # Still arriving: strict parsing waits for the end, a reader may want to see how far it is.
        return {**block, "input": _object(block.get("input")), "partial_json": _joined(pieces)}

    # One method for each event the API has.

    def _message_start(self, event: Mapping[str, Any]) -> None:
        message = _object(event.get("message"))
        self._top = {k: v for k, v in message.items() if k not in {"content", "usage"}}
        self._usage = dict(_object(message.get("usage")))
        content = message.get("content")
        for index, block in enumerate(content if isinstance(content, list) else ()):
            if isinstance(block, dict):
                self._append(index, block, self._first_pieces(block))

    def _block_start(self, event: Mapping[str, Any]) -> None:
        block = event.get("content_block")
        if not isinstance(block, dict):
            return
        if block.get("type") == "fallback":  # from here on the text is another model's (beta server-side-fallback)
            self._top["model"] = _object(block.get("to")).get("model") or self._top.get("model")
        index = event.get("index")
        self._append(index if isinstance(index, int) else len(self._blocks), block, self._first_pieces(block))

    @staticmethod
    def _first_pieces(block: Block) -> list[str] | None:
        kind = block.get("type")
        if not isinstance(kind, str):
            return None
        if kind in {"text", "thinking"}:
            return [str(block.get(kind) or "")]
        # The `{}` in content_block_start is a placeholder, not a beginning.
        return [] if kind in _APPENDING["input_json_delta"][0] else None

    def _append(self, index: int, block: Block, pieces: list[str] | None) -> None:
        self._by_index[index] = len(self._blocks)
        self._blocks.append(dict(block))
        self._pieces.append(pieces)

    def _block_delta(self, event: Mapping[str, Any]) -> None:
        at = self._at(event)
        delta = _object(event.get("delta"))
        if at is None:
            return
        block, kind = self._blocks[at], delta.get("type")
        if isinstance(kind, str) and kind in _APPENDING:
            fits, _, key = _APPENDING[kind]
            pieces = self._pieces[at]
            if pieces is not None and block["type"] in fits and isinstance(delta.get(key), str):
                pieces.append(delta[key])
        elif kind == "signature_delta" and block.get("type") == "thinking":
            self._change(at, {"signature": delta.get("signature", "")})
        elif kind == "citations_delta" and block.get("type") == "text" and isinstance(delta.get("citation"), dict):
            before = block.get("citations")
            self._change(at, {"citations": [*(before if isinstance(before, list) else ()), delta["citation"]]})
        elif kind == "compaction_delta" and block.get("type") == "compaction":
            self._change(at, {k: v for k, v in delta.items() if k != "type"})

    def _at(self, event: Mapping[str, Any]) -> int | None:
        index = event.get("index")
        return self._by_index.get(index) if isinstance(index, int) else None

    def _change(self, at: int, keys: dict[str, Any]) -> None:
        # A new dict: the old one may be in a snapshot already.
        self._blocks[at] = {**self._blocks[at], **keys}

    def _block_stop(self, event: Mapping[str, Any]) -> None:
        at = self._at(event)
        if at is not None:
            self._settle(at)

    def _settle(self, at: int) -> None:
        block, pieces = self._blocks[at], self._pieces[at]
        if pieces is None:
            return
        joined = _joined(pieces)
        self._pieces[at] = None
        if block["type"] in {"text", "thinking"}:
            self._change(at, {block["type"]: joined})
            return
        # Without any piece, what the start held stands: `{}`, or the whole input where a gateway does not stream it.
        given = _tool_input(joined) if joined else _object(block.get("input"))
        # Cut by max_tokens, or sent unbuffered: the raw text is kept, the tool must not run.
        self._change(at, {"input": {}, "partial_json": joined} if given is None else {"input": given})

    def _message_delta(self, event: Mapping[str, Any]) -> None:
        # A container seen once is not taken back by a later null.
        changes = {k: v for k, v in _object(event.get("delta")).items() if not (k == "container" and v is None)}
        # Beta features put theirs beside the delta: `context_management`, `input_transformations`.
        beside = {k: v for k, v in event.items() if k not in {"type", "delta", "usage"}}
        self._top.update({**beside, **changes})
        # Totals, not increments: overwrite what is there, keep message_start's figures for what is not.
        self._usage.update({k: v for k, v in _object(event.get("usage")).items() if v is not None})

    def _message_stop(self, _: Mapping[str, Any]) -> None:
        for at in range(len(self._blocks)):
            self._settle(at)
        self.complete = True


def _joined(pieces: Iterable[str]) -> str:
    """Join pieces. A character that a server cut into two halves (a surrogate each) is made whole again."""
    text = "".join(pieces)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character that stays alone becomes U+FFFD: nothing could send or show it
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _tool_input(text: str) -> dict[str, Any] | None:
    """Return the JSON object in `text`, or None when it is anything else (NaN is no JSON, though Python reads it)."""
    try:
        value = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):  # ValueError: not JSON, or a number of more digits than Python reads
        return None
    return value if isinstance(value, dict) else None


_HANDLERS: dict[str, Callable[[Growing, Mapping[str, Any]], None]] = {
    "message_start": Growing._message_start,  # noqa: SLF001 - the table belongs to the class above
    "content_block_start": Growing._block_start,  # noqa: SLF001
    "content_block_delta": Growing._block_delta,  # noqa: SLF001
    "content_block_stop": Growing._block_stop,  # noqa: SLF001
    "message_delta": Growing._message_delta,  # noqa: SLF001
    "message_stop": Growing._message_stop,  # noqa: SLF001
}
