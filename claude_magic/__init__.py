"""`%%claude` cells and `%claude` commands for Jupyter over the Claude API.

In a notebook: ``%load_ext claude_magic``. In Python::

    import claude_magic as cm
    reply = cm.ask("How many rows have no price?", upload=[df])
    reply.text, reply.files, reply.cost
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic._version import __version__

if TYPE_CHECKING:
    from claude_magic.door import ask, count, files, models, session, upload
    from claude_magic.reply import Reply
    from claude_magic.sessions import Session
    from claude_magic.wire import Client

__all__ = [
    "Client",
    "Reply",
    "Session",
    "__version__",
    "ask",
    "count",
    "files",
    "load_ipython_extension",
    "models",
    "session",
    "unload_ipython_extension",
    "upload",
]

_HOMES = {
    "Client": "claude_magic.wire",
    "Reply": "claude_magic.reply",
    "Session": "claude_magic.sessions",
    **dict.fromkeys(("ask", "count", "files", "models", "session", "upload"), "claude_magic.door"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `%load_ext` must cost milliseconds."""
    import importlib

    if name == "Session":
        # The module `claude_magic.sessions` and the function `session` share a name; the class is only in the module.
        return importlib.import_module("claude_magic.sessions").Session
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def load_ipython_extension(shell: Any) -> None:
    """Register `%%claude` and `%claude`: what `%load_ext claude_magic` calls."""
    from claude_magic.magics import register

    register(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away and end the session: what `%unload_ext claude_magic` calls."""
    from claude_magic.magics import unregister

    unregister(shell)
