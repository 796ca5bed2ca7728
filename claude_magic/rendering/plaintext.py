"""Parts → text for a terminal, and for whoever reads `text/plain`.

Written so that a growing message's text is always a beginning of what it will be: the terminal prints only what is new.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from claude_magic.rendering.clean import finished_part, plain, shortened
from claude_magic.rendering.parts import parts

if TYPE_CHECKING:
    from claude_magic.messages import Message
    from claude_magic.rendering.parts import Part
    from claude_magic.rendering.tools import Call

_MAX_CODE = (24, 2_000)  # lines and characters of a call in a terminal
_MAX_OUTPUT = (24, 2_000)


def text_of(message: Message, *, settled: bool) -> str:
    """Return the message as cleaned text: answers as written, calls and results short and indented, sources last."""
    shown, notes = parts(message, settled=settled)
    pieces: list[str] = []
    for part in shown:
        if not settled and part.kind == "call" and "partial_json" in part.block:
            break  # its code is still being written
        pieces.append(_piece(part))
    if settled:
        pieces.append(notes.text())
    return "\n\n".join(piece for piece in pieces if piece)


def _piece(part: Part) -> str:
    if part.kind == "text":
        text = part.text[: finished_part(part.text)] if part.growing else part.text
        return plain(text).strip("\n").rstrip()
    if part.kind == "thinking":
        return ""
    if part.call is not None:
        return _call(part.call) if part.kind == "call" else _result(part.call)
    return f"[{plain(str(part.block.get('type') or 'block without a type'))}]"


def _call(call: Call) -> str:
    return "\n".join(filter(None, (f"    [{plain(call.done)}]", _indented(call.code, _MAX_CODE))))


def _result(call: Call) -> str:
    pieces = [f"    [{plain(call.outcome)}]", *(_indented(text, _MAX_OUTPUT) for _, text in call.outputs)]
    return "\n".join(filter(None, pieces))


def _indented(text: str, limit: tuple[int, int]) -> str:
    short = shortened(plain(text).strip("\n"), lines=limit[0], characters=limit[1])
    return textwrap.indent(short.rstrip(), "    ")
