"""All panels as tabs; each is made when it is first chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipywidgets import Tab, VBox

from claude_magic.panels import PANELS, panel
from claude_magic.panels.base import close_all

if TYPE_CHECKING:
    from claude_magic.sessions import Session


class Tabs(VBox):
    """One tab for each panel."""

    def __init__(self, session: Session, shell: Any) -> None:
        self._session, self._shell = session, shell
        self.tab = Tab([VBox() for _ in PANELS], titles=[name.capitalize() for name in PANELS], selected_index=0)
        super().__init__([self.tab])
        self.tab.observe(lambda _: self._fill(), names="selected_index")
        self._fill()

    def __repr__(self) -> str:
        """Return what stands in the notebook's file, and wherever no widget can be shown."""
        return "Panels, alive only in a running notebook: %claude panel"

    def _fill(self) -> None:
        at = self.tab.selected_index
        if at is None or self.tab.children[at].children:
            return
        made = panel(self._session, self._shell, list(PANELS)[at])
        made.closer.layout.display = "none"
        self.tab.children[at].children = (made,)

    def close(self) -> None:
        """Close every panel."""
        close_all(self)
        super().close()
