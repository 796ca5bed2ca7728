"""Files: up, down, listed, deleted. Nothing here holds a whole file in memory but `read`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from claude_magic.errors import ConnectionFailed, FileProblem, TimedOut, one_line
from claude_magic.wire._call import Call
from claude_magic.wire._multipart import Multipart
from claude_magic.wire._pages import items
from claude_magic.wire._sender import parsed
from claude_magic.wire._urls import segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from claude_magic.wire._http import Response
    from claude_magic.wire._sender import Sender

    Progress = Callable[[int, int], None]

_PATH = "/v1/files"
_PAGE = 1000  # the most the API gives at once
_STEM = 80  # characters of a name that its unfinished file shows: names may be as long as the file system allows


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file in the Files API.

    Attributes:
        id: begins with ``file_``.
        filename: untrusted: it may come from a model.
        mime_type: decides what the file may be used for.
        size_bytes: its size.
        created_at: RFC 3339.
        downloadable: only files that code execution made are.
        expires_at: RFC 3339, or None when it stays.
        raw: the API's object.

    """

    id: str
    filename: str
    mime_type: str
    size_bytes: int
    created_at: str
    downloadable: bool = False
    expires_at: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_wire(cls, item: Mapping[str, Any]) -> RemoteFile:
        """Read the API's object; `downloadable` and `expires_at` are missing in its old shape."""
        size, expires_at = item.get("size_bytes"), item.get("expires_at")
        return cls(
            id=str(item.get("id") or ""),
            filename=str(item.get("filename") or ""),
            mime_type=str(item.get("mime_type") or "application/octet-stream"),
            size_bytes=size if isinstance(size, int) else 0,
            created_at=str(item.get("created_at") or ""),
            downloadable=item.get("downloadable") is True,
            expires_at=expires_at if isinstance(expires_at, str) else None,
            raw=dict(item),
        )


class Files:
    """`/v1/files`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def upload(
        self,
        source: BinaryIO | Path,
        *,
        filename: str,
        mime_type: str,
        expires_in_seconds: int | None = None,
        progress: Progress | None = None,
    ) -> RemoteFile:
        r"""Send a file in pieces of 256 kB.

        Args:
            source: a path, or a seekable binary file, sent from its beginning; it can be sent again on a retry.
            filename: 1 to 255 characters, none of ``< > : " | ? * \ /`` and no control characters.
            mime_type: such as ``text/csv``; ``application/octet-stream`` cannot be used as a document.
            expires_in_seconds: 3,600 to 7,776,000; None keeps it until it is deleted.
            progress: called with bytes sent and bytes in all; starts over when a retry does.

        Raises:
            FileProblem: name, type or size are not allowed, or the source cannot be read; nothing was stored.
            APIError: the server refuses.
            ConnectionFailed: no answer came.

        """
        fields = {} if expires_in_seconds is None else {"expires_in_seconds": str(expires_in_seconds)}
        body = Multipart(source, filename=filename, mime_type=mime_type, fields=fields, progress=progress)
        headers = self._sender.headers({"accept": "application/json", "content-type": body.content_type})
        response = self._sender.send(Call("POST", _PATH, headers, body=body, length=len(body), repeatable=False))
        stored = RemoteFile.from_wire(parsed(response, self._sender.line.base_url))
        if stored.id:
            return stored
        raise ConnectionFailed(f"{self._sender.line.base_url} does not store files.", advice="Check the base URL.")

    def list(self, limit: int | None = None, *, ids: Sequence[str] | None = None) -> Iterator[RemoteFile]:
        """Yield files, newest first, fetching pages as they are needed.

        Args:
            limit: at most so many; None means all.
            ids: only these (up to 100), left out silently where unknown.

        """
        pairs: list[tuple[str, object]] = [("ids[]", one) for one in ids or ()]
        if not pairs:
            pairs = [("limit", _PAGE if limit is None else max(1, min(limit, _PAGE)))]
        found = (RemoteFile.from_wire(item) for item in items(self._sender, _PATH, pairs))
        return found if limit is None else islice(found, max(0, limit))

    def get(self, file_id: str) -> RemoteFile:
        """Return what is known about a file.

        Raises:
            NotFound: there is none of that id.

        """
        return RemoteFile.from_wire(self._sender.json("GET", f"{_PATH}/{segment(file_id)}")[0])

    def delete(self, file_id: str) -> None:
        """Delete a file.

        Raises:
            NotFound: there is none of that id.

        """
        self._sender.json("DELETE", f"{_PATH}/{segment(file_id)}")

    def download(self, file_id: str, to: Path, progress: Progress | None = None) -> Path:
        """Fetch a file's content into `to`, replacing what is there only once all of it has come.

        Args:
            file_id: a file that code execution made.
            to: where it goes; the folder must exist.
            progress: called with bytes received and bytes in all.

        Raises:
            FileProblem: less came than the file has, or `to` cannot be written; nothing is left behind.
            NotFound: there is no such file, or it has expired.
            BadRequest: it is not downloadable.
            ConnectionFailed: no answer came.

        """
        response = self._content(file_id)
        part = to.with_name(f".{to.name[:_STEM]}.{secrets.token_hex(4)}.part")
        try:
            expected = self._expected(file_id, response)
            _written(response, part, expected, progress, to)
            _moved(part, to)
        finally:
            response.close()
            part.unlink(missing_ok=True)
        return to

    def read(self, file_id: str, max_bytes: int = 64 << 20) -> bytes:
        """Return a file's content, for small files such as charts.

        Raises:
            FileProblem: it has more than `max_bytes`, or less came than it has.

        """
        response = self._content(file_id)
        try:
            expected = self._expected(file_id, response)
            if expected > max_bytes:
                raise FileProblem(
                    f"{one_line(file_id)} has {expected:,} bytes; {max_bytes:,} are the most to be read at once.",
                    advice="Download it to a path instead.",
                )
            return b"".join(_all_of(response, expected, None, file_id))
        finally:
            response.close()

    def _content(self, file_id: str) -> Response:
        headers = {"accept": "application/binary", "accept-encoding": "identity"}
        return self._sender.send(
            self._sender.call("GET", f"{_PATH}/{segment(file_id)}/content", headers=headers, whole=False)
        )

    def _expected(self, file_id: str, response: Response) -> int:
        """Return the size of the content: as announced, else as the file's metadata has it."""
        length = response.headers.get("content-length", "")
        return int(length) if length.isdecimal() and not response.encoded else self.get(file_id).size_bytes


def _written(response: Response, part: Path, expected: int, progress: Progress | None, to: Path) -> None:
    """Write the content to `part`."""
    try:
        with part.open("xb", buffering=0) as file:
            for piece in _all_of(response, expected, progress, to.name):
                file.write(piece)
    except OSError as problem:
        reason = problem.strerror
    else:
        return
    raise FileProblem(f"{to} cannot be written: {reason}.", advice="Choose another place.")


def _all_of(response: Response, expected: int, progress: Progress | None, name: str) -> Iterator[bytes]:
    """Yield the content, and stand for its being complete."""
    done = 0
    try:
        for piece in response.pieces():
            done += len(piece)
            if done > expected:
                break
            yield piece
            if progress is not None:
                progress(done, expected)
    except TimedOut:
        raise
    except ConnectionFailed:
        expected = max(expected, done + 1)  # broken off: too short, whatever was announced
    if done != expected:
        raise FileProblem(
            f"{one_line(name)} did not come down whole: {done:,} of {expected:,} bytes.", advice="Download it again."
        ) from None


def _moved(part: Path, to: Path) -> None:
    try:
        part.replace(to)
    except OSError as problem:
        reason = problem.strerror
    else:
        return
    raise FileProblem(f"{to} cannot be written: {reason}.", advice="Choose another place.")
