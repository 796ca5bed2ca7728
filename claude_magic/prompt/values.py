"""What a Python value looks like in a prompt: one rule per kind, first match wins."""

from __future__ import annotations

import base64
import inspect
import io
import sys
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from claude_magic import frames

if TYPE_CHECKING:
    from claude_magic.messages import Block

# A repr is for orientation, not for transport: about 5,000 tokens at 4 characters each.
_LONGEST_REPR = 20_000


def blocks_of(value: Any, name: str, *, share: str = "schema") -> list[Block]:
    """Return content blocks for `value`, which the prompt calls `name`.

    Text goes in as it is; a DataFrame or Series as `share` allows (never a value at ``schema``, the default); a
    function, class or module as its source; a figure or image as an image; an object with ``_repr_claude_()`` as that
    returns (text, or a list of blocks); anything else as its repr, cut at 20,000 characters.
    """
    own = getattr(type(value), "_repr_claude_", None)
    if own is not None:
        return _own(own(value))
    if isinstance(value, str):
        return _text(value)
    if frames.is_frame(value):
        return _text(frames.describe(value, name, share=share))
    image = _image(value)
    if image is not None:
        return [image]
    if isinstance(value, FunctionType | MethodType | ModuleType | type):
        return _text(_source(value))
    shown = repr(value)
    if len(shown) > _LONGEST_REPR:
        shown = f"{shown[:_LONGEST_REPR]}… [{len(shown) - _LONGEST_REPR:,} more characters]"
    return _text(shown)


def _own(said: Any) -> list[Block]:
    return list(said) if isinstance(said, list | tuple) else _text(str(said))


def _text(text: str) -> list[Block]:
    return [{"type": "text", "text": text}] if text else []


def _source(value: Any) -> str:
    try:
        return inspect.getsource(value)
    except (OSError, TypeError):  # built in, or typed where no source is kept
        return repr(value)


def _image(value: Any) -> Block | None:
    """Return an image block for a matplotlib figure or a PIL image; asks `sys.modules`, imports nothing."""
    png = io.BytesIO()
    figure = sys.modules.get("matplotlib.figure")
    pil = sys.modules.get("PIL.Image")
    if figure is not None and isinstance(value, figure.Figure):
        value.savefig(png, format="png", dpi=110, bbox_inches="tight")
    elif pil is not None and isinstance(value, pil.Image):
        value.convert("RGB").save(png, format="PNG")
    else:
        return None
    data = base64.standard_b64encode(png.getvalue()).decode()
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
