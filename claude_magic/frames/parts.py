"""A frame too large for one upload: several files of whole row groups, and a manifest that says how they go together.

The Files API takes 500 MB a file (claude-api/files.md). Every part is a complete parquet file of the same schema. The
manifest is JSON: `name`, `rows`, `columns`, and `parts` with `file` and `rows` of each.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from claude_magic.frames import naming
from claude_magic.frames.encoding import (
    MIME_TYPES,
    Encoded,
    Receipt,
    chosen_format,
    discard,
    encode,
    new_digest,
    parquet_source,
    problems,
)
from claude_magic.frames.recognise import collect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import blake2b
    from typing import BinaryIO

    from claude_magic.frames.parquet import ParquetSource
    from claude_magic.frames.source import PieceWriter

LIMIT_BYTES = 500_000_000
_FOOTER = 0.02  # share of a part kept for the footer, which grows with its row groups


def encode_parts(
    obj: Any,
    name: str,
    *,
    limit_bytes: int = LIMIT_BYTES,
    format: str | None = None,  # noqa: A002
) -> list[Encoded]:
    """Encode a frame as files of at most `limit_bytes`.

    Returns:
        One file when it fits; otherwise the parts in order and, last, the manifest. All have the same loading code:
        it reads `path`, which is the manifest's, and looks for the parts beside it.

    Raises:
        FileProblem: as `encode`; CSV and Excel are not divided, so they come back as one file whatever its size.

    """
    chosen = chosen_format(format)
    frame = collect(obj, name)
    if chosen != "parquet":
        return [encode(frame, name, format=chosen)]
    cutter = _Cutter(parquet_source(frame), limit_bytes)
    with ExitStack() as undo, problems(chosen):
        undo.callback(cutter.discard)
        digest = cutter.cut(new_digest(name, chosen))
        undo.pop_all()
    return cutter.finish(name, digest)


class _Cutter:
    """Writes row groups into one file after another."""

    def __init__(self, source: ParquetSource, limit: int) -> None:
        self._source = source
        self._limit = int(limit * (1 - _FOOTER))
        self.files: list[BinaryIO] = []
        self.rows: list[int] = []
        self._writer: PieceWriter | None = None

    def cut(self, digest: blake2b) -> str:
        """Write all of the source and return the fingerprint."""
        self._source.feed_schema(digest)
        for table in self._source.tables(self._source.group_rows(self._limit)):
            self._source.feed(digest, table)
            for piece in self._small(table):
                self._write(piece)
        if self._writer is None:
            self._open(None)
        self._close()
        return digest.hexdigest()

    def _small(self, table: Any) -> Iterator[Any]:
        """Halve a row group until it fits: rows further down can be far longer than the first ones."""
        if table.nbytes <= self._limit or table.num_rows == 1:
            yield table
            return
        half = table.num_rows // 2
        yield from self._small(table.slice(0, half))
        yield from self._small(table.slice(half))

    def _write(self, table: Any) -> None:
        if self._writer is None or self.files[-1].tell() + table.nbytes > self._limit:
            self._open(table)
        if self._writer is not None:
            self._writer.write(table)
            self.rows[-1] += table.num_rows

    def _open(self, table: Any) -> None:
        self._close()
        self.files.append(tempfile.TemporaryFile())  # noqa: SIM115 - handed on open
        self.rows.append(0)
        self._writer = self._source.writer(self.files[-1], table)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def discard(self) -> None:
        """Close, and so remove, what was written."""
        if self._writer is not None:
            self._writer.abandon()
        for file in self.files:
            discard(file)

    def finish(self, name: str, digest: str) -> list[Encoded]:
        """Return the files as `Encoded`, with the manifest when there are several."""
        stem, variable = naming.stem(name), naming.variable(name)
        single = len(self.files) == 1
        # Parts are found by name, so another content's parts must not have the same ones.
        part = f"{stem}-{digest[:6]}.part"
        names = [f"{stem}.parquet"] if single else [f"{part}-{n:03d}.parquet" for n in range(len(self.files))]
        code = self._source.load_code(name)
        if not single:
            _read_parts(code)
        encoded = []
        for number, (file, filename, rows) in enumerate(zip(self.files, names, self.rows, strict=True)):
            receipt = Receipt(rows, self._source.columns, self._source.conversions)
            mark = digest if single else f"{digest}-{number}"
            size = file.seek(0, 2)
            file.seek(0)
            encoded.append(Encoded(file, filename, MIME_TYPES["parquet"], size, mark, receipt, code.text(), variable))
        return encoded if single else [*encoded, self._manifest(name, names, digest, code.text())]

    def _manifest(self, name: str, names: list[str], digest: str, code: str) -> Encoded:
        parts = [{"file": file, "rows": rows} for file, rows in zip(names, self.rows, strict=True)]
        whole = {"name": name, "rows": self._source.rows, "columns": self._source.columns, "parts": parts}
        data = json.dumps(whole).encode()
        file = tempfile.TemporaryFile()  # noqa: SIM115 - handed on open
        file.write(data)
        file.seek(0)
        receipt = Receipt(self._source.rows, self._source.columns, self._source.conversions)
        filename = f"{naming.stem(name)}-{digest[:6]}.manifest.json"
        return Encoded(
            file, filename, MIME_TYPES["json"], len(data), f"{digest}-manifest", receipt, code, naming.variable(name)
        )


def _read_parts(code: Any) -> None:
    """Make the loading code read the parts that the manifest at `path` names, and put them together."""
    code.before = [
        "with open(path, encoding='utf-8') as manifest:",
        "    parts = [os.path.join(os.path.dirname(path), part['file']) for part in json.load(manifest)['parts']]",
        "read = [pd.read_parquet(part) for part in parts]",
    ]
    # A part that came with an index has the frame's own labels; else each counts from 0, and the whole is to.
    code.read = "pd.concat(read, ignore_index=isinstance(read[0].index, pd.RangeIndex))"
    code.read_arrow = "pa.concat_tables([pq.read_table(part, columns={columns}) for part in parts])"
    code.notes_from = "parts[0]"
