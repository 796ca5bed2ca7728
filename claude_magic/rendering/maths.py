r"""Maths in Markdown: `$a$`, `$$a$$`, `\(a\)`, `\[a\]`, inline and as blocks, for markdown-it-py.

All of it comes out as `\(…\)` and `\[…\]`, which JupyterLab, Notebook 7 and nbconvert typeset; money stays text.
A block never crosses an empty line, so that an opening that is never closed cannot take the rest of the answer with it
and finished blocks stay what they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_magic.rendering.clean import code_text
from claude_magic.rendering.tex import MAX_LENGTH, harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererProtocol
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

_CLOSING = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}
# An amount followed by words, with no sign that only maths has: "$5 for one and 10$ for two".
_MONEY = re.compile(r"\d[^\\^_={}+*/<>|]*\s[^\\^_={}+*/<>|]*\Z")


def install(parser: MarkdownIt) -> None:
    """Add the rules to `parser`."""
    parser.inline.ruler.before("escape", "maths", _inline_rule)
    parser.block.ruler.before(
        "fence", "maths_block", _block_rule, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.add_render_rule("maths", _render_inline)
    parser.add_render_rule("maths_block", _render_block)


def typeset(tex: str, opening: str, *, block: bool = False) -> str:
    """Return HTML of one formula: for MathJax where it is harmless, as code where it is not."""
    if not harmless(tex):
        code = f"<code>{code_text(opening + tex + _CLOSING[opening])}</code>"
        return f"<p>{code}</p>\n" if block else code
    left, right = ("\\(", "\\)") if opening in {"$", "\\("} else ("\\[", "\\]")
    body = f"{left}{code_text(tex.strip())}{right}"
    return f"<div>{body}</div>\n" if block else f"<span>{body}</span>"


def _render_inline(_: RendererProtocol, tokens: Sequence[Token], at: int, __: OptionsDict, ___: EnvType) -> str:
    return typeset(tokens[at].content, tokens[at].markup)


def _render_block(_: RendererProtocol, tokens: Sequence[Token], at: int, __: OptionsDict, ___: EnvType) -> str:
    return typeset(tokens[at].content, tokens[at].markup, block=True)


def _opening(text: str, at: int) -> str | None:
    return next((sign for sign in ("$$", "\\(", "\\[", "$") if text.startswith(sign, at)), None)


def _inline_rule(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    opening = _opening(state.src, state.pos)
    if opening is None:
        return False
    start = state.pos + len(opening)
    end = _find_closing(state.src, start, min(state.posMax, start + MAX_LENGTH + 2), _CLOSING[opening])
    if end < 0 or not state.src[start:end].strip():
        return False
    if opening == "$" and not _dollars_mean_maths(state.src, start, end):
        return False
    if not silent:
        token = state.push("maths", "", 0)
        token.content, token.markup = state.src[start:end], opening
    state.pos = end + len(_CLOSING[opening])
    return True


def _find_closing(text: str, start: int, stop: int, closing: str) -> int:
    at = start
    while at < stop:
        found = text.find(closing, at, stop)
        if found < 0:
            return -1
        before = found
        while before > start and text[before - 1] == "\\":
            before -= 1
        if (found - before) % 2 == 0:
            return found
        at = found + 1
    return -1


def _dollars_mean_maths(text: str, start: int, end: int) -> bool:
    """Pandoc's rule, and no amount of money: nothing blank inside the signs, no digit outside them."""
    if text[start].isspace() or text[end - 1].isspace() or text[start - 2 : start - 1].isdigit():
        return False
    return not text[end + 1 : end + 2].isdigit() and not _MONEY.match(text[start:end])


def _block_rule(state: StateBlock, first: int, last: int, silent: bool) -> bool:  # noqa: FBT001 - as above
    if state.is_code_block(first):
        return False
    begin = state.bMarks[first] + state.tShift[first]
    opening = state.src[begin : begin + 2]
    if opening not in {"$$", "\\["}:
        return False
    lines, end = _block_lines(state, first, last, opening)
    if end < 0:
        return False
    if not silent:
        token = state.push("maths_block", "", 0)
        token.block, token.markup, token.map = True, opening, [first, end + 1]
        token.content = "\n".join(lines)
    state.line = end + 1
    return True


def _block_lines(state: StateBlock, first: int, last: int, opening: str) -> tuple[list[str], int]:
    """Return the formula's lines and the line that closes it, or -1: only whole lines make a block."""
    closing = _CLOSING[opening]
    lines: list[str] = []
    # Where a search has come to nothing, a later one within the same lines need not start: keeps the scan linear.
    open_until = state.env.setdefault("maths", {})
    if first < open_until.get(closing, 0):
        return [], -1
    at = first
    for at in range(first, last):
        if state.isEmpty(at) or (at > first and state.sCount[at] < state.blkIndent):
            break
        begin = state.bMarks[at] + state.tShift[at] + (2 if at == first else 0)
        line = state.src[begin : state.eMarks[at]].rstrip()
        found = line.find(closing)
        if found >= 0:
            whole = found == len(line) - 2 and (at > first or line[:found].strip() != "")
            return ([*lines, line[:found]], at) if whole else ([], -1)
        lines.append(line)
    open_until[closing] = at
    return [], -1
