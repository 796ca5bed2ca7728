"""Panels: ipywidgets that show what the session holds and act through it.

`%claude panel` opens all of them as tabs, `%claude panel NAME` one. A panel is made when it is first looked at, so
that the tabs of a kernel nobody has logged in to ask nothing of a server.
"""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from claude_magic.errors import UsageError

if TYPE_CHECKING:
    from claude_magic.panels.base import Panel
    from claude_magic.sessions import Session

# name → module and class; the one list of what there is, in the order of the tabs.
PANELS: dict[str, str] = {
    "chat": "claude_magic.panels.chat:Chat",
    "models": "claude_magic.panels.models:Models",
    "tokens": "claude_magic.panels.tokens:Tokens",
    "files": "claude_magic.panels.files:Files",
    "data": "claude_magic.panels.data:Data",
}


def open_panel(session: Session, shell: Any, name: str | None = None) -> Any:
    """Return the panel called `name`, or all of them as tabs: a widget to be displayed.

    Args:
        session: what the panel shows and acts through; the cells' own.
        shell: the InteractiveShell whose variables it may offer.
        name: one of `PANELS`.

    Raises:
        UsageError: there is no such panel.

    """
    if name is None:
        from claude_magic.panels.tabs import Tabs

        return Tabs(session, shell)
    return panel(session, shell, name)


def panel(session: Session, shell: Any, name: str) -> Panel:
    """Return a new panel; as `open_panel` with a name."""
    if name not in PANELS:
        near = difflib.get_close_matches(name, PANELS, n=1)
        advice = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(PANELS)}."
        raise UsageError(f"There is no panel `{name}`.", advice=advice)
    module, _, kind = PANELS[name].partition(":")
    made: Panel = getattr(import_module(module), kind)(session, shell)
    return made
