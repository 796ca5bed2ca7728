"""A variable or a path goes up once: found by its content in the store, sent only when the server does not have it."""

from __future__ import annotations

import hashlib
import mimetypes
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from claude_magic import frames, prompt
from claude_magic.containers import Mounted, safe_name
from claude_magic.errors import FileProblem, NotFound
from claude_magic.store import Store, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from claude_magic.wire import Client, RemoteFile


class Host(Protocol):
    """What an upload needs of a session."""

    @property
    def client(self) -> Client:
        """The client."""

    @property
    def store(self) -> Store:
        """Where uploads are remembered."""

    def models(self) -> list[dict[str, Any]]:
        """Ask the server something cheap, so that it names its workspace."""


@dataclass(frozen=True, slots=True)
class MountedUpload:
    """A file ready to be put into a container.

    Attributes:
        file: what Claude is told about it.
        note: what happened, for the footer.

    """

    file: Mounted
    note: str


def mount(host: Host, spec: str, namespace: Mapping[str, Any]) -> MountedUpload:
    """Send the variable or path that `spec` names, unless the server has it already.

    Raises:
        UndefinedName: there is no such variable and no such file.
        FileProblem: it cannot go up.

    """
    if spec in namespace and frames.is_frame(namespace[spec]):
        frame = namespace[spec]
        upload, note = _upload(host, spec, frames.fingerprint(frame, spec), lambda: _send_frame(host, frame, spec))
        described = frames.describe(frame, spec)
        return MountedUpload(Mounted(upload.file_id, upload.filename, spec, described, upload.load_code), note)
    path = Path(str(namespace.get(spec, spec))).expanduser() if _path_like(namespace.get(spec, spec)) else None
    if path is None:
        raise FileProblem(
            f"`{spec}` is a {type(namespace[spec]).__name__}; only DataFrames, Series and paths go up.",
            advice="Make it a DataFrame, or write it to a file and give the path.",
        )
    if not path.is_file():
        raise _not_there(spec, path, namespace)
    upload, note = _upload(host, spec, _content_hash(path), lambda: _send_path(host, path))
    return MountedUpload(Mounted(upload.file_id, upload.filename, spec), note)


def send(host: Host, spec: str, namespace: Mapping[str, Any]) -> Upload:
    """Send what `spec` names, as `mount` does, and return its record."""
    mounted = mount(host, spec, namespace).file
    record = host.store.source_of(mounted.file_id)
    if record is None:
        raise FileProblem(f"The record of `{spec}` vanished from the store.", advice="Send it again.")
    return record


def _path_like(value: Any) -> bool:
    return isinstance(value, str | Path)


def _not_there(spec: str, path: Path, namespace: Mapping[str, Any]) -> Exception:
    if spec.isidentifier():
        return prompt.undefined(spec, namespace)
    return FileProblem(f"There is no file {path}; nothing was sent.", advice="Check the path.")


def _upload(
    host: Host, variable: str, fingerprint: str, send: Callable[[], tuple[RemoteFile, str]]
) -> tuple[Upload, str]:
    """Return the record of this content and a note; send it when the server does not have it (any more)."""
    scope = _scope(host)
    known = host.store.uploaded(scope, fingerprint)
    if known is not None:
        if _still_there(host, known.file_id):
            return known, f"{known.filename} was already uploaded"
        host.store.forget(known.file_id)
    remote, load_code = send()
    record = Upload(scope, fingerprint, remote.id, remote.filename, variable, remote.size_bytes, load_code, time.time())
    host.store.remember(record)
    return record, f"{remote.filename} uploaded ({size(remote.size_bytes)})"


def _scope(host: Host) -> str:
    """Return the workspace, which every answer's headers name; one cheap question is asked if none has come yet."""
    if host.client.workspace_id is None:
        host.models()
    return host.client.workspace_id or host.client.base_url


def _still_there(host: Host, file_id: str) -> bool:
    try:
        host.client.files.get(file_id)
    except NotFound:
        return False
    return True


def _send_frame(host: Host, frame: Any, name: str) -> tuple[RemoteFile, str]:
    encoded = frames.encode(frame, name)
    try:
        remote = host.client.files.upload(encoded.file, filename=encoded.filename, mime_type=encoded.mime_type)
    finally:
        encoded.close()
    return remote, encoded.load_code


def _send_path(host: Host, path: Path) -> tuple[RemoteFile, str]:
    mime_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return host.client.files.upload(path, filename=safe_name(path.name), mime_type=mime_type), ""


def _content_hash(path: Path) -> str:
    digest = hashlib.blake2b(path.name.encode(), digest_size=20)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def size(count: int) -> str:
    """Say a number of bytes as people do: `512 B`, `1.2 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:  # noqa: PLR2004 - SI units, as the API's limits
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
