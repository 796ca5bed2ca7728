"""Which objects are frames, and how to get at their data, without importing anyone's library.

A frame can only be there if its library has been imported: so `sys.modules` is asked. pandas, Polars, pyarrow,
DuckDB, Dask, Ibis and Narwhals are known by class; any other object is a frame when it offers the Arrow PyCapsule
stream.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from claude_magic.errors import ClaudeMagicError, FileProblem, UsageError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

# (module as imported, dotted class names in it, library)
_KNOWN = (
    ("pandas", ("DataFrame", "Series"), "pandas"),
    ("polars", ("DataFrame", "LazyFrame", "Series"), "polars"),
    ("pyarrow", ("Table", "RecordBatch"), "pyarrow"),
    ("duckdb", ("DuckDBPyRelation",), "duckdb"),
    ("dask.dataframe", ("DataFrame", "Series"), "dask"),
    ("ibis.expr.types", ("Table", "Column"), "ibis"),
    ("narwhals", ("DataFrame", "LazyFrame", "Series"), "narwhals"),
    ("narwhals.stable.v1", ("DataFrame", "LazyFrame", "Series"), "narwhals"),
    ("narwhals.stable.v2", ("DataFrame", "LazyFrame", "Series"), "narwhals"),
)


def library(obj: Any) -> str | None:
    """Return the library a frame belongs to, ``arrow`` for other Arrow streams, None for no frame.

    A reader gives its rows once: whoever describes it takes them from who uploads it, so it is no frame.
    """
    if isinstance(obj, type):
        return None
    for module, classes, name in _KNOWN:
        if (there := sys.modules.get(module)) is not None and isinstance(obj, tuple(_classes(there, classes))):
            return name
    pyarrow = sys.modules.get("pyarrow")
    reader = pyarrow is not None and isinstance(obj, tuple(_classes(pyarrow, ("RecordBatchReader",))))
    return "arrow" if hasattr(type(obj), "__arrow_c_stream__") and not reader else None


def _classes(module: Any, names: tuple[str, ...]) -> Iterator[type]:
    return (found for name in names if isinstance(found := getattr(module, name, None), type))


def is_frame(obj: Any) -> bool:
    """Whether `obj` is a DataFrame, table, relation or Series of any library; imports nothing."""
    return library(obj) is not None


def collect(obj: Any, name: str) -> Any:
    """Return the frame's data as a pandas DataFrame (pandas, Dask) or a pyarrow Table (all others).

    Lazy frames are computed; each call computes them again, so collect once and hand on what came. A Series becomes
    a one-column frame named by the series, else by `name`. Without pyarrow everything becomes pandas.

    Raises:
        UsageError: `obj` is no frame.
        FileProblem: computing a lazy frame failed.

    """
    found = library(obj)
    if found is None:
        raise UsageError(f"`{name}` is a {type(obj).__name__}, not a frame.")
    try:
        return _collectors[found](obj, name)
    except (ClaudeMagicError, KeyboardInterrupt):
        raise
    except Exception as error:  # any library's own error while it computes
        reason = one_line(f"{type(error).__name__}: {error}").rstrip(". ")
        raise FileProblem(
            f"The {found} frame `{name}` could not be computed: {reason}.",
            advice="Compute it to a pandas DataFrame first.",
        ) from error


def _pandas(obj: Any, name: str) -> Any:
    if hasattr(obj, "to_frame"):
        return obj.to_frame(name if obj.name is None else obj.name)
    return obj


def _polars(obj: Any, name: str) -> Any:
    if hasattr(obj, "collect"):
        obj = obj.collect()
    elif hasattr(obj, "to_frame"):
        obj = (obj.alias(name) if obj.name == "" else obj).to_frame()
    strange = [column for column in obj.get_columns() if str(column.dtype) in {"Object", "Int128", "UInt128"}]
    table = _table(obj.with_columns([_as_text(column) for column in strange]) if strange else obj, name)
    return _told_apart(table, [column.name for column in strange]) if strange else table


def _as_text(column: Any) -> Any:
    """Return Polars' objects or 128-bit integers as text: Arrow has neither (rule ``arrow-other``)."""
    from claude_magic.frames.objects import without_address

    polars = sys.modules["polars"]
    texts = [None if v is None else without_address(str(v)) for v in column.to_list()]
    return polars.Series(column.name, texts, dtype=polars.String)


def _told_apart(table: Any, names: list[str]) -> Any:
    """Return a table that says of these columns that they were made text, so that the receipt can."""
    if not hasattr(table, "schema"):  # a pandas frame: there is no pyarrow
        return table
    from claude_magic.frames.arrow import AS_TEXT

    schema = table.schema
    for number in range(len(schema)):
        if schema.field(number).name in names:
            schema = schema.set(number, schema.field(number).with_metadata(AS_TEXT))
    return table.cast(schema)


def _table(obj: Any, name: str) -> Any:
    """Return an eager frame as a pyarrow Table, or by way of plain lists where there is no pyarrow."""
    import importlib.util

    if importlib.util.find_spec("pyarrow") is None:
        import narwhals as nw
        import pandas as pd

        return pd.DataFrame(nw.from_native(obj, eager_only=True).to_dict(as_series=False))
    import pyarrow as pa

    if not isinstance(obj, pa.Table):
        obj = obj.to_arrow() if hasattr(obj, "to_arrow") else _read(obj, name, pa)
    return _with_whole_dictionaries(obj, pa)


def _read(obj: Any, name: str, pa: Any) -> Any:
    """Return what an Arrow stream holds, as a table; an array becomes its one column."""
    try:
        return pa.table(obj)
    except (pa.ArrowInvalid, TypeError):  # a stream of values, not of rows
        return pa.table({name: pa.chunked_array(obj)})


def _with_whole_dictionaries(table: Any, pa: Any) -> Any:
    """Return a table in which no dictionary has a null among its values: parquet and pandas have it in the codes."""
    for number, field in enumerate(table.schema):
        column = table.column(number)
        if pa.types.is_dictionary(field.type) and any(chunk.dictionary.null_count for chunk in column.chunks):
            whole = [_without_null_label(chunk, pa) for chunk in column.chunks]
            table = table.set_column(number, field, pa.chunked_array(whole, field.type))
    return table


def _without_null_label(chunk: Any, pa: Any) -> Any:
    """Return a dictionary array whose labels, in their order, are those that are not null."""
    import pyarrow.compute as pc

    labels = chunk.dictionary
    there = labels.is_valid()
    moved = pc.if_else(there, pc.subtract(pc.cumulative_sum(there.cast(pa.int64())), 1), None)
    codes = moved.take(chunk.indices).cast(chunk.indices.type)
    return pa.DictionaryArray.from_arrays(codes, labels.drop_null(), ordered=chunk.type.ordered)


def _duckdb(obj: Any, name: str) -> Any:
    import importlib.util

    if importlib.util.find_spec("pyarrow") is None:
        return obj.df()
    return _table(obj, name)


def _dask(obj: Any, name: str) -> Any:
    return _pandas(obj.compute(), name)


def _ibis(obj: Any, name: str) -> Any:
    if not hasattr(obj, "columns"):
        obj = obj.as_table()
    return _table(obj.to_pyarrow(), name)


def _narwhals(obj: Any, name: str) -> Any:
    return collect(obj.to_native(), name)


_collectors = {
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _table,
    "duckdb": _duckdb,
    "dask": _dask,
    "ibis": _ibis,
    "narwhals": _narwhals,
    "arrow": _table,
}
