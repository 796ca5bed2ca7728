"""Server-sent events: bytes in, the API's event dicts out. No I/O.

Lines are split as bytes, on LF, CR and CRLF only: U+2028, U+2029 and U+0085 stand raw inside JSON strings, and a chunk
may end anywhere, inside a character or between CR and LF. CR never occurs raw inside JSON, so turning every line end
into LF first changes no data. A frame is what stands before a blank line; what follows the last one is never
dispatched.

Source: the event stream chapter of the HTML standard, and the API's streaming page (2026-11).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOM: Final = b"\xef\xbb\xbf"
_scan = json.JSONDecoder().raw_decode


class NotJSON(ValueError):
    """The data of a frame is not JSON."""


class Reader:
    """Collects chunks; `feed` yields the events that they complete.

    Its work is linear in the bytes, however they are cut: only the unfinished tail is kept, and a chunk is searched
    once.
    """

    def __init__(self) -> None:
        self._tail = bytearray()
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """Yield the events completed by `chunk`; pings, comments and empty frames are passed over.

        Raises:
            NotJSON: the data of a frame is not JSON.

        """
        tail = self._tail
        searched = max(0, len(tail) - 1)
        tail += self._with_lf(chunk)
        end = tail.rfind(b"\n\n", searched)
        if end < 0:
            return
        complete = bytes(tail[:end])
        del tail[: end + 2]
        if self._at_start:
            self._at_start = False
            complete = complete.removeprefix(_BOM)
        for frame in complete.split(b"\n\n"):
            event = _event(frame)
            if event is not None:
                yield event

    def _with_lf(self, chunk: bytes) -> bytes:
        """Return `chunk` with every line end as LF; an LF whose CR ended the chunk before is dropped."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return chunk


def _event(frame: bytes) -> dict[str, Any] | None:
    """Return the event of one frame, or None when it carries none."""
    if frame.startswith(b"event: "):
        # The shape the API sends, two lines: nothing to collect.
        name, found, data = frame.partition(b"\ndata: ")
        if found and b"\n" not in data and b"\n" not in name:
            return _parsed(name[7:], data)
    fields = _fields(frame)
    name = fields.get(b"event", b"")
    return _parsed(name, fields[b"data"]) if name else None


def _fields(frame: bytes) -> dict[bytes, bytes]:
    """Return the fields of a frame by name; several `data` lines are joined, comments have the empty name."""
    fields: dict[bytes, bytes] = {}
    data: list[bytes] = []
    for line in frame.split(b"\n"):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        else:
            fields[name] = value
    fields[b"data"] = b"\n".join(data)
    return fields


def _parsed(name: bytes, data: bytes) -> dict[str, Any] | None:
    if name == b"ping" or not data:
        return None
    text = data.decode("utf-8", "replace")
    try:
        event, end = _scan(text)
        exact = end == len(text)
    except (ValueError, RecursionError):
        exact = False
    if not exact:
        event = _forgiving(text)
    if not isinstance(event, dict):
        return None
    if not isinstance(event.get("type"), str):
        event["type"] = name.decode("utf-8", "replace")
    return None if event["type"] == "ping" else event


def _forgiving(text: str) -> Any:
    """Parse what the scanner does not take to the end: white space around a value is JSON too."""
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise NotJSON(text[:80]) from problem
