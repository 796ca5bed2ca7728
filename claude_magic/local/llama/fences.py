"""The model's text as it comes, split at its first Python program.

A program stands between lines of three backticks, the first of which names Python or nothing. What stands before it is
words, shown as they come; backticks are held back until it is clear what they begin. A fence of another language is
words too.
"""

from __future__ import annotations

import re

_FENCE = "```"
_PYTHON = frozenset({"", "py", "python", "python3", "ipython"})
_CLOSING = re.compile(r"^[ \t]*```", re.MULTILINE)


class Fences:
    """Takes the text piece by piece.

    Attributes:
        program: the lines of the program so far; None before one begins.
        closed: the program is complete; what comes after it is not looked at.

    """

    def __init__(self) -> None:
        self.program: str | None = None
        self.closed = False
        self._held = ""
        self._foreign = False  # inside a fence of another language

    def feed(self, piece: str) -> str:
        """Take a piece; what of the text is now known to be words."""
        self._held += piece
        words = ""
        while self.program is None and _FENCE in self._held:
            before, _, after = self._held.partition(_FENCE)
            if not self._foreign and "\n" not in after:
                self._held = _FENCE + after  # the language's name may still be on its way
                return words + before
            words += before
            self._open(after)
            words += "" if self.program is not None else _FENCE
        if self.program is not None:
            self._grow()
            return words
        keep = len(self._held) - len(self._held.rstrip("`"))
        words += self._held[: len(self._held) - keep]
        self._held = self._held[len(self._held) - keep :]
        return words

    def end(self) -> str:
        """The text is over; what was held back of it and is words. An open program counts as complete."""
        if self.program is not None:
            self.program = self.program.strip("\n")
            return ""
        return self._held

    def _open(self, after: str) -> None:
        """Three backticks were met, `after` stands behind them: a program, or the border of something else."""
        language = after.partition("\n")[0].strip().lower()
        if not self._foreign and language in _PYTHON:
            self.program, self._held = "", after.partition("\n")[2]
            return
        self._foreign = not self._foreign
        self._held = after

    def _grow(self) -> None:
        found = _CLOSING.search(self._held)
        self.closed = found is not None
        self.program = (self._held[: found.start()] if found else self._held).rstrip("\n" if found else "")
