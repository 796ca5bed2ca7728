"""Object columns: what their values are, and how they travel.

A column of dtype `object` can hold anything, so it is looked at, slice by slice: all text, dates, times of day,
decimals, bytes or naive datetimes have a column type of their own; everything else becomes one JSON text per value
(rule ``mixed``). What JSON cannot say is replaced by the nearest thing it can (rule ``objects``, not reversible).
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

SLICE = 65_536  # rows looked at together: a few MB of text, so that looking costs no memory to speak of
_JSON_SCALARS = (str, int, float, bool, type(None))
# `<object at 0x7f…>`: says nothing of the value, and would differ at every start.
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# What pandas.api.types.infer_dtype answers for the kinds that have a column type of their own.
_PLAIN = {"string": "text", "empty": "text", "date": "date", "time": "time", "decimal": "decimal", "bytes": "bytes"}


@dataclass(frozen=True, slots=True)
class Kind:
    """What an object column holds.

    Attributes:
        name: ``text``, ``date``, ``time``, ``decimal``, ``bytes``, ``datetime`` or ``json``.
        arrow: the pyarrow type to store it as; None without pyarrow.
        exact: reading it back gives equal values.

    """

    name: str
    arrow: Any = None
    exact: bool = True


def slices(length: int, step: int = SLICE) -> Iterator[slice]:
    """Yield the slices of at most `step` rows that make up `length` rows."""
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def kind(column: pd.Series, arrow: Any) -> Kind:
    """Look at an object column.

    Args:
        column: the whole column.
        arrow: the module pyarrow, or None when it is not there.

    """
    import pandas as pd

    inferred = pd.api.types.infer_dtype(column, skipna=True)
    found = None
    if inferred in _PLAIN and _alike(column, inferred):
        found = _typed(column, _PLAIN[inferred], arrow)
    elif inferred in {"datetime", "datetime64"}:
        found = _naive_datetimes(column, arrow)
    return found or Kind("json", arrow and arrow.large_string(), exact=all(map(_is_json, column.array)))


def _alike(column: pd.Series, inferred: str) -> bool:
    """Whether what pandas calls dates and times is nothing more: a datetime is a date to it, and a zone is lost."""
    if inferred not in {"date", "time"}:
        return True
    return not any(hasattr(value, "hour") and (inferred == "date" or value.tzinfo) for value in column.dropna().array)


def _typed(column: pd.Series, name: str, arrow: Any) -> Kind | None:
    """Return the kind when every value fits its column type, else None (lone surrogates, infinite decimals …)."""
    if arrow is None:
        return Kind(name)
    wanted = {
        "text": arrow.large_string(),
        "bytes": arrow.large_binary(),
        "date": arrow.date32(),
        "time": arrow.time64("us"),
    }.get(name)
    found = []
    try:
        for rows in slices(len(column)):
            found += [arrow.array(column.iloc[rows], type=wanted, from_pandas=True).type]
    except (arrow.ArrowException, UnicodeError, OverflowError, TypeError, ValueError):
        return None
    return Kind(name, wanted if name != "decimal" else _common_decimal(found, arrow))


def _common_decimal(found: list[Any], arrow: Any) -> Any:
    """Return the narrowest decimal type that holds all of `found`; 76 digits is the widest there is."""
    decimals = [t for t in found if arrow.types.is_decimal(t)]
    scale = max(t.scale for t in decimals)
    precision = scale + max(t.precision - t.scale for t in decimals)
    wide = 38
    return (arrow.decimal128 if precision <= wide else arrow.decimal256)(precision, scale)


def _naive_datetimes(column: pd.Series, arrow: Any) -> Kind | None:
    present = column[column.notna()]
    if any(getattr(value, "tzinfo", None) is not None for value in present.array):
        return None
    fine = any(getattr(value, "nanosecond", 0) for value in present.array)
    return Kind("datetime", arrow and arrow.timestamp("ns" if fine else "us"))


def as_json(column: pd.Series) -> pd.Series:
    """Return one JSON text per value; missing values stay missing."""
    import pandas as pd

    missing = column.isna().to_numpy()
    texts = [None if gone else value_json(value) for value, gone in zip(column.array, missing, strict=True)]
    return pd.Series(texts, index=column.index, dtype=object)


def value_json(value: Any) -> str:
    """Return one value as JSON text, what JSON cannot say as the nearest thing it can."""
    try:
        return json.dumps(value, default=nearest)
    except (TypeError, ValueError, RecursionError):  # keys that are not text; a list that contains itself
        return json.dumps(nearest(str(value)))


def nearest(value: Any) -> Any:
    """Return the nearest thing to `value` that JSON can say; the `default` of `json.dumps`."""
    if hasattr(value, "isoformat"):
        return None if value != value else value.isoformat()  # noqa: PLR0124 - NaT is the one that differs from itself
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if type(value).__module__ == "numpy":
        return value.tolist()
    return without_address(str(value))


def without_address(text: str) -> str:
    """Return a repr without the object's place in memory."""
    return _ADDRESS.sub("", text)


def _is_json(value: Any) -> bool:
    """Whether JSON gives back exactly this value (missing values are another rule's matter)."""
    if type(value) is list:
        return all(map(_is_json, value))
    if type(value) is dict:
        return all(type(key) is str and _is_json(item) for key, item in value.items())
    return type(value) in _JSON_SCALARS or type(value).__name__ in {"NAType", "NaTType"}


def scalar_labels(labels: Any) -> bool:
    """Whether all labels of a category are scalars that JSON gives back (a list could not be a label)."""
    return all(
        type(label) in _JSON_SCALARS and not (isinstance(label, float) and math.isnan(label)) for label in labels
    )
