"""Frames of Arrow data (Polars, pyarrow, DuckDB, Ibis …) as row groups, without a detour through pandas.

Columns keep their Arrow type where parquet and pandas can read it back, and become the plain type of the same values
where not. Whole numbers and booleans with nulls get pandas metadata, so that `pd.read_parquet` gives `Int64` and
`boolean` instead of floats and objects.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claude_magic.frames import naming, objects
from claude_magic.frames.loadcode import LoadCode
from claude_magic.frames.rules import stated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from claude_magic.frames.parquet import ParquetSource

AS_TEXT = {b"claude_magic": b"text"}
"""Metadata of a field whose values were no Arrow values and have been made text."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an Arrow table.

    Attributes:
        stored: its name in the file.
        convert: a chunked array → one of the stored type.
        kind: the stored type.
        rule: key of the rule that was applied, or empty.
        dtype: the pandas dtype that metadata must name (`Int64` …), or empty.

    """

    stored: str
    convert: Callable[[Any], Any]
    kind: Any
    rule: str = ""
    dtype: str = ""


def from_arrow(table: Any) -> ParquetSource:
    """Return a pyarrow Table as a source of row groups."""
    import pyarrow as pa

    from claude_magic.frames.parquet import ParquetSource

    table = table.unify_dictionaries()
    columns = plan_columns(table)
    schema = pa.schema([(c.stored, c.kind) for c in columns], metadata={b"pandas": _pandas_metadata(columns)})

    def tables(rows: int) -> Iterator[Any]:
        for start in range(0, table.num_rows, rows):
            part = table.slice(start, rows)
            arrays = [c.convert(part.column(n)) for n, c in enumerate(columns)]
            yield pa.Table.from_arrays(arrays, schema=schema)

    def load_code(name: str) -> LoadCode:
        code = LoadCode(name, [c.stored for c in columns])
        code.restores = [(c.stored, "{s}.astype('datetime64[s]')") for c in columns if c.rule == "arrow-date"]
        if not columns:
            code.after.append(f"{code.variable} = {code.variable}.reindex(range({table.num_rows}))")
        return code

    return ParquetSource(table.num_rows, len(columns), tables, _conversions(columns, table), load_code, schema)


def _conversions(columns: list[Column], table: Any) -> tuple[str, ...]:
    applied: dict[str, list[str]] = {}
    for column in columns:
        if column.rule:
            applied.setdefault(column.rule, []).append(naming.quoted(column.stored))
    renamed = [c.stored for c, name in zip(columns, table.column_names, strict=True) if c.stored != name]
    if renamed:
        applied["duplicate-names-arrow"] = [naming.quoted(name) for name in renamed]
    return tuple(stated(key, names) for key, names in applied.items())


def plan_columns(table: Any) -> list[Column]:
    """Decide how each column of a table travels; looks at types and null counts only."""
    names = naming.unique(table.column_names)
    return [_column(name, table.schema.field(n), table.column(n).null_count) for n, name in enumerate(names)]


def _column(name: str, field: Any, nulls: int) -> Column:
    import pyarrow as pa

    is_, kind, plain = pa.types, field.type, plain_type(field.type)
    if AS_TEXT.items() <= (field.metadata or {}).items():
        return Column(name, lambda a: a, kind, "arrow-other")
    if plain is None:
        return Column(name, lambda a: cast(a, None), pa.large_string(), "arrow-other")
    if is_.is_date(plain):
        return Column(name, lambda a: cast(a, plain).cast(pa.date32()), pa.date32(), "arrow-date")
    if (is_.is_integer(plain) or is_.is_boolean(plain)) and nulls:
        dtype = "boolean" if is_.is_boolean(plain) else str(plain).replace("i", "I").replace("uI", "UI")
        return Column(name, lambda a: cast(a, plain), plain, "arrow-nullable", dtype)
    rule = "arrow-nested" if is_.is_nested(plain) else "arrow-plain" if plain != kind else ""
    return Column(name, (lambda a: cast(a, plain)) if plain != kind else (lambda a: a), plain, rule)


def plain_type(kind: Any) -> Any:
    """Return the type parquet and pandas hold with the same values; None when there is none."""
    import pyarrow as pa

    is_ = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if is_.is_dictionary(kind):
        values = plain_type(kind.value_type)
        text = values is not None and (is_.is_string(values) or is_.is_large_string(values))
        return pa.dictionary(_signed(kind.index_type), values, kind.ordered) if text else values
    if is_.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    if is_.is_union(kind) or str(kind) == "month_day_nano_interval":
        return None
    return _nested(kind) if is_.is_nested(kind) else _VIEWS.get(str(kind), lambda: kind)()


def _large_string() -> Any:
    import pyarrow as pa

    return pa.large_string()


def _large_binary() -> Any:
    import pyarrow as pa

    return pa.large_binary()


_VIEWS: dict[str, Callable[[], Any]] = {"string_view": _large_string, "binary_view": _large_binary}


def _signed(kind: Any) -> Any:
    """Return the signed index type that holds the same codes: those of pandas are signed."""
    import pyarrow as pa

    wider = {"uint8": pa.int16(), "uint16": pa.int32(), "uint32": pa.int64(), "uint64": pa.int64()}
    return wider.get(str(kind), kind)


def _nested(kind: Any) -> Any:
    """Return a nested type with plain children; None when there are none, or one has no plain type."""
    import pyarrow as pa

    is_ = pa.types
    children = [plain_type(kind.field(n).type) for n in range(kind.num_fields)]
    if not children or any(child is None for child in children):
        return None
    if is_.is_struct(kind):
        return pa.struct([(kind.field(n).name, child) for n, child in enumerate(children)])
    if is_.is_map(kind):
        return pa.map_(plain_type(kind.key_type), plain_type(kind.item_type))
    if is_.is_fixed_size_list(kind) and kind.list_size:
        return pa.list_(children[0], kind.list_size)
    return pa.large_list(children[0]) if "large" in str(kind).partition("<")[0] else pa.list_(children[0])


def cast(array: Any, plain: Any) -> Any:
    """Return an array as its `plain_type`: by way of storage, decoded values or dictionary, whichever the type needs.

    Where there is no such type (None) as texts.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if plain is None:
        return _texts(array)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if isinstance(array, pa.ListViewArray | pa.LargeListViewArray):
        # The cast of pyarrow 26 leaves one offset too few when the last list is null.
        return pa.array(array.to_pylist(), plain)
    if isinstance(array, pa.RunEndEncodedArray):
        array = pc.run_end_decode(array)
    if isinstance(array, pa.DictionaryArray):
        if not pa.types.is_dictionary(plain):
            return cast(array.dictionary_decode(), plain)
        values = array.dictionary.cast(plain.value_type)
        return pa.DictionaryArray.from_arrays(array.indices.cast(plain.index_type), values, ordered=plain.ordered)
    try:
        return array.cast(plain)
    except pa.ArrowNotImplementedError:  # lists without room, maps of views: no cast of pyarrow 26
        return pa.array(array.to_pylist(), plain)


def _texts(array: Any) -> Any:
    import pyarrow as pa

    values = array.to_pylist()
    return pa.array([None if v is None else objects.value_json(v) for v in values], pa.large_string())


def _pandas_metadata(columns: list[Column]) -> bytes:
    """Return the part of pandas' metadata that `pd.read_parquet` looks at: which dtype a column becomes."""
    described = [
        {
            "name": c.stored,
            "field_name": c.stored,
            "pandas_type": c.dtype.lower(),
            "numpy_type": c.dtype,
            "metadata": None,
        }
        for c in columns
        if c.dtype
    ]
    return json.dumps({"index_columns": [], "column_indexes": [], "columns": described}).encode()
