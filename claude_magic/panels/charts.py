"""The pictures of an answer, beside the panel that asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_magic.panels.foot import script
from claude_magic.panels.front import Front
from claude_magic.rendering import plain

if TYPE_CHECKING:
    from collections.abc import Sequence


class Charts(Front):
    """The pictures of the answer.

    Not ipywidgets' Image: it has no alternative text, and made off the main thread it was not shown in JupyterLab.
    """

    _esm = script("charts")

    def __init__(self) -> None:
        super().__init__()
        self.pictures: tuple[tuple[str, bytes], ...] = ()
        self.hear(lambda _message, _buffers: self._again())

    def show(self, pictures: Sequence[tuple[str, bytes]]) -> None:
        """Show these instead: names, and PNG as bytes."""
        self.pictures = tuple(pictures)
        self._again()

    def _again(self) -> None:
        names = [plain(name) for name, _ in self.pictures]
        self.post({"kind": "charts", "names": names}, [png for _, png in self.pictures])
