"""Frames as parquet: row groups of one fixed schema, made, hashed and written one at a time.

At no time is more than one row group in memory beside the user's frame. Text with few distinct values and categories
are dictionary-encoded, other columns are not: it costs more time than it saves bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claude_magic.frames import content
from claude_magic.frames.loadcode import METADATA_KEY
from claude_magic.frames.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import blake2b
    from typing import BinaryIO

    from claude_magic.frames.plan import Plan

_LOOKED_AT = 10_000  # values of a text column that decide whether it gets a dictionary


@dataclass(frozen=True, slots=True)
class ParquetSource(Source):
    """A frame as row groups of `schema`, a pyarrow schema with pandas' metadata and ours."""

    schema: Any

    def feed_schema(self, digest: blake2b) -> None:
        """Feed names, types, restoring metadata, and the loading code, which may so be kept by fingerprint."""
        feed_schema(digest, self.schema)
        digest.update(self.load_code("df").text().encode())

    def feed(self, digest: blake2b, table: Any) -> None:
        """Feed one row group."""
        for column in table.columns:
            content.feed(digest, column)

    def writer(self, file: BinaryIO, first: Any) -> Writer:
        """Open a writer; the first row group decides which columns get dictionaries."""
        return Writer(file, self.schema, self.schema.empty_table() if first is None else first)


def from_pandas(plan: Plan) -> ParquetSource:
    """Return a pandas frame's plan as a source for the writer."""
    import pandas as pd
    import pyarrow as pa

    empty = {c.stored: c.storage.convert(c.source.iloc[:0]) for c in plan.columns}
    head = pd.DataFrame(empty, copy=False)
    levels = [pd.Index(c.storage.convert(c.source.iloc[:0])) for c in plan.levels]
    if plan.native_index:
        names = list(plan.frame.index.names)
        head.index = pd.MultiIndex.from_arrays(levels, names=names) if len(levels) > 1 else levels[0].rename(names[0])
    else:
        for column, level in zip(plan.levels, levels, strict=True):
            head[column.stored] = level
    schema = _schema(pa, pa.Schema.from_pandas(head, preserve_index=plan.native_index), plan)

    def tables(rows: int) -> Iterator[Any]:
        for start in range(0, len(plan.frame), rows):
            arrays = [
                _array(pa, c.storage.convert(c.source.iloc[start : start + rows]), schema.field(n).type)
                for n, c in enumerate(plan.stored)
            ]
            yield pa.Table.from_arrays(arrays, schema=schema)

    return ParquetSource(len(plan.frame), len(plan.columns), tables, plan.conversions(), plan.load_code, schema)


def _schema(pa: Any, schema: Any, plan: Plan) -> Any:
    """Put the types in that an empty frame does not show, and the metadata that says the rest."""
    pandas = json.loads(schema.metadata[b"pandas"])
    for number, column in enumerate(plan.stored):
        if column.storage.arrow is not None:
            schema = schema.set(number, schema.field(number).with_type(column.storage.arrow))
        if column.storage.as_object:
            pandas["columns"][number].update(numpy_type="object", metadata=None)
    metadata = {b"pandas": json.dumps(pandas).encode()}
    if plan.notes():
        metadata[METADATA_KEY] = json.dumps(plan.notes()).encode()
    return pa.schema([schema.field(n) for n in range(len(plan.stored))], metadata=metadata)


def _array(pa: Any, column: Any, kind: Any) -> Any:
    array = pa.array(column, type=kind, from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def feed_schema(digest: blake2b, schema: Any) -> None:
    """Feed names, types and restoring metadata, without the versions of the libraries that wrote them."""
    for field in schema:
        digest.update(json.dumps([field.name, str(field.type), getattr(field.type, "ordered", None)]).encode())
    pandas = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    kept = {key: pandas.get(key) for key in ("index_columns", "columns", "column_indexes")}
    digest.update(json.dumps(kept, sort_keys=True).encode())
    digest.update((schema.metadata or {}).get(METADATA_KEY, b""))


class Writer:
    """Writes row groups into an open binary file; `close` writes the footer and leaves the file open."""

    def __init__(self, file: BinaryIO, schema: Any, first: Any) -> None:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(
            file, schema, compression="zstd", compression_level=1, use_dictionary=_few_distinct(first) or False
        )

    def write(self, table: Any) -> None:
        """Write one row group."""
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()

    def abandon(self) -> None:
        """Write no more: pyarrow would, when it forgets the writer, and complain about the closed file on stderr."""
        self._writer.is_open = False


def _few_distinct(table: Any) -> list[str]:
    """Return the columns that gain from a dictionary: categories, and text that repeats itself."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = []
    for field, column in zip(table.schema, table.columns, strict=True):
        text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        head = column.slice(0, _LOOKED_AT)
        if pa.types.is_dictionary(field.type) or (text and pc.count_distinct(head).as_py() * 2 <= len(head)):
            names.append(field.name)
    return names
