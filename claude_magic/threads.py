"""Conversations: turns, and which of their blocks travel on to the next request.

A turn is kept as it happened. What is sent again is a cleaned copy, because the API refuses some of what it sends:
blank text, unpaired server tool calls, `file_id` in citations, thinking that was made by another model (the Messages
page and its 400s, 2026-11).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from claude_magic.messages import Block, Message

_THINKING = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True, slots=True)
class Turn:
    """One request and its answer.

    Attributes:
        asked: the user's content blocks.
        answer: the last snapshot of the answer.
        unfinished: why the answer did not end (`interrupted`, …), or empty.

    """

    asked: tuple[Block, ...]
    answer: Message
    unfinished: str = ""

    def travelling(self, model: str, gone: Collection[str] = ()) -> list[dict[str, Any]]:
        """Return this turn as messages for the next request to `model`, without the files in `gone`.

        A refused or empty answer takes its question with it: neither may stand alone in a history.
        """
        asked = [b for b in self.asked if b.get("file_id") not in gone or b.get("type") != "container_upload"]
        answered = list(self._answered(model))
        if self.answer.stop_reason == "refusal" or not answered or not asked:
            return []
        return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]

    def _answered(self, model: str) -> Iterator[Block]:
        keep_thinking = self.answer.model == model and not self.unfinished
        kept = 0
        for block in paired(self.answer.content):
            kind = block.get("type")
            if kind in _THINKING and not (keep_thinking and (block.get("signature") or block.get("data"))):
                continue
            if kind == "text" and not (block.get("text") or "").strip():
                continue
            kept += kind not in _THINKING
            yield _as_input(block)
        if self.unfinished and kept:
            yield {"type": "text", "text": f"[This answer ended early: {self.unfinished}.]"}


def paired(blocks: Iterable[Block]) -> list[Block]:
    """Drop calls without a result and results without a call; they are paired by id, never by position."""
    blocks = [b for b in blocks if "partial_json" not in b]  # input that never became whole
    results = {b.get("tool_use_id") for b in blocks if "tool_use_id" in b}
    calls = {b.get("id") for b in blocks if str(b.get("type", "")).endswith("tool_use")}
    return [
        b
        for b in blocks
        if (b.get("id") in results if b.get("id") in calls else b.get("tool_use_id", None) in {*calls, None})
    ]


def _as_input(block: Block) -> Block:
    citations = block.get("citations")
    if not citations:
        return block
    # `file_id` exists only in output; a strict server refuses it as an extra key.
    return {**block, "citations": [{k: v for k, v in c.items() if k != "file_id"} for c in citations]}


@dataclass(slots=True)
class Thread:
    """A conversation by name.

    Attributes:
        turns: oldest first.
        container: id of the code execution container to use again, or None.

    """

    name: str
    turns: list[Turn] = field(default_factory=list)
    container: str | None = None

    def messages(self, model: str, gone: Collection[str] = ()) -> list[dict[str, Any]]:
        """Return the history to put before a new question to `model`."""
        return [message for turn in self.turns for message in turn.travelling(model, gone)]

    @property
    def runs_code(self) -> bool:
        """Whether any answer so far holds code execution blocks: then the tool must stay in the request."""
        return any("code_execution" in str(b.get("name", "")) for turn in self.turns for b in turn.answer.content)

    def clear(self) -> None:
        """Forget all turns and the container."""
        self.turns.clear()
        self.container = None
