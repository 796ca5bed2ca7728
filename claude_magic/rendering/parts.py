"""A message's blocks, put together the way they are read: HTML and text are both written from these parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from claude_magic.rendering.citations import Notes
from claude_magic.rendering.tools import Call, described, is_call, is_result, results_by_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_magic.messages import Block, Message


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to show.

    Attributes:
        kind: "text" is Markdown of one or more text blocks; "result" answers a call that is also shown, so that only a
            text which is written once and in order needs it.
        at: index of its first block, which does not change while the message grows.
        text: of "text" and "thinking".
        call: of "call" and "result", the result included when there is one.
        growing: more of it may come.

    """

    kind: Literal["text", "thinking", "call", "result", "other"]
    at: int
    block: Block
    text: str = ""
    call: Call | None = None
    growing: bool = False


def parts(message: Message, *, settled: bool) -> tuple[list[Part], Notes]:
    """Return what to show of a message, in order, and the sources it cites."""
    notes = Notes()
    content = [block for block in message.content if isinstance(block, dict)]
    made: list[Part] = []
    for part in _each(content, notes, settled=settled):
        before = made[-1] if made else None
        if part.kind == "text" and before is not None and before.kind == "text":
            # Citations cut a sentence into several blocks; Markdown needs it whole.
            made[-1] = Part("text", before.at, before.block, before.text + part.text, growing=part.growing)
        else:
            made.append(part)
    return made, notes


def _each(content: list[Block], notes: Notes, *, settled: bool) -> Iterator[Part]:
    results = results_by_call(content)
    calls = {str(block.get("id")): block for block in content if is_call(block)}
    for at, block in enumerate(content):
        growing = not settled and at == len(content) - 1
        if block.get("type") == "text":
            yield Part(
                "text", at, block, str(block.get("text") or "") + ("" if growing else notes.mark(block)), None, growing
            )
        elif block.get("type") == "thinking":
            yield Part("thinking", at, block, str(block.get("thinking") or ""), None, growing)
        elif is_call(block):
            result = results.get(str(block.get("id")))
            yield Part("call", at, block, "", described(block, result), not settled and result is None)
        elif is_result(block) and str(block.get("tool_use_id")) in calls:
            yield Part("result", at, block, "", described(calls[str(block["tool_use_id"])], block))
        else:
            yield Part("other", at, block)
