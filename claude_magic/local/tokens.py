"""How many tokens: an estimate that needs no tokenizer, the same for the same request.

Four bytes of UTF-8 count as one token, which is what English prose and code come to within a fifth or so; from Claude
4.7 on the tokenizer makes about 30 percent more of the same text (`claude-api/models.md`), so there it is 1.3 times
that. Tools, system prompt and the blocks of the history count as their compact JSON; images by the API's rule of
28-pixel squares, files by their type. It is for displays and limits; nobody is billed by it.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from typing import TYPE_CHECKING, Any

from claude_magic.local.problems import Problem, encode

if TYPE_CHECKING:
    from claude_magic.catalogue import ModelEntry
    from claude_magic.local.files import FileStore

_BYTES_PER_TOKEN = 4.0
_NEWER = "2026-04-16"  # release of Opus 4.7, the first with the newer tokenizer
_NEWER_FACTOR = 1.3
_PER_MESSAGE = 4
_PER_REQUEST = 6
_PER_TOOL = 12
_PDF_PAGE = 2250  # the documentation says 1,500 to 3,000
_UPLOAD = 40  # one line that names the file
_UNKNOWN_IMAGE = 1568
_PAGE = re.compile(rb"/Type\s*/Page(?!s)")


class Counter:
    """Counts for one model.

    Args:
        model: the model whose tokenizer is imitated.
        files: where `file` sources and uploads are looked up.

    """

    def __init__(self, model: ModelEntry, files: FileStore) -> None:
        self._newer = model.created_at >= _NEWER
        self._factor = _NEWER_FACTOR if self._newer else 1.0
        self._files = files

    @property
    def per_byte(self) -> float:
        """Tokens for one byte of UTF-8 text."""
        return self._factor / _BYTES_PER_TOKEN

    def text(self, text: str) -> int:
        """Tokens of `text`, at least one unless it is empty."""
        return math.ceil(len(text.encode()) * self.per_byte)

    def request(self, body: dict[str, Any]) -> int:
        """Tokens of everything a request puts before the model."""
        total = _PER_REQUEST + sum(_PER_MESSAGE + self._content(m["content"]) for m in body["messages"])
        total += self._content(body["system"]) if body.get("system") else 0
        return total + sum(_PER_TOOL + self._json(tool) for tool in body.get("tools", ()))

    def _json(self, value: Any) -> int:
        return math.ceil(len(encode(value)) * self.per_byte)

    def _content(self, content: Any) -> int:
        if isinstance(content, str):
            return self.text(content)
        return sum(self._block(block) for block in content)

    def _block(self, block: dict[str, Any]) -> int:
        match block["type"]:
            case "text":
                return self.text(block["text"])
            case "image":
                return self._image(block["source"])
            case "document":
                return self._document(block["source"])
            case "container_upload":
                return _UPLOAD
            case "tool_result":
                return _PER_MESSAGE + self._content(block.get("content") or "")
            case _:
                return self._json(block)

    def _document(self, source: dict[str, Any]) -> int:
        if source["type"] == "base64":
            return _pdf(base64.b64decode(source["data"]))
        if source["type"] == "file":
            return self._file(source["file_id"])
        return self._content(source.get("data", source.get("content", "")))

    def _image(self, source: dict[str, Any]) -> int:
        if source["type"] == "file":
            return self._file(source["file_id"])
        return self._pixels(base64.b64decode(source["data"]))

    def _file(self, file_id: str) -> int:
        """Tokens of a stored file, by what it is; one that is not there is the request's problem, not the count's."""
        try:
            path = self._files.open_path(file_id)
        except Problem:
            return 0
        kind = self._files.get(file_id).mime_type
        if kind.startswith("image/"):
            return self._pixels(path.read_bytes())
        if kind == "application/pdf":
            return _pdf(path.read_bytes())
        return math.ceil(path.stat().st_size * self.per_byte)

    def _pixels(self, data: bytes) -> int:
        """Tokens of an image: one for each 28-pixel square after scaling it down to what the model sees."""
        size = _size(data)
        if size is None:
            return _UNKNOWN_IMAGE
        edge, most = (2576, 4784) if self._newer else (1568, 1568)
        scale = min(1.0, edge / max(*size, 1))
        squares = math.ceil(size[0] * scale / 28) * math.ceil(size[1] * scale / 28)
        return min(squares, most)


def _pdf(data: bytes) -> int:
    return _PDF_PAGE * max(1, len(_PAGE.findall(data)))


def _size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG or GIF, read from its header; None for others."""
    if data.startswith(b"\x89PNG") and len(data) >= 24:  # noqa: PLR2004 - signature, length and name of the first chunk, two sizes
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data.startswith(b"GIF8") and len(data) >= 10:  # noqa: PLR2004 - signature and two sizes
        width, height = struct.unpack("<HH", data[6:10])
        return width, height
    return None
