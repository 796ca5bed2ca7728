"""Parts → HTML. The chrome (folding, lists, headings of outputs) is written here; everything inside it is cleaned.

Only tags and attributes that JupyterLab's sanitiser of untrusted notebooks keeps are used: no style element, no
script, no id; `details` folds by itself. What little inline style there is loads nothing and names no colour, so that
it reads in light and dark.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from claude_magic.rendering.clean import code_text, inert, shortened
from claude_magic.rendering.highlight import SPACED, highlighted
from claude_magic.rendering.markdown import clean, render_markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from claude_magic.rendering.parts import Part
    from claude_magic.rendering.tools import Call

MAX_CODE = (400, 20_000)
"""Lines and characters of a call's code that are shown."""
MAX_OUTPUT = (120, 12_000)
"""Lines and characters of a call's output that are shown."""

MUTED = "opacity:0.8"
_WRAPPED = "white-space:pre-wrap;overflow-wrap:anywhere"
_QUIET_BLOCKS = {
    "redacted_thinking": "Part of the thinking is encrypted by the API and cannot be shown.",
    "compaction": "The conversation so far was summarised by the API to save space.",
}


def whole(_: int, text: str, __: bool) -> str:  # noqa: FBT001 - a renderer's signature, called by position
    """Render text that will not grow."""
    return render_markdown(text)


def html_of(parts: Iterable[Part], render: Callable[[int, str, bool], str] = whole) -> str:
    """Return the HTML of all parts.

    Args:
        parts: what to show.
        render: turns Markdown into safe HTML, given the part's index, its text and whether it still grows.

    """
    return "".join(_part(part, render) for part in parts)


def folded(summary: str, inside: str, *, is_open: bool = False) -> str:
    """Return a folded section; `summary` is untrusted text, `inside` HTML that is clean already."""
    opened = " open" if is_open else ""
    return f'<details{opened} style="{SPACED}"><summary>{inert(summary)}</summary>\n{inside}</details>\n'


def preformatted(text: str, limit: tuple[int, int] = MAX_OUTPUT) -> str:
    """Untrusted output as it is, cut to `limit` lines and characters, wrapped where it is too wide."""
    return f'<pre style="{_WRAPPED}">{code_text(shortened(text, lines=limit[0], characters=limit[1]))}</pre>\n'


def _part(part: Part, render: Callable[[int, str, bool], str]) -> str:
    if part.kind == "text":
        return render(part.at, part.text, part.growing)
    if part.kind == "thinking":
        return _thinking(part, render)
    if part.call is not None:
        return _call(part.call, running=part.growing) if part.kind == "call" else ""
    return _other(part)


def _thinking(part: Part, render: Callable[[int, str, bool], str]) -> str:
    if not part.text.strip():
        return ""
    words = f"{len(part.text.split()):,} words"
    return folded("Thinking…" if part.growing else f"Thinking · {words}", render(part.at, part.text, part.growing))


def _call(call: Call, *, running: bool) -> str:
    code = shortened(call.code.strip("\n"), lines=MAX_CODE[0], characters=MAX_CODE[1])
    inside = clean(highlighted(code, call.language)) if code.strip() else ""
    for label, text in call.outputs:
        inside += f"<small>{inert(label)}</small>\n{preformatted(text)}"
    return folded(call.summary(running=running), inside, is_open=running)


def _other(part: Part) -> str:
    kind = str(part.block.get("type") or "block without a type")
    if kind in _QUIET_BLOCKS:
        return f'<p><small style="{MUTED}">{_QUIET_BLOCKS[kind]}</small></p>\n'
    if kind == "fallback":
        to = part.block.get("to")
        model = (to.get("model") if isinstance(to, dict) else None) or "another model"
        return f'<p><small style="{MUTED}">From here on answered by {inert(str(model))}.</small></p>\n'
    return folded(kind, preformatted(json.dumps(part.block, indent=1, ensure_ascii=False, default=str)))
