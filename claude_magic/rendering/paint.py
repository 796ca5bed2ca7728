"""Painting an answer while it arrives: which way depends on who looks.

* A notebook (the parent message carries a cell id): one display, updated. Never a second one, and never
  `clear_output`, which would take other outputs of the cell with it.
* Terminal IPython: what is new is printed, cleaned.
* Nobody, or somebody we do not know (nbclient, nbval, a plain shell, a script): one display at the end.

In the end there is one text output and one `image/png` output per chart. A defect in painting never costs the answer:
it is logged, and the cell goes on; a KeyboardInterrupt passes.
"""

from __future__ import annotations

import base64
import logging
import struct
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any, Self

from claude_magic.rendering.incremental import IncrementalMarkdown
from claude_magic.rendering.mimebundle import html
from claude_magic.rendering.plaintext import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from claude_magic.messages import Growing

log = logging.getLogger(__name__)

_INTERVAL = 0.1  # seconds between two paints: ten a second is as steady as a reader sees (front-ends.md, section 4)
_RENDER_SHARE = 5  # … and five times what the last paint took, so that painting never takes over
_PACE = 250_000  # … and no more bytes of HTML a second than this (same section)
# Bytes of HTML that may be sent in all: so many at once, and so many per second after that. An answer of 100 kB that
# comes within 20 s stays below 1.5 MB, its end included. A slower one costs more and is never far behind: a budget
# without the seconds would leave its reader before the same picture for as long as a third of the whole time.
_BURST = 350_000.0
_RATE = 30_000.0
_DEBT = -150_000.0  # a block that begins or ends is shown at once, up to this much in advance
_PNG = b"\x89PNG\r\n\x1a\n"


def painter(shell: Any) -> Painter:
    """Return the painter for `shell` (an InteractiveShell, or None in a script) and whoever looks at it now."""
    if shell is None:
        return Printed()
    if _in_terminal(shell):
        return Terminal()
    return Notebook(shell) if _in_notebook(shell) else Painter(shell)


def _in_terminal(shell: Any) -> bool:
    module = sys.modules.get("IPython.terminal.interactiveshell")
    return module is not None and isinstance(shell, module.TerminalInteractiveShell)


def _in_notebook(shell: Any) -> bool:
    """Whether a notebook front end runs this cell: JupyterLab, Notebook 7 and VS Code send the cell's id."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None or type(shell.display_pub).__name__.startswith("Capturing"):
        return False
    parent = kernel.get_parent() or {}
    return bool((parent.get("metadata") or {}).get("cellId"))


class Painter:
    """Shows an answer once, when it is there. The other painters show it earlier, too.

    Use as a context: `show` for every event, then `settle` once.
    """

    def __init__(self, shell: Any = None) -> None:
        self._shell = shell
        self._defect = False

    def __enter__(self) -> Self:
        """Nothing to open: the first output appears with the first thing to show."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Nothing to close: what was painted stays."""

    def show(self, growing: Growing) -> None:
        """Take note of an answer that has grown; paints when it is time."""
        if self._defect:
            return
        try:
            self._show(growing)
        except Exception:  # painting must not cost the answer
            self._defect = True
            log.exception("Painting stopped; the answer will be shown at its end.")

    def progress(self, line: str) -> None:
        """Show how far something before the answer is; the answer takes its place. Shown only to somebody who looks."""

    def settle(self, bundle: Mapping[str, str], images: Sequence[bytes] = ()) -> None:
        """Leave the final outputs: one of text, then one per chart (PNG, shown at the size it has)."""
        try:
            self._settle(bundle)
            for number, image in enumerate(images, 1):
                self._image(image, f"[chart {number}, {_size_of(image)}]")
        except Exception:  # painting must not cost the answer
            log.exception("The answer could not be shown; it is in `_`.")

    def _show(self, growing: Growing) -> None:
        """Show nothing before the end."""

    def _settle(self, bundle: Mapping[str, str]) -> None:
        self._publish(dict(bundle))

    def _image(self, image: bytes, words: str) -> None:
        data = {"text/plain": words}
        if image.startswith(_PNG):
            data["image/png"] = base64.b64encode(image).decode("ascii")
        self._publish(data)

    def _publish(self, data: dict[str, str], **more: Any) -> None:
        self._shell.display_pub.publish(data=data, metadata={}, **more)


class Notebook(Painter):
    """One display that is updated: often at first, then as often as the answer's size allows."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._id = uuid.uuid4().hex
        self._begun = False
        self._painted = ""
        self._position = (0, False)
        self._due = 0.0
        self._allowance = _BURST
        self._at = time.monotonic()
        self._texts: dict[int, IncrementalMarkdown] = {}
        self._finished: dict[int, tuple[str, str]] = {}

    def _show(self, growing: Growing) -> None:
        now = time.monotonic()
        self._allowance = min(_BURST, self._allowance + (now - self._at) * _RATE)
        self._at = now
        turned = growing.position != self._position and self._allowance > _DEBT
        if not turned and (now < self._due or self._allowance < len(self._painted)):
            return
        self._position = growing.position
        first = not self._painted  # takes longer: imports
        self._paint(growing)
        spent = 0.0 if first else time.monotonic() - now
        self._due = now + max(_INTERVAL, _RENDER_SHARE * spent, len(self._painted) / _PACE)

    def _paint(self, growing: Growing) -> None:
        made = html(growing.message(), settled=False, render=self._render)
        if made and made != self._painted:
            self._send({"text/html": made})
            self._allowance -= len(made)
            self._painted = made

    def _render(self, at: int, text: str, growing: bool) -> str:  # noqa: FBT001 - a renderer's signature
        if not growing and self._finished.get(at, ("", ""))[0] == text:
            return self._finished[at][1]
        made = self._texts.setdefault(at, IncrementalMarkdown()).render(text, growing=growing)
        if not growing:
            self._finished[at] = (text, made)
        return made

    def progress(self, line: str) -> None:
        """Show the line where the answer will stand."""
        self._send({"text/plain": line})
        self._painted = line

    def _settle(self, bundle: Mapping[str, str]) -> None:
        self._send(dict(bundle))

    def _send(self, data: dict[str, str]) -> None:
        self._publish(data, transient={"display_id": self._id}, update=self._begun)
        self._begun = True


class Printed(Painter):
    """A script without IPython: the text, once."""

    def _settle(self, bundle: Mapping[str, str]) -> None:
        self._write(bundle["text/plain"] + "\n")

    def _image(self, image: bytes, words: str) -> None:
        del image  # a terminal has no place for it
        self._write(words + "\n")

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


class Terminal(Printed):
    """Terminal IPython: prints what is new. Nothing printed is taken back."""

    def __init__(self) -> None:
        super().__init__()
        self._printed = ""
        self._position = (0, False)
        self._due = 0.0

    def _show(self, growing: Growing) -> None:
        now = time.monotonic()
        if now < self._due and growing.position == self._position:
            return
        self._position = growing.position
        self._print(text_of(growing.message(), settled=False))
        self._due = now + max(_INTERVAL, _RENDER_SHARE * (time.monotonic() - now))

    def progress(self, line: str) -> None:
        """Write the line over the one before."""
        self._write(f"\r{line}\x1b[K")

    def _print(self, text: str) -> None:
        if text.startswith(self._printed):
            self._write(text[len(self._printed) :])
            self._printed = text

    def _settle(self, bundle: Mapping[str, str]) -> None:
        text = bundle["text/plain"]
        if self._printed and not text.startswith(self._printed):
            self._write("\n\n")
            self._printed = ""
        self._print(text)
        self._write("\n")


def _size_of(image: bytes) -> str:
    """Return a PNG's size in words, from its header (PNG specification, 11.2.2)."""
    if not image.startswith(_PNG) or len(image) < 24:  # noqa: PLR2004 - signature, length, type, width, height
        return "not a PNG image"
    width, height = struct.unpack(">II", image[16:24])
    return f"{width} by {height} pixels"
