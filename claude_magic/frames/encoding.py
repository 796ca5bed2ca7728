"""A frame as a file that can be uploaded, and the fingerprint of its content.

The file is an unlinked temporary one: its length is known, it can be read again for a second attempt, it has no path
to leak, and it is gone when it is closed. The fingerprint is taken over the same row groups that are written, so it
changes when, and only when, what would be uploaded changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from claude_magic.errors import FileProblem, UsageError, one_line
from claude_magic.frames import naming
from claude_magic.frames.recognise import collect

if TYPE_CHECKING:
    from typing import Self

    from claude_magic.frames.parquet import ParquetSource
    from claude_magic.frames.source import Source

ENCODER_VERSION = 2
"""Part of every fingerprint: raised when the same frame would be written differently."""

Format = Literal["parquet", "csv", "xlsx"]
MIME_TYPES: dict[str, str] = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the file holds.

    Attributes:
        rows: rows of the frame (in this file).
        columns: columns of the frame, without the index.
        conversions: stated rules that were applied, one line each; empty when the format held everything as it is.

    """

    rows: int
    columns: int
    conversions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Encoded:
    """A frame, ready to be uploaded. Close it, or use it in `with`.

    Attributes:
        file: binary, seekable, at its start, without a path.
        filename: what the file is called at the other end.
        mime_type: its type.
        size: its length in bytes.
        fingerprint: of the content; see `fingerprint`.
        receipt: what is in it.
        load_code: Python that reads the variable `path` and defines `variable`.
        variable: the frame's variable in `load_code`.

    """

    file: BinaryIO
    filename: str
    mime_type: str
    size: int
    fingerprint: str
    receipt: Receipt
    load_code: str
    variable: str

    def close(self) -> None:
        """Close the file, which removes it."""
        self.file.close()

    def __del__(self) -> None:
        """Close: what nobody holds any more must not linger on disk."""
        self.file.close()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()


def have(module: str) -> bool:
    """Whether a library is installed, without importing it."""
    return importlib.util.find_spec(module) is not None


def chosen_format(format: str | None) -> str:  # noqa: A002 - the word of the interface
    """Return the format: what was asked for, else parquet when pyarrow is installed, else CSV.

    Raises:
        UsageError: the format is none of ours.
        FileProblem: the library that writes it is not installed.

    """
    chosen = format or ("parquet" if have("pyarrow") else "csv")
    if chosen not in {"parquet", "csv", "xlsx"}:
        raise UsageError(f"A frame cannot be sent as {chosen!r}.", advice="Use parquet, csv or xlsx.")
    needed = {"parquet": "pyarrow", "xlsx": "openpyxl"}.get(chosen)
    if needed and not have(needed):
        raise FileProblem(f"Writing {chosen} needs {needed}.", advice=f"Run `pip install {needed}`, or use csv.")
    return chosen


def filename(name: str, format: str | None = None) -> str:  # noqa: A002
    """Return the name the frame's file will have."""
    return f"{naming.stem(name)}.{chosen_format(format)}"


def encode(obj: Any, name: str, *, format: str | None = None) -> Encoded:  # noqa: A002
    """Encode a frame as one file.

    Args:
        obj: a frame or series of any library (`is_frame`).
        name: the user's name for it; names the file and the variable in the loading code.
        format: ``parquet`` (default with pyarrow), ``csv`` or ``xlsx``.

    Raises:
        FileProblem: the frame cannot be written.
        UsageError: `obj` is no frame, or the format none of ours.

    """
    chosen = chosen_format(format)
    frame = collect(obj, name)
    return written(name, chosen, source_of(frame, chosen))


def written(name: str, chosen: str, source: Source) -> Encoded:
    """Write a source into a new temporary file, hashing as it goes."""
    digest = new_digest(name, chosen)
    source.feed_schema(digest)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - handed on open
    try:
        _write(source, file, digest, chosen)
    except BaseException:
        discard(file)
        raise
    receipt = Receipt(source.rows, source.columns, source.conversions)
    return finished(file, name, receipt, (chosen, digest.hexdigest()), source.load_code(name).text())


def discard(file: BinaryIO) -> None:
    """Close a file that is not wanted; on a full disk closing fails while it flushes, and closes all the same."""
    with contextlib.suppress(OSError):
        file.close()


def _write(source: Source, file: BinaryIO, digest: hashlib.blake2b, chosen: str) -> None:
    writer = None
    with problems(chosen), contextlib.ExitStack() as undo:
        for table in source.tables(source.group_rows()):
            if writer is None:
                writer = source.writer(file, table)
                undo.callback(writer.abandon)
            source.feed(digest, table)
            writer.write(table)
        (writer or source.writer(file, None)).close()
        undo.pop_all()


def fingerprint(obj: Any, name: str, *, format: str | None = None) -> str:  # noqa: A002
    """Return a hash over values, names, types, index, file name, format and encoder version: 32 hexadecimal digits.

    Equal fingerprints mean equal content: it is a BLAKE2b hash of all of it, not of samples nor of row hashes. They
    also mean equal loading code, so it can be kept beside the file's id instead of being made again.
    """
    chosen = chosen_format(format)
    source = source_of(collect(obj, name), chosen)
    digest = new_digest(name, chosen)
    source.feed_schema(digest)
    with problems(chosen):
        for table in source.tables(source.group_rows()):
            source.feed(digest, table)
    return digest.hexdigest()


def source_of(frame: Any, chosen: str) -> Source:
    """Return a collected frame as a source of pieces of the chosen format."""
    if chosen == "parquet":
        return parquet_source(frame)
    from claude_magic.frames import tabular

    with problems(chosen):
        return tabular.source(frame, chosen)


def parquet_source(frame: Any) -> ParquetSource:
    """Return a collected frame (pandas, or a pyarrow Table) as a source of row groups."""
    import pyarrow as pa

    if isinstance(frame, pa.Table):
        from claude_magic.frames.arrow import from_arrow

        return from_arrow(frame)
    from claude_magic.frames.parquet import from_pandas
    from claude_magic.frames.plan import plan

    with problems("parquet"):
        return from_pandas(plan(frame, pa))


def new_digest(name: str, chosen: str) -> hashlib.blake2b:
    """Return a digest that has been fed what stands outside the data."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{ENCODER_VERSION}/{chosen}/{naming.stem(name)}/{naming.variable(name)}\0".encode())
    return digest


def finished(file: BinaryIO, name: str, receipt: Receipt, made: tuple[str, str], code: str) -> Encoded:
    """Measure and rewind a written file; `made` is its format and fingerprint."""
    chosen, digest = made
    size = file.seek(0, 2)
    file.seek(0)
    return Encoded(file, filename(name, chosen), MIME_TYPES[chosen], size, digest, receipt, code, naming.variable(name))


class problems:  # noqa: N801 - reads as a word: `with problems("parquet"):`
    """Turns what pyarrow and pandas raise for data they cannot write into one line."""

    def __init__(self, chosen: str) -> None:
        self._chosen = chosen

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Raise FileProblem for errors about values, and for a full disk; others pass."""
        if isinstance(error, OSError):
            raise FileProblem(
                f"The frame cannot be written to a temporary file: {error.strerror or error}.",
                advice="Make room on the disk (or set TMPDIR to another one), then run the cell again.",
            ) from error
        if isinstance(error, ValueError | TypeError | OverflowError | ArithmeticError | NotImplementedError):
            raise FileProblem(
                f"The frame cannot be written as {self._chosen}: {one_line(error).rstrip('. ')}.",
                advice="Convert that column (for example to text), or send it as csv.",
            ) from error
