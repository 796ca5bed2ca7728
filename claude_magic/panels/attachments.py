"""What is dropped into the chat: Claude sees a picture, reads a short text, and finds all else in its container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_magic import prompt
from claude_magic.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from claude_magic.messages import Block
    from claude_magic.panels.incoming import Arrived

_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
# Text that is data: a program reads it better than a model does.
_DATA = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xml", ".parquet", ".xlsx")
_LONGEST_TEXT = 100_000  # bytes, about 25,000 tokens; beyond that a program reads it


def split(files: Iterable[Arrived]) -> tuple[list[Block], dict[str, Path]]:
    """Return the blocks that say a file's content, and the files for the container by unique name.

    Raises:
        FileProblem: a picture that is none.

    """
    blocks: list[Block] = []
    mounted: dict[str, Path] = {}
    for file in files:
        if file.name.lower().endswith(_PICTURES):
            blocks += _picture(file)
            continue
        text = _short_text(file)
        if text is not None:
            blocks.append({"type": "text", "text": f"The file {file.name}:\n\n{text}\n"})
        else:
            mounted[_unique(file.name, mounted)] = file.path
    return blocks, mounted


def _picture(file: Arrived) -> list[Block]:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file.path) as picture:
            return prompt.blocks_of(ImageOps.exif_transpose(picture), file.name)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        advice = "Remove it, or save it anew as PNG; nothing was sent."
        raise FileProblem(f"{file.name} cannot be read as a picture.", advice=advice) from None


def _short_text(file: Arrived) -> str | None:
    if file.size > _LONGEST_TEXT or file.name.lower().endswith(_DATA):
        return None
    try:
        text = file.path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.strip() and "\x00" not in text else None


def _unique(name: str, taken: Iterable[str]) -> str:
    known, number, made = set(taken), 2, name
    stem, dot, ending = name.rpartition(".")
    while made in known:
        made = f"{stem}-{number}{dot}{ending}" if stem else f"{name}-{number}"
        number += 1
    return made
