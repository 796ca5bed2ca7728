"""One answer as the list of its events, from `message_start` to `message_stop`.

What the engine yields is numbered and passed on as it comes; on the way tokens are counted, text is cut at
`max_tokens` and at stop sequences, and at the end stands why it stopped and what was used. The whole (not streamed)
answer is this same list put together by `collect`, so the two cannot differ.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claude_magic.local import ids
from claude_magic.local.engine import Engine, Event, Paused, Spent, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from claude_magic.local.tokens import Counter

_COUNTED = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_INTO = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


class _Enough(Exception):
    """The answer stops here: `reason`, and the stop sequence that was met."""

    def __init__(self, reason: str, sequence: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sequence = sequence


@dataclass
class Answer:
    """Puts one answer together.

    Args:
        engine: who answers.
        turn: what it is asked.
        model: the resolved model id.
        counter: counts tokens for that model.
        input_tokens: what the request counts.
        container: the container that was used, as the API shows it, or None; asked at the end.

    """

    engine: Engine
    turn: Turn
    model: str
    counter: Counter
    input_tokens: int
    container: Callable[[], dict[str, Any] | None]
    _open: int | None = field(default=None, init=False)
    _index: int = field(default=-1, init=False)
    _kinds: set[str] = field(default_factory=set, init=False)
    _held: str = field(default="", init=False)
    _spent: float = field(default=0.0, init=False)
    _more_input: int = field(default=0, init=False)

    def events(self) -> Iterator[Event]:
        """The events, each as soon as the engine has it."""
        yield {"type": "message_start", "message": self._skeleton()}
        why = _Enough("end_turn")
        given = self.engine.answer(self.turn)
        try:
            if not self.turn.request["max_tokens"]:
                raise _Enough("max_tokens")  # noqa: TRY301 - one way out for every reason
            for event in given:
                yield from self._pass(event)
        except Paused:
            why = _Enough("pause_turn")
        except Spent:
            why = _Enough("max_tokens")
        except _Enough as enough:
            why = enough
            _close(given)
        else:
            why = _Enough("tool_use" if "tool_use" in self._kinds else "end_turn")
        yield self._end(why)
        yield {"type": "message_stop"}

    def _pass(self, event: Event) -> Iterator[Event]:
        """One event of the engine's, numbered."""
        match event["type"]:
            case "content_block_start":
                yield from self._begin(event["content_block"])
            case "content_block_delta":
                yield from self._grow(event["delta"])
            case "content_block_stop":
                yield from self._say(self._held)
                self._held = ""
                yield {"type": "content_block_stop", "index": self._index}
            case _:
                yield event

    def _begin(self, block: dict[str, Any]) -> Iterator[Event]:
        self._index += 1
        self._kinds.add(block["type"])
        if block["type"].endswith("_tool_result"):  # the model reads it, so it is input from here on
            self._more_input += self.counter.text(json.dumps(block["content"], ensure_ascii=False))
        yield {"type": "content_block_start", "index": self._index, "content_block": block}
        if self._index == 0:
            yield {"type": "ping"}

    def _grow(self, delta: dict[str, Any]) -> Iterator[Event]:
        if delta["type"] != "text_delta" or not self.turn.request.get("stop_sequences"):
            yield from self._emit(delta)
            return
        text = self._held + delta["text"]
        stops = self.turn.request["stop_sequences"]
        at, sequence = min(((text.find(s), s) for s in stops if s in text), default=(-1, ""))
        if at >= 0:
            yield from self._say(text[:at])
            yield {"type": "content_block_stop", "index": self._index}
            raise _Enough("stop_sequence", sequence)
        keep = _overlap(text, stops)
        self._held = text[len(text) - keep :]
        yield from self._say(text[: len(text) - keep])

    def _say(self, text: str) -> Iterator[Event]:
        if text:
            yield from self._emit({"type": "text_delta", "text": text})

    def _emit(self, delta: dict[str, Any]) -> Iterator[Event]:
        """The delta, or as much of it as `max_tokens` leaves room for; a cut tool call gets no `content_block_stop`.

        An engine that counts for itself has kept to `max_tokens` already.
        """
        if self.turn.usage is not None:
            yield {"type": "content_block_delta", "index": self._index, "delta": delta}
            return
        key = _COUNTED.get(delta["type"], "")
        text = delta.get(key, "")
        cost = len(text.encode()) * self.counter.per_byte
        room = self.turn.request["max_tokens"] - self._spent
        whole = cost <= room
        if not whole:
            size = max(0, int(room / self.counter.per_byte))
            delta = {**delta, key: text.encode()[:size].decode(errors="ignore")}
        self._spent += min(cost, room)
        if whole or delta[key]:
            yield {"type": "content_block_delta", "index": self._index, "delta": delta}
        if not whole:
            if key != "partial_json":
                yield {"type": "content_block_stop", "index": self._index}
            raise _Enough("max_tokens")

    def _skeleton(self) -> dict[str, Any]:
        usage = {
            **self._input(),
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 1,
            "service_tier": "standard",
            "inference_geo": self.turn.request.get("inference_geo") or "global",
        }
        if self.turn.request.get("speed"):
            usage["speed"] = self.turn.request["speed"]
        return {
            "model": self.model,
            "id": ids.new("msg"),
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": usage,
            # Nothing is cached here, so there is nothing to explain.
            **(
                {"diagnostics": {"cache_miss_reason": {"type": "unavailable"}}}
                if self.turn.request.get("diagnostics")
                else {}
            ),
        }

    def _input(self) -> dict[str, int]:
        """Input figures: this server keeps no prompt cache, so both cache figures are 0."""
        counted = self.turn.usage
        total = counted.input_tokens if counted else self.input_tokens + self._more_input
        return {"input_tokens": total, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}

    @property
    def output_tokens(self) -> int:
        """What has been written so far."""
        counted = self.turn.usage
        spent = counted.output_tokens if counted else math.ceil(self._spent)
        return min(spent, int(self.turn.request["max_tokens"]))

    def _end(self, why: _Enough) -> Event:
        delta: dict[str, Any] = {"stop_reason": why.reason, "stop_sequence": why.sequence, "stop_details": None}
        usage: dict[str, Any] = {**self._input(), "output_tokens": self.output_tokens}
        if self.turn.can_run:
            delta["container"] = self.container()
            usage["server_tool_use"] = {"web_search_requests": 0, "web_fetch_requests": 0}
        return {"type": "message_delta", "delta": delta, "usage": usage}


def _close(events: Iterator[Event]) -> None:
    """End a generator; other iterators have nothing to end."""
    close = getattr(events, "close", None)
    if close is not None:
        close()


def _overlap(text: str, stops: Sequence[str]) -> int:
    """How many of the last characters of `text` may be the beginning of a stop sequence."""
    longest = min(len(text), max(map(len, stops)) - 1)
    return next((n for n in range(longest, 0, -1) if any(s.startswith(text[-n:]) for s in stops)), 0)


def collect(events: Sequence[Event]) -> dict[str, Any]:
    """The message that a list of events amounts to."""
    message: dict[str, Any] = {}
    pieces: dict[int, list[str]] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                usage = {**event["message"]["usage"], "server_tool_use": None}
                message = {**event["message"], "container": None, "usage": usage}
            case "content_block_start":
                block = event["content_block"]
                more = {"citations": block.get("citations")} if block["type"] == "text" else {}
                message["content"].append({**block, **more})
                pieces[event["index"]] = []
            case "content_block_delta":
                _apply(message["content"][event["index"]], event["delta"], pieces[event["index"]])
            case "message_delta":
                message.update(event["delta"])
                message["usage"] = {**message["usage"], **event["usage"]}
    for index, parts in pieces.items():
        _settle(message["content"][index], "".join(parts))
    return message


def _apply(block: dict[str, Any], delta: dict[str, Any], parts: list[str]) -> None:
    """Take one delta in; text is joined once, at the end."""
    if delta["type"] in _COUNTED:
        parts.append(delta[_COUNTED[delta["type"]]])
    elif delta["type"] == "signature_delta":
        block["signature"] = delta["signature"]
    elif delta["type"] == "citations_delta":
        block["citations"] = [*(block.get("citations") or []), delta["citation"]]


def _settle(block: dict[str, Any], text: str) -> None:
    """Give a block its joined text, or its input; input cut by `max_tokens` is no JSON and stays empty."""
    if block["type"] in {"text", "thinking"}:
        block[block["type"]] += text
    elif text:
        try:
            block["input"] = json.loads(text)
        except ValueError:
            block["input"] = {}
