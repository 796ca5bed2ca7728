"""How one pandas column is stored in a file: the conversion, the rule it follows, and the code that undoes it.

What is done depends on the column's dtype alone, except in object columns, and so does the restoring code: the code
is shown to Claude, and at `--share schema` nothing that Claude is shown may depend on the values. What does depend on
them (which object columns hold JSON) travels in the file's own metadata, read back by code that is always the same.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from claude_magic.frames import objects
from claude_magic.frames.arrow import cast, plain_type
from claude_magic.frames.naming import unique, well_formed

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

# Arrow-backed dtypes whose names pandas reads back from a file's metadata (tried with pandas 3.1, pyarrow 26).
_NAMEABLE = ("is_integer", "is_floating", "is_boolean", "is_timestamp", "is_date32", "is_duration", "is_null")


@dataclass(frozen=True, slots=True)
class Storage:
    """How one column travels.

    Attributes:
        convert: a slice of the column → a Series the writer takes.
        rules: keys of `RULES` that were applied.
        restore: Python expression for the restored column, with ``{s}`` for the loaded one; empty when nothing is due.
        note: what the file's metadata says about the column: ``json``, ``labels``, ``values``, ``kept``, ``arrow``;
            empty for columns whose dtype says everything.
        arrow: the pyarrow type, where the dtype does not determine it.
        as_object: pandas' metadata must not name the dtype (it could not be read back).
        native_index: pyarrow's metadata restores an index of this dtype by itself.

    """

    convert: Callable[[Any], Any]
    rules: tuple[str, ...] = ()
    restore: str = ""
    note: str = ""
    arrow: Any = None
    as_object: bool = False
    native_index: bool = False


def is_object(dtype: Any) -> bool:
    """Whether a dtype is numpy's `object`."""
    return getattr(dtype, "kind", "") == "O" and str(dtype) == "object"


def same(column: pd.Series) -> pd.Series:
    """Return the column as it is."""
    return column


def storage(column: pd.Series, arrow: Any) -> Storage:
    """Decide how a column is stored in parquet.

    Args:
        column: the whole column (only object columns are read).
        arrow: the module pyarrow.

    """
    import pandas as pd

    dtype: Any = column.dtype
    for kind, stored in _by_class(pd):
        if isinstance(dtype, kind):
            return stored(column, arrow)
    if not isinstance(dtype, pd.api.extensions.ExtensionDtype):
        return _swapped(column, arrow) if foreign_order(dtype) else _numpy(column, arrow)
    return Storage(same) if type(dtype).__module__.split(".")[0] == "pandas" else _foreign(column, arrow)


def _by_class(pd: Any) -> tuple[tuple[type, Callable[[Any, Any], Storage]], ...]:
    return (
        (pd.SparseDtype, _sparse),
        (pd.CategoricalDtype, lambda column, arrow: _categorical(column.dtype, arrow)),
        (pd.ArrowDtype, lambda column, arrow: _arrow_backed(column.dtype, arrow)),
        (pd.DatetimeTZDtype, lambda column, _: _zoned(column.dtype)),
        (pd.StringDtype, lambda column, _: Storage(same, native_index=str(column.dtype) == "str")),
        (pd.PeriodDtype, lambda *_: Storage(same, native_index=True)),
        (pd.IntervalDtype, lambda *_: Storage(same, native_index=True)),
    )


def foreign_order(dtype: Any) -> bool:
    """Whether these are numbers or times of the other byte order."""
    return dtype.kind in "iufcmM" and not dtype.isnative


def _swapped(column: Any, arrow: Any) -> Storage:
    native = column.dtype.newbyteorder("=")
    inner = _numpy(column.iloc[:0].astype(native), arrow)
    return replace(inner, convert=lambda s: inner.convert(s.astype(native)), rules=("byte-order", *inner.rules))


def _numpy(column: pd.Series, arrow: Any) -> Storage:
    dtype: Any = column.dtype
    if dtype.kind == "O":
        return _object(column, arrow)
    if dtype.kind in "SUV":
        return _foreign(column, arrow)
    if dtype.kind == "c":
        return Storage(complex_text, ("complex",), complex_code(dtype), arrow=arrow.large_string())
    if dtype.kind == "f" and dtype.itemsize > 8:  # noqa: PLR2004 - bytes of the widest float that files have
        return Storage(lambda s: s.astype("float64"), ("long-double",))
    if dtype == "datetime64[s]":
        return Storage(same, ("seconds",), "{s}.astype('datetime64[s]')")
    return Storage(same, native_index=dtype != "float16")


def complex_code(dtype: Any) -> str:
    """Return the expression that reads complex numbers back from text."""
    kind = "complex64" if dtype.itemsize == 8 else "complex128"  # noqa: PLR2004 - bytes
    # `Series.map(complex)` would make nan+infj of infj (pandas joins the parts by arithmetic).
    return f"pd.Series([complex(text) for text in {{s}}], index={{s}}.index, dtype={kind!r})"


def complex_text(column: pd.Series) -> pd.Series:
    """Return complex numbers as text that `complex` reads back exactly; a missing one is `(nan+0j)`, a value like any.

    pandas takes a complex number with NaN in either part for missing; keeping the text keeps the other part.
    """
    import pandas as pd

    return pd.Series([repr(complex(v)) for v in column.to_numpy()], index=column.index, dtype=object)


def _object(column: pd.Series, arrow: Any) -> Storage:
    kind = objects.kind(column, arrow)
    if kind.name == "json":
        rule = "mixed" if kind.exact else "objects"
        return Storage(objects.as_json, (rule,), note="json", arrow=kind.arrow)
    if kind.name == "datetime":
        unit = kind.arrow.unit if arrow else "us"
        return Storage(lambda s: _datetimes(s, unit), note="values", arrow=kind.arrow)
    return Storage(same, note="values", arrow=kind.arrow)


def _datetimes(column: pd.Series, unit: str) -> pd.Series:
    import pandas as pd

    return pd.Series(list(column.array), index=column.index, dtype=f"datetime64[{unit}]")


def _foreign(column: pd.Series, arrow: Any) -> Storage:
    """Store the dtypes of other libraries, and numpy's bytes and structures, as the Python objects they hold."""
    inner = _object(column.astype(object), arrow)
    return replace(
        inner, convert=lambda s: inner.convert(s.astype(object)), rules=("extension", *inner.rules), as_object=True
    )


def _sparse(column: Any, arrow: Any) -> Storage:
    dtype: Any = column.dtype
    inner = storage(column.iloc[:0].sparse.to_dense(), arrow)
    return Storage(
        lambda s: inner.convert(s.sparse.to_dense()),
        ("sparse", *inner.rules),
        inner.restore or sparse_code(dtype),
        inner.note,
        inner.arrow,
    )


def sparse_code(dtype: Any) -> str:
    """Return the expression that makes numbers and booleans sparse again; nothing for other subtypes."""
    if dtype.subtype.kind not in "biuf":
        return ""
    fill = dtype.fill_value.item() if hasattr(dtype.fill_value, "item") else dtype.fill_value
    shown = repr(fill) if fill == fill and abs(fill) != float("inf") else f"float('{fill}')"  # noqa: PLR0124
    return f"{{s}}.astype(pd.SparseDtype({str(dtype.subtype)!r}, {shown}))"


def _zoned(dtype: Any) -> Storage:
    zone = zone_name(dtype.tz)
    if zone is None:
        return Storage(lambda s: s.dt.tz_convert("UTC"), ("zone",))
    restore = f"{{s}}.astype({f'datetime64[s, {zone}]'!r})" if dtype.unit == "s" else ""
    return Storage(same, ("seconds",) if restore else (), restore, native_index=not restore)


def zone_name(zone: Any) -> str | None:
    """Return the zone's IANA name or `+hh:mm`; None when it has neither."""
    if importlib.util.find_spec("pyarrow") is None:
        name = getattr(zone, "key", None) or getattr(zone, "zone", None) or str(zone)
        return str(name).removeprefix("UTC") if str(name) not in {"UTC", "tzutc()"} else "UTC"
    import pyarrow as pa

    try:
        name = str(pa.lib.tzinfo_to_string(zone))
        pa.lib.string_to_tzinfo(name)
    except (ValueError, TypeError, LookupError, pa.ArrowException):
        return None
    return name


def _categorical(dtype: Any, arrow: Any) -> Storage:
    labels = dtype.categories
    if is_object(labels.dtype):
        texts, rules, note = _object_labels(list(labels))
        restore = ""
    elif str(labels.dtype) in {"str", "string"}:
        texts, rules, note, restore = list(labels), (), "", ""
    else:
        texts, rules, note = [str(label) for label in labels], ("category-labels",), ""
        restore = categories_code(labels.dtype)
    made = _as_categorical(texts, bool(dtype.ordered), rules, restore, note)
    if texts or arrow is None:
        return made
    return replace(made, arrow=arrow.dictionary(arrow.int8(), arrow.large_string(), bool(dtype.ordered)))


def _as_categorical(texts: list[str], ordered: bool, rules: tuple[str, ...], restore: str, note: str) -> Storage:  # noqa: FBT001
    import pandas as pd

    stored = pd.CategoricalDtype(pd.Index(unique(texts), dtype="str"), ordered=ordered)

    def convert(column: pd.Series) -> pd.Series:
        return pd.Series(pd.Categorical.from_codes(column.cat.codes, dtype=stored), index=column.index)

    return Storage(convert, rules, restore, note, native_index=not (rules or note))


def _object_labels(labels: list[Any]) -> tuple[list[str], tuple[str, ...], str]:
    if all(isinstance(label, str) and well_formed(label) == label for label in labels):
        return labels, (), "kept"
    if objects.scalar_labels(labels):
        return [objects.value_json(label) for label in labels], ("category-labels",), "labels"
    return [str(label) for label in labels], ("category-objects",), "kept"


def categories_code(dtype: Any) -> str:
    """Return the expression that gives text labels their type back; made from the labels' dtype, never from them.

    Empty when the labels are text or objects.
    """
    import pandas as pd

    if is_object(dtype) or isinstance(dtype, pd.StringDtype):
        return ""
    cats = "{s}.cat.categories.astype('str')"
    if isinstance(dtype, pd.IntervalDtype):
        halves = [
            f"pd.Index([t[1:-1].split(', ')[{n}] for t in {cats}]).astype({str(dtype.subtype)!r})" for n in (0, 1)
        ]
        new = f"pd.IntervalIndex.from_arrays({halves[0]}, {halves[1]}, closed={dtype.closed!r})"
    elif str(dtype) in {"bool", "boolean"}:
        new = f"{cats} == 'True'"
    else:
        new = f"{cats}.astype({str(dtype)!r})"
    return f"{{s}}.cat.rename_categories({new})"


def _arrow_backed(dtype: Any, arrow: Any) -> Storage:
    kind = dtype.pyarrow_dtype
    if any(getattr(arrow.types, test)(kind) for test in _NAMEABLE):
        return Storage(same)
    if arrow.types.is_date64(kind) or kind == arrow.time32("s"):  # parquet has days and milliseconds
        return Storage(same, ("arrow",), f"{{s}}.astype({str(dtype)!r})", arrow=kind, as_object=True)
    plain = plain_type(kind)
    if plain != kind:
        rules = ("arrow-other",) if plain is None else ("arrow-plain",)
        return Storage(_plainly(plain), rules, note="arrow", arrow=plain or arrow.large_string(), as_object=True)
    return Storage(same, ("arrow",), note="arrow", arrow=kind, as_object=True)


def _plainly(plain: Any) -> Callable[[Any], Any]:
    """Return the conversion of Arrow-backed columns to a plain type, or to text where there is none."""

    def convert(column: pd.Series) -> pd.Series:
        import pandas as pd
        import pyarrow as pa

        made = cast(pa.array(column.array), plain)
        return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([made])), index=column.index)

    return convert
