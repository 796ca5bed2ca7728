"""How one pandas column is stored in a text format (CSV, Excel): what is written, the dtype to read it with, the rest.

As in `storage`, what is done depends on the dtype alone, so that the loading code says nothing of the values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from claude_magic.errors import FileProblem
from claude_magic.frames import objects
from claude_magic.frames.storage import categories_code, complex_code, complex_text, foreign_order, same, zone_name

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


@dataclass(frozen=True, slots=True)
class Text:
    """How one column travels as text.

    Attributes:
        convert: a slice of the column → a Series of numbers, booleans, datetimes or texts.
        dtype: what pandas reads it with.
        rules: keys of `RULES` that were applied.
        restore: expression for the restored column, with ``{s}`` for the loaded one.

    """

    convert: Callable[[Any], Any]
    dtype: str = "str"
    rules: tuple[str, ...] = ()
    restore: str = ""


def text(column: pd.Series) -> Text:
    """Decide how a column is stored as text."""
    import pandas as pd

    dtype: Any = column.dtype
    for kind, stored in _by_class(pd):
        if isinstance(dtype, kind):
            return stored(column)
    if isinstance(dtype, pd.api.extensions.ExtensionDtype):
        return _foreign(column)
    return _swapped(column) if foreign_order(dtype) else _numpy(column)


def _by_class(pd: Any) -> tuple[tuple[type, Callable[[Any], Text]], ...]:
    return (
        (pd.SparseDtype, _sparse),
        (pd.CategoricalDtype, lambda column: _categorical(column.dtype)),
        (pd.StringDtype, lambda column: Text(same, str(column.dtype))),
        (pd.PeriodDtype, lambda c: Text(_texts, "str", ("text-period",), f"{{s}}.astype({str(c.dtype)!r})")),
        (pd.IntervalDtype, lambda _: Text(_texts, "str", ("text-interval",))),
        (pd.DatetimeTZDtype, _datetimes),
        (pd.ArrowDtype, _arrow_backed),
    )


def _swapped(column: Any) -> Text:
    native = column.dtype.newbyteorder("=")
    inner = _numpy(column.astype(native))
    return replace(inner, convert=lambda s: inner.convert(s.astype(native)), rules=("byte-order", *inner.rules))


def _numpy(column: Any) -> Text:
    dtype: Any = column.dtype
    if dtype.kind == "c":
        return Text(complex_text, "str", ("complex",), complex_code(dtype))
    if dtype == "float16":
        return Text(lambda s: s.astype("float32"), "float32", restore="{s}.astype('float16')")
    if dtype.kind == "f" and dtype.itemsize > 8:  # noqa: PLR2004 - bytes of the widest float that is written
        return Text(lambda s: s.astype("float64"), "float64", ("long-double",))
    if dtype.kind == "M":
        return _datetimes(column)
    if dtype.kind == "m":
        return Text(_counts, "Int64", ("text-timedelta",), f"{{s}}.astype({str(dtype)!r})")
    return Text(same, str(dtype)) if dtype.kind in "biuf" else _objects(column)


def _foreign(column: Any) -> Text:
    """Store nullable numbers as numbers, and dtypes of other libraries as the objects they hold."""
    dtype: Any = column.dtype
    if type(dtype).__module__.split(".")[0] != "pandas":
        inner = _objects(column.astype(object))
        return replace(inner, convert=lambda s: inner.convert(s.astype(object)), rules=("extension", *inner.rules))
    if str(dtype).startswith("Float"):
        return Text(lambda s: s.astype(str(dtype).lower()), str(dtype), ("text-float",))
    return Text(same, str(dtype))


def _objects(column: pd.Series) -> Text:
    kind = objects.kind(column.astype(object), None)
    convert = objects.as_json if kind.name == "json" or (kind.name == "text" and _surrogates(column)) else _texts
    return Text(convert, "str", ("text-object",))


def _surrogates(column: pd.Series) -> bool:
    """Whether a text column holds half characters, which UTF-8 cannot."""
    return any(isinstance(value, str) and "\ud800" <= max(value, default="") <= "\udfff" for value in column.array)


def _texts(column: pd.Series) -> pd.Series:
    import pandas as pd

    missing = column.isna().to_numpy()
    texts = [None if gone else _one(value) for value, gone in zip(column.array, missing, strict=True)]
    return pd.Series(texts, index=column.index, dtype=object)


def _one(value: Any) -> str:
    if isinstance(value, str):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)


def _counts(column: pd.Series) -> pd.Series:
    return column.astype("int64").astype("Int64").mask(column.isna())


def _sparse(column: Any) -> Text:
    from claude_magic.frames.storage import sparse_code

    inner = text(column.iloc[:0].sparse.to_dense())
    return Text(
        lambda s: inner.convert(s.sparse.to_dense()),
        inner.dtype,
        ("sparse", *inner.rules),
        inner.restore or sparse_code(column.dtype),
    )


def _categorical(dtype: Any) -> Text:
    def convert(column: pd.Series) -> pd.Series:
        return _texts(column.astype(object))

    restore = categories_code(dtype.categories.dtype)
    return Text(convert, "category", ("text-category",), restore)


def _datetimes(column: pd.Series) -> Text:
    """Store times as ISO text; years that ISO text does not hold in four digits are refused."""
    import pandas as pd

    dtype: Any = column.dtype
    years = [found.year for found in (column.min(), column.max()) if not pd.isna(found)] if len(column) else []
    if any(not 1 <= year <= 9999 for year in years):  # noqa: PLR2004 - what four digits hold
        raise FileProblem("Times outside the years 1 to 9999 cannot be written as text.", advice="Send it as parquet.")
    if not isinstance(dtype, pd.DatetimeTZDtype):
        return Text(same, "str", ("text-datetime",), f"pd.to_datetime({{s}}, format='ISO8601').astype({str(dtype)!r})")
    zone = zone_name(dtype.tz)
    code = f"pd.to_datetime({{s}}, utc=True, format='ISO8601').astype('datetime64[{dtype.unit}, {zone or 'UTC'}]')"
    return Text(
        lambda s: s.dt.tz_convert("UTC"), "str", ("text-datetime",) if zone else ("text-datetime", "zone"), code
    )


def _arrow_backed(column: Any) -> Text:
    """Store Arrow-backed numbers, texts and times like pandas' own, everything else like objects."""
    import pyarrow as pa

    dtype: Any = column.dtype
    kind, near = dtype.pyarrow_dtype, ""
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        near = "boolean" if pa.types.is_boolean(kind) else str(kind).replace("i", "I").replace("uI", "UI")
    elif pa.types.is_floating(kind):
        near = {"halffloat": "float32", "float": "float32"}.get(str(kind), "float64")
    elif pa.types.is_timestamp(kind):
        near = f"datetime64[{kind.unit}{', ' + kind.tz if kind.tz else ''}]"
    else:
        near = "string" if pa.types.is_string(kind) or pa.types.is_large_string(kind) else "object"
    inner = text(column.astype(near))
    return replace(inner, convert=lambda s: inner.convert(s.astype(near)), rules=("text-arrow", *inner.rules))
