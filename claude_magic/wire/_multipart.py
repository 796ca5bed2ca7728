"""The body of an upload: multipart, in pieces, of a length known beforehand, as often as it must be sent.

Laid out as the SDK writes it: plain fields first, then the file; a file name outside ASCII goes out as raw UTF-8.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from claude_magic.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress = Callable[[int, int], None]

T = TypeVar("T")
PIECE: Final = 256 * 1024
MAX_FILE_BYTES: Final = 500 << 20  # Files page: 500 MB; read as 2^20, the lenient reading
_MAX_NAME: Final = 255
_FORBIDDEN: Final = re.compile(r'[<>:"|?*\\/\x00-\x1f]')
_MIME: Final = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(; ?[\w!#$&^.+-]+=[\w!#$&^.+\"-]+)*", re.ASCII)


class Multipart:
    """One file and its fields, ready to be iterated; `len()` says how many bytes that yields.

    Args:
        source: a path, opened anew each time, or a seekable binary file, sent from its beginning.
        filename: what the server is to call it.
        mime_type: what it is.
        fields: plain form fields.
        progress: called with the file's bytes sent so far and in all.

    Raises:
        FileProblem: the name or the type is not allowed, the file is too large, or cannot be read.

    """

    def __init__(
        self,
        source: BinaryIO | Path,
        *,
        filename: str,
        mime_type: str,
        fields: dict[str, str],
        progress: Progress | None = None,
    ) -> None:
        self._name = checked_name(filename)
        if not _MIME.fullmatch(mime_type):
            raise FileProblem(f"{mime_type!r} is no media type.", advice="One looks like text/csv.")
        self._source, self._progress = source, progress
        self.size = self._measured()
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._head = _head(boundary, self._name, mime_type, fields)
        self._foot = f"\r\n--{boundary}--\r\n".encode()

    def __len__(self) -> int:
        return len(self._head) + self.size + len(self._foot)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        source = self._opened()
        try:
            yield from self._content(source)
        finally:
            if source is not self._source:
                source.close()
        yield self._foot

    def _content(self, source: BinaryIO) -> Iterator[bytes]:
        done = 0
        while done < self.size:
            piece = self._try(lambda: source.read(min(PIECE, self.size - done)))  # noqa: B023 - called at once
            if not piece:
                raise FileProblem(f"{self._name} became shorter while it was being sent.", advice="Send it again.")
            yield piece
            done += len(piece)
            if self._progress is not None:
                self._progress(done, self.size)

    def _measured(self) -> int:
        source = self._source
        size = self._try(lambda: source.stat().st_size if isinstance(source, Path) else source.seek(0, os.SEEK_END))
        if isinstance(source, Path) and not source.is_file():
            raise FileProblem(f"{source.name} is not a file.", advice="Name a file.")
        if size > MAX_FILE_BYTES:
            raise FileProblem(
                f"{self._name} has {size / 1e6:,.0f} MB; the Files API takes up to 500 MB.",
                advice="Send part of it, or a format that compresses (parquet).",
            )
        return size

    def _opened(self) -> BinaryIO:
        source = self._source
        if isinstance(source, Path):
            return self._try(lambda: source.open("rb"))
        self._try(lambda: source.seek(0))
        return source

    def _try(self, action: Callable[[], T]) -> T:
        """Return what `action` returns, with the operating system's refusals as ours."""
        try:
            return action()
        except (OSError, ValueError) as problem:  # ValueError: a closed file
            reason = getattr(problem, "strerror", None) or "it is closed"
        raise FileProblem(f"{self._name} cannot be read: {reason}.", advice="Check the file and run the cell again.")


def _head(boundary: str, name: str, mime_type: str, fields: dict[str, str]) -> bytes:
    plain = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    )
    file = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {mime_type}\r\n\r\n"
    )
    return (plain + file).encode()


def checked_name(name: str) -> str:
    """Return `name` when the Files API takes it.

    Raises:
        FileProblem: it has not 1 to 255 characters, or holds a forbidden one. Source: Files page, 2026-08.

    """
    advice = 'Names have 1 to 255 characters, none of < > : " | ? * \\ / and no control characters.'
    if not name or len(name) > _MAX_NAME:
        raise FileProblem(f"A file name of {len(name)} characters cannot go up.", advice=advice)
    wrong = _FORBIDDEN.search(name)
    if wrong:
        raise FileProblem(f"The file name {name!r} holds {wrong[0]!r}, which the Files API refuses.", advice=advice)
    try:
        name.encode()
    except UnicodeEncodeError:  # undecodable bytes of a file system
        raise FileProblem(f"The file name {name!r} is not Unicode text.", advice="Rename the file.") from None
    return name
