"""Names: of the file, of the variable in the loading code, of columns in a file; all safe, unique and stable.

Parquet, CSV and Python each allow less in a name than pandas does. Column labels become text; equal texts are made
unique with ``.1``, ``.2`` …, never colliding with a label that is there already.
"""

from __future__ import annotations

import json
import keyword
import re
from typing import TYPE_CHECKING, Any

from claude_magic.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

# The Files API takes 1-255 characters, none of < > : " | ? * \ / nor controls (claude-api/files.md).
_FORBIDDEN_IN_FILES = re.compile(r'[<>:"|?*\\/\x00-\x1f`]')
_LONGEST_STEM = 80  # a variable's name; leaves room for `.part-001.parquet` and stays readable in the prompt
# Names the loading code itself uses.
# fmt: off
_OURS = frozenset([
    "arrow", "collections", "column", "complex", "float", "isinstance", "json", "kind", "lambda",
    "list", "manifest", "notes", "object", "open", "os", "pa", "part", "parts",
    "path", "pd", "pq", "range", "read", "text", "tuple", "value", "values",
    "x",
])
# fmt: on


def _hard_to_print() -> re.Pattern[str]:
    """Controls, line separators, zero-width and bidirectional marks, surrogates: must not stand raw in a line."""
    spans = [(0, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200F)]
    spans += [(0x2028, 0x202E), (0x2060, 0x206F), (0xD800, 0xDFFF), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB)]
    spans += [(0xE0000, 0xE007F)]
    return re.compile("[" + "".join(f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in spans) + "]")


_UNPRINTABLE = _hard_to_print()


def stem(name: str) -> str:
    """Return the file's name without its ending: `name`, with what the Files API forbids replaced by ``_``."""
    clean = _FORBIDDEN_IN_FILES.sub("_", one_line(well_formed(name))).strip(" .")
    return clean[:_LONGEST_STEM] or "frame"


def variable(name: str) -> str:
    """Return a Python identifier for the loading code: `name` itself when it is one that the code does not use."""
    if name.isidentifier() and not keyword.iskeyword(name) and name not in _OURS:
        return name
    return "df_" + (re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:_LONGEST_STEM] or "frame")


def well_formed(text: str) -> str:
    """Return `text` with lone surrogates (which UTF-8 cannot hold) written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def unique(labels: Iterable[Any], taken: Iterable[str] = ()) -> list[str]:
    """Return the labels as distinct texts: a repeated ``name`` becomes ``name.1``, or the next number still free.

    Args:
        labels: the labels in order.
        taken: texts that are in use elsewhere and must not come out again.

    """
    texts = [label_text(label) for label in labels]
    seen = set(taken)
    reserved = seen | set(texts)
    counters: dict[str, int] = {}
    for position, text in enumerate(texts):
        if text in seen:
            number = counters.get(text, 0) + 1
            while f"{text}.{number}" in reserved:
                number += 1
            counters[text] = number
            texts[position] = f"{text}.{number}"
            reserved.add(texts[position])
        seen.add(texts[position])
    return texts


def label_text(label: Any) -> str:
    """Return a column label as text; the parts of a tuple (a MultiIndex) are joined by ``|``."""
    if isinstance(label, tuple):
        return "|".join(label_text(part) for part in label)
    return well_formed(label if isinstance(label, str) else str(label))


def quoted(text: str) -> str:
    """Return `text` in JSON quotes on one harmless line; `json.loads` gives it back."""
    plain = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda m: json.dumps(m[0])[1:-1], plain)
