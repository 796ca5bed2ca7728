"""What a Python value looks like in a prompt: one rule per kind, first match wins."""

from __future__ import annotations

import ast
import base64
import inspect
import io
import linecache
import sys
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from claude_magic import frames
from claude_magic.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from claude_magic.messages import Block

# A repr is for orientation, not for transport: about 5,000 tokens at 4 characters each.
_LONGEST_REPR = 20_000
# The API scales larger pictures down to this many pixels by itself, and refuses 8,000; an image may have 10 MB of
# base64, which is 7.5 MB of bytes (Messages page, image limits, 2026-11).
_LONGEST_EDGE = 2_576
_LARGEST_IMAGE = 7_500_000
_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
_DEEPEST = 4
_LOADED = 4  # what `linecache` holds of a text it has read: size, time of change, lines, name


def blocks_of(value: Any, name: str, *, share: str = "schema", mask: Collection[str] = ()) -> list[Block]:
    """Return content blocks for `value`, which the prompt calls `name`.

    Text goes in as it is; a DataFrame or Series as `share` allows (never a value at ``schema``, the default); a
    function, class or module as its source; a figure or image as an image; an object with ``_repr_claude_()`` as that
    returns (text, or a list of blocks); frames in a list, tuple or dict one by one; anything else as its repr, cut at
    20,000 characters.

    Raises:
        UsageError: ``_repr_claude_()`` returned neither text nor blocks.

    """
    own = getattr(type(value), "_repr_claude_", None)
    said = None if own is None else own(value)
    if said is not None:  # None means, as with IPython's own hooks, that it has nothing to say
        return _own(said, name)
    if isinstance(value, str):
        return _text(value)
    if frames.is_frame(value):
        return _text(frames.describe(value, name, share=share, masked=mask))
    image = _image(value)
    return [image] if image is not None else _text(_told(value, name, share, mask))


def _told(value: Any, name: str, share: str, mask: Collection[str]) -> str:
    if isinstance(value, FunctionType | MethodType | ModuleType | type):
        return _source(value)
    inside = _frames_inside(value, name)
    if inside:
        return "\n\n".join(frames.describe(frame, path, share=share, masked=mask) for path, frame in inside)
    shown = repr(value)
    if len(shown) > _LONGEST_REPR:
        shown = f"{shown[:_LONGEST_REPR]}… [{len(shown) - _LONGEST_REPR:,} more characters]"
    return shown


def _own(said: Any, name: str) -> list[Block]:
    if isinstance(said, str):
        return _text(said)
    blocks = list(said) if isinstance(said, list | tuple) else [said]
    if not all(isinstance(b, dict) and isinstance(b.get("type"), str) for b in blocks):
        raise UsageError(
            f"`_repr_claude_()` of `{name}` returned neither text nor content blocks; nothing was sent.",
            advice='Return a string, or a list of dicts such as {"type": "text", "text": "..."}.',
        )
    if any(b["type"] == "text" and not isinstance(b.get("text"), str) for b in blocks):
        raise UsageError(
            f"`_repr_claude_()` of `{name}` returned a text block without text; nothing was sent.",
            advice='Return {"type": "text", "text": "..."}.',
        )
    return blocks


def _frames_inside(value: Any, path: str, depth: int = 0) -> list[tuple[str, Any]]:
    """Return frames in lists, tuples, dicts (a few levels deep) with their paths: a repr would tell their values."""
    if frames.is_frame(value):
        return [(path, value)]
    if depth == _DEEPEST or not isinstance(value, list | tuple | dict):
        return []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [found for key, item in items for found in _frames_inside(item, f"{path}[{key!r}]", depth + 1)]


def _text(text: str) -> list[Block]:
    return [{"type": "text", "text": text}] if text else []


def _source(value: Any) -> str:
    try:
        return inspect.getsource(value)
    except (OSError, TypeError):  # built in, or typed where `inspect` does not look
        return (_typed_class(value) if isinstance(value, type) else None) or repr(value)


def _typed_class(value: type) -> str | None:
    """Return the source of a class typed in a notebook: IPython keeps its cells in `linecache`, the newest last."""
    if value.__module__ != "__main__":
        return None
    entries: list[Any] = list(linecache.cache.values())
    for entry in reversed(entries):
        lines = entry[2] if len(entry) == _LOADED and entry[1] is None else []  # a cell has no time of change
        for node in reversed(ast.parse("".join(lines)).body if any("class " in line for line in lines) else []):
            if isinstance(node, ast.ClassDef) and node.name == value.__name__:
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                return "".join(lines[first - 1 : node.end_lineno])
    return None


def _image(value: Any) -> Block | None:
    """Return an image block for a matplotlib figure or a PIL image; asks `sys.modules`, imports nothing."""
    figure = sys.modules.get("matplotlib.figure")
    pil = sys.modules.get("PIL.Image")
    if figure is not None and isinstance(value, figure.Figure):
        png = io.BytesIO()
        value.savefig(png, format="png", dpi=110, bbox_inches="tight")
        return _picture("image/png", png)
    if pil is not None and isinstance(value, pil.Image):
        return _pil(value)
    return None


def _pil(image: Any) -> Block:
    if max(image.size) > _LONGEST_EDGE:
        image = image.copy()
        image.thumbnail((_LONGEST_EDGE, _LONGEST_EDGE))
    data = io.BytesIO()
    (image if image.mode in _PNG_MODES else image.convert("RGB")).save(data, format="PNG")
    if data.tell() <= _LARGEST_IMAGE:
        return _picture("image/png", data)
    data = io.BytesIO()
    image.convert("RGB").save(data, format="JPEG", quality=90)
    return _picture("image/jpeg", data)


def _picture(media_type: str, file: io.BytesIO) -> Block:
    data = base64.standard_b64encode(file.getvalue()).decode()
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
