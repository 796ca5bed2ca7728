"""Takes a multipart upload in, straight to disk: memory does not grow with the file.

The parts of the form arrive one after the other. The part ``file`` is written to a scratch path of the store as it
comes, whether it has a file name or not; every other part is a short text.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from claude_magic.local.bodies import announced, too_large
from claude_magic.local.files import FORBIDDEN, MAX_NAME, FileRecord
from claude_magic.local.problems import Problem, refuse
from claude_magic.local.queries import whole_number

if TYPE_CHECKING:
    from starlette.requests import Request

    from claude_magic.local.files import FileStore

MAX_FILE = 500 * 2**20  # as of 2026-08
_OVERHEAD = 64 * 1024  # boundaries, part headers, short fields
_MAX_FIELD = 1024
_EXPIRY = (3600, 7_776_000)  # seconds


@dataclass
class _Form:
    """The callbacks of the multipart parser, and what they have gathered."""

    sink: BinaryIO
    fields: dict[str, bytes] = field(default_factory=dict)
    filename: str | None = None
    mime_type: str = ""
    has_file: bool = False
    size: int = 0
    ended: bool = False
    _headers: dict[str, bytes] = field(default_factory=dict)
    _name: bytes = b""
    _value: bytes = b""
    _part: str = ""

    def on_part_begin(self) -> None:
        self._headers = {}

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value
        self._name = self._value = b""

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition"))
        self._part = options.get(b"name", b"").decode(errors="replace")
        if self._part != "file":
            if self._part in self.fields or self._part != "expires_in_seconds":
                refuse(self._part, "Extra inputs are not permitted")
            self.fields[self._part] = b""
            return
        if self.has_file:
            refuse("file", "Extra inputs are not permitted")
        self.has_file = True
        name = options.get(b"filename")
        self.filename = None if name is None else name.decode(errors="replace")
        self.mime_type = self._headers.get("content-type", b"").decode("latin-1").strip()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file":
            self.size += end - start
            if self.size > MAX_FILE:
                raise too_large(MAX_FILE)
            self.sink.write(memoryview(data)[start:end])
        elif len(self.fields[self._part]) + end - start > _MAX_FIELD:
            refuse(self._part, f"String should have at most {_MAX_FIELD} characters")
        else:
            self.fields[self._part] += data[start:end]

    def on_end(self) -> None:
        self.ended = True

    def callbacks(self) -> dict[str, object]:
        """By the parser's names."""
        return {name: getattr(self, name) for name in dir(self) if name.startswith("on_")}


async def receive(request: Request, store: FileStore) -> FileRecord:
    """Store the file of a `POST /v1/files`.

    Raises:
        Problem: 413 over 500 MB; 400 for anything else wrong with the form.

    """
    if announced(request) > MAX_FILE + _OVERHEAD:
        raise too_large(MAX_FILE)
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        refuse("", "Expected a multipart/form-data body with a boundary")
    scratch = store.scratch()
    try:
        with scratch.open("xb") as sink:
            form = _Form(sink)
            await _parse(request, form, options[b"boundary"])
        if not form.ended:
            refuse("", "The multipart body ends before its last boundary")
        if not form.has_file:
            refuse("file", "Field required")
        expires = _expiry(form.fields.get("expires_in_seconds"))
        mime_type = form.mime_type or "application/octet-stream"
        name = checked_name(form.filename, mime_type)
        return store.add(scratch, filename=name, mime_type=mime_type, expires_in=expires)
    finally:
        scratch.unlink(missing_ok=True)


async def _parse(request: Request, form: _Form, boundary: bytes) -> None:
    try:
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]  # a typed dictionary by name
        async for chunk in request.stream():
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise Problem(400, f"The multipart body cannot be read: {error}") from None


def _expiry(text: bytes | None) -> int | None:
    if text is None:
        return None
    return whole_number(text.decode(errors="replace"), "expires_in_seconds", *_EXPIRY)


def checked_name(given: str | None, mime_type: str) -> str:
    """The name to keep: the last path component, or ``unnamed`` with the type's extension when there is none.

    Raises:
        Problem: 400, the name is too long or holds a forbidden character.

    """
    name = (given or "").rpartition("/")[2]
    if not name:
        return "unnamed" + (mimetypes.guess_extension(mime_type.split(";", maxsplit=1)[0].strip()) or "")
    if len(name) > MAX_NAME:
        refuse("filename", f"String should have at most {MAX_NAME} characters")
    if not FORBIDDEN.isdisjoint(name):
        refuse("filename", 'File names must not contain < > : " | ? * \\ / or control characters')
    return name
