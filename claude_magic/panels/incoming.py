"""Files that a browser sends in pieces: what `static/upload.js` speaks with.

ipywidgets' FileUpload sends a file as one message, and above the websocket's 10 MB nothing arrives and nobody is told
(front-ends.md, section 5). Here each piece of 1 MB is acknowledged with the bytes that are on disk.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from claude_magic.containers import safe_name
from claude_magic.errors import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LARGEST = 500_000_000
"""Bytes: the Files API's limit for one file (Files page, 2026-11)."""
_FREE = 50_000_000  # bytes that a disk must keep


@dataclass(frozen=True, slots=True)
class Arrived:
    """A whole file.

    Attributes:
        key: what the browser calls it.
        name: its name, made safe for a folder and a container.
        mime_type: as the browser says; untrusted.
        path: where it is until it is dropped or the panel closes.

    """

    key: str
    name: str
    mime_type: str
    size: int
    path: Path


class Incoming:
    """The files on their way from one widget's browser side.

    Args:
        send: sends a custom message to the browser: the widget's `send`.
        arrived: called with each file that is whole, in the thread of the last piece's message.

    """

    def __init__(self, send: Callable[[dict[str, Any]], None], arrived: Callable[[Arrived], None]) -> None:
        self._send, self._arrived = send, arrived
        self._folder: Path | None = None
        self._lock = threading.RLock()
        self._open: dict[str, tuple[Arrived, BinaryIO]] = {}
        self.files: dict[str, Arrived] = {}
        self._count = 0

    def take(self, message: Mapping[str, Any], buffers: Sequence[Any] = ()) -> bool:
        """Take a custom message of the browser's; return whether it was one of a file's."""
        kind, key = message.get("kind"), str(message.get("file", ""))
        with self._lock:
            if kind == "file":
                self._begin(key, message)
            elif kind == "piece":
                self._piece(key, message.get("at"), buffers)
            elif kind == "drop-file":
                self.drop(key)
            else:
                return False
        return True

    def _begin(self, key: str, message: Mapping[str, Any]) -> None:
        size = message.get("size")
        name = safe_name(str(message.get("name") or "file"))
        if not isinstance(size, int) or size < 0 or key in self._open or key in self.files:
            return self._refuse(key, f"{name} cannot be taken.")
        if size > LARGEST:
            return self._refuse(key, f"{name} has {size / 1e6:,.0f} MB; the API takes {LARGEST / 1e6:,.0f} MB a file.")
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="claude_magic-panel-"))
        if shutil.disk_usage(self._folder).free < size + _FREE:
            return self._refuse(key, f"There is no room for {name} where the kernel keeps temporary files.")
        self._count += 1
        place = self._folder / str(self._count)
        place.mkdir()
        arriving = Arrived(key, name, harmless(message.get("type") or "")[:100], size, place / name)
        self._open[key] = (arriving, arriving.path.open("wb"))
        return self._acknowledge(key)

    def _piece(self, key: str, at: object, buffers: Sequence[Any]) -> None:
        if key not in self._open:
            return None  # dropped while it was on its way
        arriving, file = self._open[key]
        piece = memoryview(buffers[0]) if buffers else memoryview(b"")
        if at != file.tell() or file.tell() + piece.nbytes > arriving.size:
            self.drop(key)
            return self._refuse(key, f"{arriving.name} came in the wrong order.")
        try:
            file.write(piece)
        except OSError as problem:
            self.drop(key)
            return self._refuse(key, f"{arriving.name} could not be kept: {problem.strerror}.")
        return self._acknowledge(key)

    def _acknowledge(self, key: str) -> None:
        arriving, file = self._open[key]
        done = file.tell()
        whole = done == arriving.size
        if whole:
            file.close()
            del self._open[key]
            self.files[key] = arriving
        self._send({"kind": "got", "file": key, "bytes": done, "whole": whole})
        if whole:
            self._arrived(arriving)

    def _refuse(self, key: str, why: str) -> None:
        self._send({"kind": "refused", "file": key, "why": why})

    def drop(self, key: str) -> None:
        """Forget a file, whole or on its way."""
        with self._lock:
            if key in self._open:
                arriving, file = self._open.pop(key)
                file.close()
                shutil.rmtree(arriving.path.parent, ignore_errors=True)
            elif key in self.files:
                shutil.rmtree(self.files.pop(key).path.parent, ignore_errors=True)

    def close(self) -> None:
        """Remove everything."""
        with self._lock:
            for key in [*self._open, *self.files]:
                self.drop(key)
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None
