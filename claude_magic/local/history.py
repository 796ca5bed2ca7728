"""The rules of a conversation: who may speak when, and that every call has its result.

Neighbouring messages of one role are one turn. A client's tool calls are answered at once, all of them, in the
beginning of the next user turn. A server tool's call has its result somewhere behind it, except in the last assistant
turn (a paused one), or where the same turn also holds a client's call that is being answered right now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claude_magic import catalogue
from claude_magic.local.problems import refuse

if TYPE_CHECKING:
    from claude_magic.catalogue import ModelEntry

_SYSTEM_SINCE = "2026-05-28"  # Opus 4.8, the first model with system messages inside `messages`
_NO_SYSTEM = frozenset({"claude-sonnet-5"})


@dataclass
class Exchange:
    """Neighbouring messages of one role: the first one's index, and all their blocks."""

    role: str
    start: int
    blocks: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The blocks of one type."""
        return [block for block in self.blocks if block["type"] == kind]


def turns(messages: list[dict[str, Any]]) -> list[Exchange]:
    """Merge neighbours of one role; a string is one text block."""
    merged: list[Exchange] = []
    for index, message in enumerate(messages):
        if not merged or merged[-1].role != message["role"]:
            merged.append(Exchange(message["role"], index))
        content = message["content"]
        merged[-1].blocks += [{"type": "text", "text": content}] if isinstance(content, str) else content
    return merged


def check_history(messages: list[dict[str, Any]], model: ModelEntry) -> None:
    """Check the order of messages and the pairs of calls and results.

    Raises:
        Problem: 400, in the API's words.

    """
    _check_contents(messages)
    merged = turns(messages)
    if merged[0].role != "user":
        refuse("messages", 'first message must use the "user" role')
    _check_system(merged, model)
    spoken = [turn for turn in merged if turn.role != "system"]
    for turn, after in zip(spoken, [*spoken[1:], None], strict=True):
        if turn.role == "assistant":
            _check_client_calls(turn, after)
    _check_server_calls(spoken)
    _check_results(spoken)
    if merged[-1].role == "assistant":
        _check_prefill(merged[-1], model)


def _check_contents(messages: list[dict[str, Any]]) -> None:
    for i, message in enumerate(messages):
        content = message["content"]
        if not content and not (i == len(messages) - 1 and message["role"] == "assistant"):
            refuse(
                f"messages.{i}",
                "all messages must have non-empty content except for the optional final assistant message",
            )
        if isinstance(content, str) and content and not content.strip():
            refuse("messages", "text content blocks must contain non-whitespace text")


def _check_system(merged: list[Exchange], model: ModelEntry) -> None:
    able = model.created_at >= _SYSTEM_SINCE and model.id not in _NO_SYSTEM
    for before, turn, after in zip([None, *merged], merged, [*merged[1:], None], strict=False):
        if turn.role != "system":
            continue
        path = f"messages.{turn.start}"
        if not able:
            refuse(f"{path}.role", "Input should be 'user' or 'assistant'")
        if len(turn.of("text")) < len(turn.blocks):
            refuse(path, "system messages may only contain text")
        ends_in_result = (
            before is not None and before.blocks and str(before.blocks[-1]["type"]).endswith("_tool_result")
        )
        if before is None or (before.role == "assistant" and not ends_in_result):
            refuse(path, "system messages must follow a user message or a server tool result")
        if after is not None and after.role != "assistant":
            refuse(path, "system messages must be last or be followed by an assistant message")


def _check_client_calls(turn: Exchange, after: Exchange | None) -> None:
    """Every call of a client's tool is answered in the beginning of the next turn."""
    called = [block["id"] for block in turn.of("tool_use")]
    given = after.blocks if after else []
    head = next((i for i, block in enumerate(given) if block["type"] != "tool_result"), len(given))
    answered = {block["tool_use_id"] for block in given[:head]}
    open_calls = [call for call in called if call not in answered]
    if open_calls:
        refuse(
            f"messages.{turn.start}",
            "`tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(open_calls)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
            "message.",
        )


def _check_server_calls(spoken: list[Exchange]) -> None:
    done = {block.get("tool_use_id") for turn in spoken if turn.role == "assistant" for block in turn.blocks}
    for position, turn in enumerate(spoken):
        if turn.role != "assistant" or position == len(spoken) - 1:
            continue
        mixed = position == len(spoken) - 2 and bool(turn.of("tool_use"))
        if mixed and len(spoken[-1].of("tool_result")) == len(spoken[-1].blocks):
            continue
        for block in turn.of("server_tool_use"):
            if block["id"] not in done:
                name = block["name"]
                refuse(
                    f"messages.{turn.start}",
                    f"`{name}` tool use with id `{block['id']}` was found without a corresponding "
                    f"`{name}_tool_result` block",
                )


def _check_results(spoken: list[Exchange]) -> None:
    """Every result answers a call: a client's in the turn before, a server's anywhere before."""
    started: set[str] = set()
    before: set[str] = set()
    for turn in spoken:
        for block in turn.blocks:
            kind, call = block["type"], block.get("tool_use_id")
            if kind == "tool_result" and call not in before:
                refuse(
                    f"messages.{turn.start}",
                    f"unexpected `tool_use_id` found in `tool_result` blocks: {call}. Each `tool_result` block must "
                    "have a corresponding `tool_use` block in the previous message.",
                )
            if kind == "server_tool_use":
                started.add(block["id"])
            elif kind.endswith("_tool_result") and call not in started:
                refuse(f"messages.{turn.start}", f"`{kind}` with id `{call}` has no `server_tool_use` block before it")
        before = {block["id"] for block in turn.of("tool_use")}


def _check_prefill(last: Exchange, model: ModelEntry) -> None:
    """A last assistant turn is a paused one (it holds server tool calls), or a prefill, which newer models refuse."""
    if last.of("server_tool_use"):
        return
    if catalogue.refuses(model.id, "prefill"):
        refuse(
            "",
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        )
    if last.blocks and last.blocks[-1].get("text", "").rstrip() != last.blocks[-1].get("text", ""):
        refuse("messages", "final assistant content cannot end with trailing whitespace")
