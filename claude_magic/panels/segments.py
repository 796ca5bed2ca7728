"""An answer that grows, in pieces of HTML: only those that changed travel to the browser.

Finished blocks of Markdown, tool calls and notes are pieces that stay as they are; the last one is painted again, at
most twenty times a second and never faster than its size allows. What is sent is linear in the answer's length, and a
reader's selection above the last piece survives.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from claude_magic import rendering
from claude_magic.rendering.blocks import html_of
from claude_magic.rendering.incremental import IncrementalMarkdown
from claude_magic.rendering.mimebundle import html
from claude_magic.rendering.parts import parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_magic.messages import Growing, Message

_INTERVAL = 0.05  # seconds between two paints: 20 a second cost the browser nothing (front-ends.md, section 4)
_RENDER_SHARE = 5  # … and five times what the last paint took
_PACE = 250_000  # … and no more bytes of the growing piece a second than this (same section)


class Segments:
    """The pieces of one answer."""

    def __init__(self) -> None:
        self._texts: dict[int, IncrementalMarkdown] = {}
        self._finished: dict[int, tuple[str, list[str]]] = {}

    def of(self, message: Message, *, settled: bool) -> list[str]:
        """Return safe HTML in pieces."""
        shown, notes = parts(message, settled=settled)
        made: list[str] = []
        for part in shown:
            if part.kind == "text":
                made += self._text(part.at, part.text, growing=part.growing, settled=settled)
            else:
                made.append(html_of([part]))
        return [piece for piece in (*made, notes.html()) if piece]

    def _text(self, at: int, text: str, *, growing: bool, settled: bool) -> list[str]:
        known = self._finished.get(at)
        if not settled and known is not None and known[0] == text:
            return known[1]
        markdown = self._texts.setdefault(at, IncrementalMarkdown())
        made = markdown.pieces(text, growing=growing)
        if settled:
            # Link definitions that came after their use need the whole text.
            whole = rendering.render_markdown(text)
            made = made if "".join(made) == whole else [whole]
        if not growing:
            self._finished[at] = (text, made)
        return made


def settled(message: Message) -> list[str]:
    """Return the pieces of an answer that is there."""
    return [html(message)]


class Painter:
    """Sends the pieces of one answer that changed.

    Args:
        send: takes the index of the first piece that changed, all pieces from there on, and how many pieces of the
            whole will stay as they are.
        clock: seconds, monotonic.

    """

    def __init__(
        self, send: Callable[[int, list[str], int], Any], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._send = send
        self._clock = clock
        self._segments = Segments()
        self._due = 0.0
        self._position: tuple[int, bool] = (0, False)
        self.pieces: list[str] = []

    def show(self, growing: Growing) -> None:
        """Take note of an answer that has grown; sends when it is time, or when a block has begun or ended."""
        now = self._clock()
        if now < self._due and growing.position == self._position:
            return
        self._position = growing.position
        self._paint(self._segments.of(growing.message(), settled=False), growing=True)
        spent = self._clock() - now
        tail = len(self.pieces[-1]) if self.pieces else 0
        self._due = now + max(_INTERVAL, _RENDER_SHARE * spent, tail / _PACE)

    def settle(self, message: Message, foot: str) -> None:
        """Send what the whole answer has besides, `foot` (safe HTML) last."""
        made = self._segments.of(message, settled=True)
        self._paint([*made, foot] if foot else made, growing=False)

    def _paint(self, made: list[str], *, growing: bool) -> None:
        same = 0
        for old, new in zip(self.pieces, made, strict=False):
            if old != new:
                break
            same += 1
        if same < max(len(made), len(self.pieces)) or not growing:
            self._send(same, made[same:], len(made) - 1 if growing else len(made))
        self.pieces = made
