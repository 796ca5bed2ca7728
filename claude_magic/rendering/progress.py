"""How far an upload is, in one line, for anything that takes over a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from claude_magic.rendering.clean import plain

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE = 1.0  # seconds before a line is worth showing
_INTERVAL = 0.2  # seconds between two lines
_WIDTH = 24  # characters of the bar
_UNIT = 1e6


class Progress:
    """Call it with a file's name, bytes done and bytes in all; it shows a line when one is due.

    Args:
        show: takes a line of text.
        clock: seconds, monotonic.

    """

    def __init__(self, show: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._show = show
        self._clock = clock
        self._name = ""
        self._began = self._due = 0.0

    def __call__(self, name: str, done: int, total: int) -> None:
        """Take note of `done` of `total` bytes."""
        now = self._clock()
        if name != self._name or not done:
            self._name, self._began, self._due = name, now, now + _PATIENCE
        shown = self._due > self._began + _PATIENCE
        if now >= self._due or (shown and done >= total):
            self._due = now + _INTERVAL
            self._show(self._line(done, total, now - self._began))

    def _line(self, done: int, total: int, seconds: float) -> str:
        share = min(1.0, done / total) if total else 1.0
        rate = done / seconds if seconds else 0.0
        left = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
        bar = "█" * round(share * _WIDTH) + "░" * (_WIDTH - round(share * _WIDTH))
        amount = f"{done / _UNIT:,.1f} of {total / _UNIT:,.1f} MB at {rate / _UNIT:,.1f} MB/s"
        return f"{plain(self._name)} {bar} {share:.0%}, {amount}{left}"
