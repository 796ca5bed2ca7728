"""What the warm-up thread does while the user thinks about the first prompt."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from claude_magic import backends, rendering, wire
from claude_magic.magics import cell  # noqa: F401 - importing it is the point

if TYPE_CHECKING:
    from claude_magic.sessions import Session

_EVERYTHING = "# a\n\n`b` *c*\n\n```python\nd = 1\n```\n\n| e |\n|---|\n| $f$ |\n"


def run(session: Session, asked: threading.Event) -> None:
    """Import what a cell needs and build what is built once: the Markdown parser, the cleaner, a lexer, TLS settings.

    Until somebody has chosen who answers, nothing is opened and no key is looked at. Once a cell has `asked`, nothing
    more is made ahead: the cell makes what it needs itself, and two at work would only wait for each other.
    """
    for step in (lambda: rendering.render_markdown(_EVERYTHING), lambda: wire.prepare(backends.API)):
        if asked.is_set():
            return
        step()
    if session.chosen and session.backend.ready:  # without a key, the first cell says so
        connect(session)


def connect(session: Session) -> None:
    """Open the connection in the background; who answers was chosen, so contacting them is no surprise."""
    client = session.client
    threading.Thread(target=client.connect, name="claude_magic-connect", daemon=True).start()
