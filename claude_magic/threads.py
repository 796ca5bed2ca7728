"""Conversations: turns, and which of their blocks travel on to the next request.

A turn is kept as it happened. What is sent again is a cleaned copy, because the API refuses some of what it sends:
blank text, unpaired server tool calls, `file_id` in citations, thinking whose surroundings have changed (the Messages
page and its 400s, 2026-11).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claude_magic.messages import as_input

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

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

    def travelling(self, gone: Collection[str] = ()) -> list[dict[str, Any]]:
        """Return this turn as messages for the next request, without the files in `gone`.

        A refused or empty answer takes its question with it: neither may stand alone in a history.
        """
        asked = [b for b in self.asked if not _mounts(b, gone)]
        answered = self._answered(gone)
        if self.answer.stop_reason == "refusal" or not answered or not asked:
            return []
        return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]

    def _answered(self, gone: Collection[str]) -> list[Block]:
        blocks = [b for b in as_input(paired(self.answer.content)) if not _mounts(b, gone)]
        # Newer models bind thinking to the model, the system prompt, the tools and all that went before, and a cell may
        # change each of them: thinking stays within its own turn (Thinking page, 2026-11).
        blocks = [b for b in blocks if b.get("type") not in _THINKING]
        if self.unfinished and blocks:
            blocks.append({"type": "text", "text": f"[This answer ended early: {self.unfinished}.]"})
        return blocks


def _mounts(block: Block, files: Collection[str]) -> bool:
    return block.get("type") == "container_upload" and block.get("file_id") in files


def paired(blocks: Iterable[Block]) -> list[Block]:
    """Drop calls without a result and results without a call; they are paired by id, never by position."""
    blocks = [b for b in blocks if "partial_json" not in b]  # input that never became whole
    calls = [b.get("id") for b in blocks if _is_call(b)]  # lists: a server's ids may be anything
    results = [b["tool_use_id"] for b in blocks if "tool_use_id" in b]
    return [b for b in blocks if _fits(b, calls, results)]


def _is_call(block: Block) -> bool:
    return str(block.get("type", "")).endswith("tool_use")


def _fits(block: Block, calls: Collection[Any], results: Collection[Any]) -> bool:
    if _is_call(block):
        return block.get("id") in results
    return "tool_use_id" not in block or block["tool_use_id"] in calls


@dataclass(slots=True)
class Thread:
    """A conversation by name.

    Attributes:
        turns: oldest first.
        container: id of the code execution container to use again, or None.
        container_since: when this thread got it, seconds since the epoch; `container_expires_at` as the API says.

    """

    name: str
    turns: list[Turn] = field(default_factory=list)
    container: str | None = None
    container_since: float | None = None
    container_expires_at: str | None = None

    def messages(self, gone: Collection[str] = ()) -> list[dict[str, Any]]:
        """Return the history to put before a new question."""
        return [message for turn in self.turns for message in turn.travelling(gone)]

    @property
    def mounted(self) -> set[str]:
        """The ids of the files this conversation has put into containers."""
        return {b["file_id"] for turn in self.turns for b in turn.asked if b.get("type") == "container_upload"}

    @property
    def runs_code(self) -> bool:
        """Whether code was run or a file mounted so far: the API refuses such a history without the tool it is for."""
        return any(
            block.get("type") == "container_upload" or "code_execution" in str(block.get("name", ""))
            for turn in self.turns
            for block in (*turn.asked, *turn.answer.content)
        )

    def work_in(self, container: str, expires_at: str | None) -> None:
        """Take note of the container an answer worked in."""
        if container != self.container:
            self.container, self.container_since = container, time.time()
        self.container_expires_at = expires_at

    def leave_container(self) -> None:
        """Let the next code run in a new container."""
        self.container = self.container_since = self.container_expires_at = None

    def clear(self) -> None:
        """Forget all turns and the container."""
        self.turns.clear()
        self.leave_container()
