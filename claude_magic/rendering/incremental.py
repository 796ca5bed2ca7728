"""Markdown that is still arriving, rendered at a cost that is linear in its length.

Finished top-level blocks are rendered once and kept; only the tail is parsed again. A block is finished when another
one follows it after an empty line: nothing that comes later can reach back across that (the parser's multi-line rules,
tables and headings by underline, end at empty lines, and our maths blocks do too). The one exception are link
definitions that come after their use: those need the full render at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic.rendering.clean import code_text, finished_part, plain
from claude_magic.rendering.markdown import clean, parse, remember, render_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token


class IncrementalMarkdown:
    """One text that grows: give it the whole text so far, get its HTML so far."""

    def __init__(self) -> None:
        self._seen = 0  # characters of the raw text that are cleaned already
        self._tail = ""  # cleaned, not yet in a finished block
        self._done: list[str] = []
        self._definitions: dict[str, Any] = {}

    def render(self, text: str, *, growing: bool) -> str:
        """Return safe HTML of `text`, which begins with what was given before. Never raises.

        When it no longer grows, the result is that of `render_markdown` for all texts without late link definitions,
        and is remembered for it.
        """
        made = "".join(self.pieces(text, growing=growing))
        if not growing and not self._definitions:
            remember(text, made)
        return made

    def pieces(self, text: str, *, growing: bool) -> list[str]:
        """Return the same in pieces: every one but the last is of finished blocks and stays as it is."""
        end = finished_part(text) if growing else len(text)
        self._tail += plain(text[self._seen : end])
        self._seen = max(end, self._seen)
        try:
            tail = self._render_tail(growing=growing)
        except Exception:  # noqa: BLE001 - as in render_markdown: the answer is shown unformatted
            return [f"<pre>{code_text(text)}</pre>\n"]
        return [*self._done, tail]

    def _render_tail(self, *, growing: bool) -> str:
        env: dict[str, Any] = {"references": dict(self._definitions)}
        tokens = parse(self._tail, env)
        first_open = self._finished(tokens)
        if first_open:
            line = _line(tokens[first_open])
            self._done.append(clean(render_tokens(tokens[:first_open], env)))
            found = env["references"]
            self._definitions = {
                name: ref for name, ref in found.items() if name in self._definitions or _before(ref, line)
            }
            self._tail = "\n".join(self._tail.split("\n")[line:])
        if growing and tokens:
            env["arriving"] = tokens[-1]
        if not growing:
            self._definitions = env["references"]
        return clean(render_tokens(tokens[first_open:], env))

    def _finished(self, tokens: Sequence[Token]) -> int:
        """Return the number of tokens that belong to finished blocks."""
        lines = self._tail.split("\n")
        for at in range(len(tokens) - 1, 0, -1):
            token = tokens[at]
            if token.level or token.nesting < 0 or not token.map:
                continue
            line = token.map[0]
            # A line without its end may still become something else: `*` a list, `*a` the same paragraph.
            if 0 < line < len(lines) - 1 and not lines[line - 1].strip():
                return at
        return 0


def _line(token: Token) -> int:
    return token.map[0] if token.map else 0


def _before(reference: dict[str, Any], line: int) -> bool:
    return int(reference.get("map", [line])[0]) < line
