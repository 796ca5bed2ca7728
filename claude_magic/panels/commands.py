"""What was done in a panel, as something to type."""

from __future__ import annotations

# IPython reads `?` at the end of a line as a question about a name, and a backslash as a line that goes on.
_SPECIAL = ("?", "\\")


def line(command: str) -> str:
    """Return `%claude COMMAND`, as a call where a line of IPython cannot hold the text."""
    if "\n" in command or "\r" in command or command.endswith(_SPECIAL):
        return f'get_ipython().run_line_magic("claude", {command!r})'
    return f"%claude {command}"


def cell(options: str, prompt: str) -> str:
    """Return the `%%claude` cell with these options and this prompt."""
    return f"%%claude {options}".rstrip() + f"\n{prompt}"
