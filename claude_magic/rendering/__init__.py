"""Untrusted model text → safe HTML and text; message → mimebundle (pure); live painter."""

from claude_magic.rendering.clean import plain
from claude_magic.rendering.markdown import render_markdown
from claude_magic.rendering.mimebundle import FileLink, Footer, bundle, size_in_words
from claude_magic.rendering.paint import Painter, painter
from claude_magic.rendering.progress import Progress

__all__ = [
    "FileLink",
    "Footer",
    "Painter",
    "Progress",
    "bundle",
    "painter",
    "plain",
    "render_markdown",
    "size_in_words",
]
