"""%%claude cells and panels for Jupyter over the Claude API."""

from claude_magic._version import __version__

__all__ = ["__version__"]
