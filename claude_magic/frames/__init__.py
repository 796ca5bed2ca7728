"""Frames of any library: described within limits, encoded once, fingerprinted by content, and read back.

The names are imported when they are first used, so that importing the room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from claude_magic.frames.artifacts import load_artifact
    from claude_magic.frames.description import describe
    from claude_magic.frames.encoding import Encoded, Receipt, encode, filename, fingerprint
    from claude_magic.frames.parts import encode_parts
    from claude_magic.frames.recognise import collect, is_frame
    from claude_magic.frames.rules import RULES, Rule
    from claude_magic.frames.table import inert, table_class

_HOMES = {
    "RULES": "rules",
    "Rule": "rules",
    "Encoded": "encoding",
    "Receipt": "encoding",
    "collect": "recognise",
    "describe": "description",
    "encode": "encoding",
    "encode_parts": "parts",
    "filename": "encoding",
    "fingerprint": "encoding",
    "inert": "table",
    "is_frame": "recognise",
    "load_artifact": "artifacts",
    "table_class": "table",
}

__all__ = [
    "RULES",
    "Encoded",
    "Receipt",
    "Rule",
    "collect",
    "describe",
    "encode",
    "encode_parts",
    "filename",
    "fingerprint",
    "inert",
    "is_frame",
    "load_artifact",
    "table_class",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
