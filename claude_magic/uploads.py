"""A variable or a path goes up once: found by its content in the store, sent only when the server does not have it."""

from __future__ import annotations

import hashlib
import io
import mimetypes
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from claude_magic import frames, prompt
from claude_magic.containers import Mounted, safe_name
from claude_magic.errors import ClaudeMagicError, FileProblem, NotFound, RequestTooLarge
from claude_magic.rendering import size_in_words
from claude_magic.store import Store, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Mapping
    from contextlib import AbstractContextManager

    from claude_magic.wire import Client

_FORMATS = frozenset({"parquet", "csv", "xlsx"})
# What bytes are, by their first few: only what Claude can do something with.
_MAGIC = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"%PDF": ".pdf",
    b"PK\x03\x04": ".zip",
    b"PAR1": ".parquet",
}

# What each level of `--share` tells, for a receipt.
_TOLD = {
    "none": "the file's name",
    "schema": "names, types, number of rows, index, missing values",
    "stats": "the schema, figures of each column and its frequent values",
    "sample": "the schema, figures and some rows",
    "full": "the schema, figures and all rows that fit",
}
_QUOTED = 60  # characters of what is no path in an error
_OUTSIDE = "beside it go your prompt as you wrote it and, round by round, whatever code in the container prints"


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

    def alone(self, content: str) -> AbstractContextManager[object]:
        """Keep others from sending the same content meanwhile."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms something goes up.

    Attributes:
        share: how much of a frame may be told in the prompt (`frames.describe`); not what is in the file.
        mask: columns whose values are never told.
        keep: seconds until the server deletes the file; None keeps it until it is deleted.
        progress: called with file name, bytes done and bytes in all.
        format: the format of a frame's file (csv, parquet, xlsx); None leaves it to the spec.

    """

    share: str = "schema"
    mask: Collection[str] = ()
    keep: int | None = None
    progress: Callable[[str, int, int], None] | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What left this machine for one variable or path.

    Attributes:
        variable: the variable or path.
        filename: its name at the server.
        file_ids: the files there; several when the frame went up in parts, the manifest last.
        rows: rows of the frame, None for a plain file; `columns` likewise.
        size: bytes of all its files.
        sent: whether bytes were sent now; False when the server had them.
        share: how much of the frame the prompt tells.
        conversions: rules that were applied because the file format cannot hold something as it is.
        note: what was asked for and could not be done; empty when there is nothing of the kind.

    """

    variable: str
    filename: str
    file_ids: tuple[str, ...]
    rows: int | None
    columns: int | None
    size: int
    sent: bool
    share: str
    conversions: tuple[str, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        """Return one line."""
        shape = f", {self.rows:,} rows x {self.columns:,} columns" if self.rows is not None else ""
        done = "uploaded" if self.sent else "already there"
        count = len(self.conversions)
        converted = f"{count} conversion{'s' * (count > 1)}" if count else ""
        said = [f"{self.filename} {done} ({size_in_words(self.size)}{shape})", converted, self.note]
        return ", ".join(part for part in said if part)

    @property
    def report(self) -> str:
        """All of it in words: what went up, what the prompt tells of it, what was converted, and what is outside."""
        lines = [str(self), f"as {', '.join(self.file_ids)}, from the variable or path `{self.variable}`"]
        if self.share:
            lines.append(f"the prompt tells of it: {_TOLD[self.share.partition('=')[0]]} (--share {self.share})")
        lines += [f"converted: {line}" for line in self.conversions]
        return "\n".join([*lines, _OUTSIDE])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython's signature
        printer.text(self.report)


@dataclass(frozen=True, slots=True)
class Source:
    """Something that can go up: where its bytes come from and what identifies them."""

    variable: str
    fingerprint: str
    open: Callable[[], Generator[Piece, None, None]]
    describe: Callable[[], str] = lambda: ""
    share: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """One file to be sent; a frame above the limit has several, the manifest last."""

    file: BinaryIO | Path
    filename: str
    mime_type: str
    load_code: str = ""
    rows: int | None = None
    columns: int | None = None
    conversions: tuple[str, ...] = ()
    belongs: bool = False  # to a frame in parts, whose manifest names its files


def mount(
    host: Host, spec: str, namespace: Mapping[str, Any], terms: Terms | None = None
) -> tuple[list[Mounted], Receipt]:
    """Send the variable or path that `spec` names, unless the server has it already.

    `NAME.csv` and `NAME.xlsx`, where NAME is a frame and no such file exists, choose the format of the file.

    Returns:
        What to put into the container (several files when the frame went up in parts), and the receipt.

    Raises:
        UndefinedName: there is no such variable and no such file.
        FileProblem: it cannot go up.

    """
    return mount_all(host, (spec,), namespace, terms)[0]


def mount_all(
    host: Host, specs: Iterable[str], namespace: Mapping[str, Any], terms: Terms | None = None
) -> list[tuple[list[Mounted], Receipt]]:
    """Do what `mount` does for several; none is sent unless all of them are there.

    Raises:
        UndefinedName: there is no such variable and no such file.
        FileProblem: one cannot go up.

    """
    terms = terms or Terms()
    sources = [_source(spec, namespace, terms) for spec in specs]
    return [_mounted(host, source, terms) for source in sources]


def _mounted(host: Host, source: Source, terms: Terms) -> tuple[list[Mounted], Receipt]:
    with host.alone(source.fingerprint):  # who comes second finds what the first has sent
        uploads, sent = _uploaded(host, source, terms)
    whole = uploads[-1]  # the file itself, or the manifest of its parts
    receipt = Receipt(
        variable=source.variable,
        filename=whole.filename,
        file_ids=tuple(u.file_id for u in uploads),
        rows=whole.rows,
        columns=whole.columns,
        size=sum(u.size for u in uploads),
        sent=sent,
        share=source.share,
        conversions=tuple(whole.conversions.splitlines()),
        # The API sets a file's end when it is sent, and only then (Files page, 2026-11).
        note="" if sent or terms.keep is None else "`--keep` changes nothing for a file that is there",
    )
    parts = [Mounted(u.file_id, u.filename, source.variable) for u in uploads[:-1]]
    told = source.share != "none"
    about = Mounted(
        whole.file_id,
        whole.filename,
        source.variable,
        source.describe() if told else "",
        whole.load_code if told else "",
    )
    return [*parts, about], receipt


def source(spec: str, namespace: Mapping[str, Any]) -> Source:
    """Return what `mount` would send for `spec`, without sending it.

    Raises:
        UndefinedName: there is no such variable and no such file.
        FileProblem: it cannot go up.

    """
    return _source(spec, namespace, Terms())


def _source(spec: str, namespace: Mapping[str, Any], terms: Terms) -> Source:
    name, chosen = _named(spec, namespace)
    chosen = terms.format or chosen
    if name is not None and frames.is_frame(namespace[name]):
        frame = frames.collect(namespace[name], name)  # once: a lazy frame would be computed again by each of these
        return Source(
            variable=name,
            fingerprint=frames.fingerprint(frame, name, format=chosen),
            open=lambda: _frame_pieces(frame, name, chosen),
            describe=lambda: frames.describe(frame, name, share=terms.share, masked=terms.mask, format=chosen),
            share=terms.share,
        )
    value = namespace.get(spec, spec)
    if isinstance(value, bytes | bytearray):
        return _bytes_source(spec, bytes(value))
    if not isinstance(value, str | Path):
        raise FileProblem(
            f"`{spec}` is of type {type(value).__name__}; only DataFrames, Series, bytes and paths go up.",
            advice="Make it a DataFrame, or write it to a file and give the path.",
        )
    path = _path(value)
    if not path.is_file():
        raise _not_there(spec, path, namespace)
    return Source(spec, _path_hash(path), lambda: _one(Piece(path, safe_name(path.name), _type(path.name))))


def _path(value: str | Path) -> Path:
    """Return a path that can at least be asked about: too long a name, or an unknown `~user`, is one line."""
    try:
        path = Path(value).expanduser()
        path.exists()
        str(path).encode()
    except (OSError, RuntimeError, ValueError) as problem:
        text = str(value)
        shown = text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
        reason = str(getattr(problem, "strerror", None) or problem).rstrip(".")
        raise FileProblem(f"`{shown}` is no path: {reason}.", advice="Nothing was sent.") from None
    return path


def _named(spec: str, namespace: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the variable a spec names and the format it chooses for it: `sales.csv` is `sales` as CSV."""
    if spec in namespace:
        return spec, None
    stem, _, ending = spec.rpartition(".")
    if ending in _FORMATS and stem in namespace and frames.is_frame(namespace[stem]) and not _path(spec).exists():
        return stem, ending
    return None, None


def _bytes_source(name: str, value: bytes) -> Source:
    ending = next((end for start, end in _MAGIC.items() if value.startswith(start)), ".bin")
    digest = hashlib.blake2b(value, digest_size=20, person=b"bytes").hexdigest()
    return Source(name, digest, lambda: _one(Piece(io.BytesIO(value), name + ending, _type(name + ending))))


def _frame_pieces(frame: Any, name: str, chosen: str | None) -> Generator[Piece, None, None]:
    """Yield the encoded frame: one file, or parts and a manifest when it is over the API's 500 MB a file."""
    files = frames.encode_parts(frame, name, format=chosen)
    with ExitStack() as opened:
        for encoded in files:
            opened.enter_context(encoded)
        for encoded in files:
            receipt = encoded.receipt
            yield Piece(
                encoded.file,
                encoded.filename,
                encoded.mime_type,
                encoded.load_code,
                receipt.rows,
                receipt.columns,
                receipt.conversions,
                belongs=len(files) > 1,
            )


def _one(piece: Piece) -> Generator[Piece, None, None]:
    yield piece


def _type(filename: str) -> str:
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"


def _not_there(spec: str, path: Path, namespace: Mapping[str, Any]) -> Exception:
    if path.is_dir():
        return FileProblem(
            f"{path} is a folder; nothing was sent.", advice="Give a file in it, or make one zip file of it."
        )
    if spec.isidentifier() and spec not in namespace:
        return prompt.undefined(spec, namespace)
    # A variable may hold the path; otherwise as it was typed, which for a URL is not how a path shows itself.
    shown = str(path) if spec in namespace else spec
    return FileProblem(
        f"There is no file {shown}; nothing was sent.", advice="Give a variable's name, or the path of a file here."
    )


def _path_hash(path: Path) -> str:
    digest = hashlib.blake2b(path.name.encode(), digest_size=20, person=b"path")
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except OSError as problem:
        raise FileProblem(f"{path} cannot be read: {problem.strerror}.", advice="Nothing was sent.") from None
    return digest.hexdigest()


def _uploaded(host: Host, source: Source, terms: Terms) -> tuple[list[Upload], bool]:
    """Return the records of a source and whether it was sent now: only when the server does not have it (any more)."""
    scope = scope_of(host)
    known = host.store.uploaded(scope, source.fingerprint)
    if known and all(_still_there(host, upload.file_id) for upload in known):
        host.store.touch(scope, source.fingerprint)
        return known, False
    for upload in known:
        host.store.forget(upload.file_id)
    sent: list[Upload] = []
    try:
        with closing(source.open()) as pieces:
            for number, piece in enumerate(pieces):
                sent.append(_send(host, piece, source, terms, scope=scope, part=number))
        for upload in sent:
            host.store.remember(upload)
    except BaseException:  # also a KeyboardInterrupt: no half of a frame stays behind, and no file nobody knows of
        for upload in sent:
            with suppress(ClaudeMagicError):  # the first failure is the one to tell
                host.client.files.delete(upload.file_id)
        raise
    return sent, True


def _send(host: Host, piece: Piece, source: Source, terms: Terms, *, scope: str, part: int) -> Upload:
    def progress(done: int, total: int) -> None:
        if terms.progress is not None:
            terms.progress(piece.filename, done, total)

    try:
        remote = host.client.files.upload(
            piece.file,
            filename=piece.filename if piece.belongs else name_there(host, piece.filename, source.fingerprint),
            mime_type=piece.mime_type,
            expires_in_seconds=terms.keep,
            progress=progress,
        )
    except RequestTooLarge as refused:  # its own advice is to upload instead
        raise RequestTooLarge(
            f"{piece.filename} is too large for the server.",
            status=refused.status,
            error_type=refused.error_type,
            request_id=refused.request_id,
            advice="The API takes files up to 500 MB, a gateway perhaps less: send fewer rows or columns.",
        ) from None
    now = time.time()
    return Upload(
        scope=scope,
        fingerprint=source.fingerprint,
        part=part,
        file_id=remote.id,
        filename=remote.filename,
        variable=source.variable,
        size=remote.size_bytes,
        load_code=piece.load_code,
        rows=piece.rows,
        columns=piece.columns,
        conversions="\n".join(piece.conversions),
        uploaded_at=now,
        used_at=now,
    )


def scope_of(host: Host) -> str:
    """Return the workspace, which every answer's headers name; one cheap question is asked if none has come yet."""
    if host.client.workspace_id is None:
        host.models()
    return host.client.workspace_id or host.client.base_url


def name_there(host: Host, filename: str, fingerprint: str) -> str:
    """Return a name that no other content has: a changed `df` in the same container is another file, `df-2.parquet`.

    It says nothing of the content: the prompt names the file, and may tell no more than `--share` allows.
    """
    number = host.store.number(scope_of(host), filename, fingerprint)
    stem, dot, ending = filename.rpartition(".") if "." in filename else (filename, "", "")
    return filename if number == 1 else f"{stem}-{number}{dot}{ending}"


def _still_there(host: Host, file_id: str) -> bool:
    try:
        remote = host.client.files.get(file_id)
    except NotFound:
        return False
    return not _expired(remote.expires_at)


def _expired(expires_at: str | None) -> bool:
    """Tell whether a file's time is over: its metadata stays up to 30 days after its content (Files page, 2026-11)."""
    if not expires_at:
        return False
    from datetime import UTC, datetime

    try:
        end = datetime.fromisoformat(expires_at)
    except (ValueError, TypeError):  # a gateway's own format: unknown, and the file is there
        return False
    return (end if end.tzinfo else end.replace(tzinfo=UTC)) <= datetime.now(UTC)
