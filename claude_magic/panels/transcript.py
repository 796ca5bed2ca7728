"""A conversation as the chat's browser side takes it: questions as clean text, answers as safe HTML."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from claude_magic import rendering
from claude_magic.panels.segments import settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from claude_magic.messages import Block
    from claude_magic.panels.exchange import Exchange
    from claude_magic.reply import Reply
    from claude_magic.threads import Turn

_LONGEST_ASKED = 4_000  # characters of a question that a transcript shows


def foot(reply: Reply) -> str:
    """Return files, footer and warnings of a settled reply as safe HTML."""
    return replace(reply, message=replace(reply.message, content=())).bundle()["text/html"]


def settled_turn(
    turn: Turn, number: int, reply: Reply | None, pictures: int, names: Mapping[str, str]
) -> dict[str, Any]:
    """Return a turn of the thread; `reply`, where it is still known, brings its foot, and `pictures` follow it.

    `names` are those of the files in its question, by file id.
    """
    pieces = settled(turn.answer) if reply is None else [*settled(turn.answer), foot(reply)]
    return {
        "turn": f"turn-{number}",
        "number": number,
        "asked": _words(turn.asked, names),
        "pieces": pieces,
        "text": rendering.plain(turn.answer.text),
        "pictures": pictures,
        "live": False,
    }


def live_turn(exchange: Exchange, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the turn that is being answered, as far as it is painted."""
    asked = exchange.text or _words(exchange.instead.asked if exchange.instead else (), names)
    with_files = "".join(f"\n[{file.name}]" for file in exchange.files)
    return {
        "turn": exchange.key,
        "number": 0,
        "asked": rendering.plain(asked + with_files),
        "pieces": list(exchange.painter.pieces),
        "text": "",
        "pictures": 0,
        "live": True,
    }


def _words(blocks: Iterable[Block], names: Mapping[str, str]) -> str:
    """Return a question as text: what is no text is named, what we say of files in the container is left out."""
    said, before = [], ""
    for block in blocks:
        kind = str(block.get("type"))
        if kind != "text":
            said.append(f"[{names.get(str(block.get('file_id'))) or kind.replace('_', ' ')}]")
        elif before != "container_upload":  # the text right after the files is ours: `containers.mount_blocks`
            said.append(str(block.get("text") or ""))
        before = kind
    text = rendering.plain("\n".join(said).strip())
    return text if len(text) <= _LONGEST_ASKED else text[:_LONGEST_ASKED] + "…"
