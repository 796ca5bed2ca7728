"""The lower edge of every panel: its error, what it is doing, and the command that does the same."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

_STATIC = Path(__file__).parent / "static"


def script(*names: str) -> str:
    """Return our JavaScript of these names as one module, `common.js` first: the browser loads nothing by address."""
    return "\n".join((_STATIC / f"{name}.js").read_text("utf-8") for name in ("common", *names))


def style(*names: str) -> str:
    """Return our style sheets of these names as one."""
    return "\n".join((_STATIC / f"{name}.css").read_text("utf-8") for name in names)


class Foot(anywidget.AnyWidget):
    """Three lines of text, each hidden while empty; the browser sets them as text, never as markup.

    Attributes:
        error: announced by screen readers at once (`role="alert"`).
        status: announced when there is time (`role="status"`).
        command: shown as code, with a button that copies it.

    """

    _esm = script("foot")
    _css = style("panel")
    error = traitlets.Unicode().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)
    command = traitlets.Unicode().tag(sync=True)
