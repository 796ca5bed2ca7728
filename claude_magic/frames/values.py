"""What the dial `--share` may add to the schema: statistics of columns, and rows. Values are escaped and kept short."""

from __future__ import annotations

import json
import math
import random
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claude_magic.frames import naming, objects, storage

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOP = 5  # most frequent values that are named
_LONGEST = 80  # characters of one value
_SEED = 20261121  # any fixed number: the same frame gives the same rows


@dataclass(frozen=True, slots=True)
class Masked:
    """Positions of the columns and of the index levels whose values are never shown."""

    columns: frozenset[int]
    levels: frozenset[int]


def statistics(name: str, column: Any) -> str:
    """Return the statistics line of one pandas column."""
    import pandas as pd

    if isinstance(column.dtype, pd.SparseDtype):
        column = column.sparse.to_dense()
    if isinstance(column.dtype, pd.ArrowDtype):  # pandas computes with few of Arrow's types
        column = storage.storage(column, sys.modules["pyarrow"]).convert(column)
    present = column.dropna()
    is_ = pd.api.types
    quoted = naming.quoted(name)
    if len(present) == 0:
        return f"- {quoted}: no values"
    if is_.is_bool_dtype(column.dtype):
        true = int(present.astype(bool).sum())
        return f"- {quoted}: {true} true, {len(present) - true} false"
    if is_.is_numeric_dtype(column.dtype) and not is_.is_complex_dtype(column.dtype):
        return f"- {quoted}: {_numbers(present)}"
    if is_.is_datetime64_any_dtype(column.dtype) or is_.is_timedelta64_dtype(column.dtype):
        return f"- {quoted}: min {shown(present.min())}, max {shown(present.max())}"
    return f"- {quoted}: {_frequent(present)}"


def _numbers(present: Any) -> str:
    import numpy as np

    values = present.astype("float64")
    with np.errstate(all="ignore"):  # infinities among the values: their mean is inf or nan, and says so
        return _figures(values, values.quantile([0.25, 0.5, 0.75]))


def _figures(values: Any, found: Any) -> str:
    words = [f"min {_number(values.min())}"]
    words += [f"{share} {_number(found[q])}" for share, q in (("25%", 0.25), ("50%", 0.5), ("75%", 0.75))]
    words += [f"max {_number(values.max())}", f"mean {_number(values.mean())}"]
    if len(values) > 1:
        words.append(f"sd {_number(values.std())}")
    return ", ".join(words)


def _number(value: Any) -> str:
    return f"{float(value):.6g}"


def _frequent(present: Any) -> str:
    texts = present.map(_text) if present.dtype == object else present.astype("str")
    counts = texts.value_counts(sort=False)
    best = sorted(zip(counts.index, counts, strict=True), key=lambda pair: (-pair[1], str(pair[0])))
    seen = [(text, count) for text, count in best[:_TOP] if count]
    return f"{int((counts > 0).sum())} distinct; " + ", ".join(f"{_short(str(text))} {count}" for text, count in seen)


def _text(value: Any) -> str:
    return naming.well_formed(value if isinstance(value, str) else str(objects.nearest(value)))


def _short(text: str) -> str:
    return naming.quoted(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def shown(value: Any) -> str:
    """Return one value as JSON on one line: numbers as they are, missing as null, all else as short text."""
    if isinstance(value, bool | int) or type(value).__name__ == "bool":
        return json.dumps(bool(value) if not isinstance(value, int) or isinstance(value, bool) else value)
    if (
        hasattr(value, "dtype")
        and getattr(value, "ndim", 1) == 0
        and hasattr(value, "item")
        and value.dtype.kind in "iuf"
    ):
        value = value.item()
    if isinstance(value, int):
        return str(value) if abs(value) < 10**_LONGEST else _short(str(value))
    if isinstance(value, float):
        return "null" if math.isnan(value) else repr(value) if math.isfinite(value) else f'"{value}"'
    if value is None or type(value).__name__ in {"NaTType", "NAType"}:
        return "null"
    return _short(_text(value) if not isinstance(value, list | dict) else objects.value_json(value))


def positions(rows: int, wanted: int) -> list[int]:
    """Return which rows a sample shows: a third from the start, a third from the end, the rest drawn in between."""
    if wanted >= rows:
        return list(range(rows))
    first, last = -(-wanted // 3), wanted // 3
    between = range(first, rows - last)
    drawn = random.Random(_SEED).sample(between, wanted - first - last)  # noqa: S311 - a sample, no secret
    return [*range(first), *sorted(drawn), *range(rows - last, rows)]


def row_lines(frame: Any, numbers: list[int], masked: Masked) -> Iterator[str]:
    """Yield one JSON list per row: row number, index levels (unless it counts rows), columns.

    Args:
        frame: a pandas DataFrame.
        numbers: positions of the rows.
        masked: whose values are not shown.

    """
    from claude_magic.frames.plan import counts, index_levels

    sources = [] if counts(frame.index) else index_levels(frame.index)
    levels = [(level.array, n in masked.levels) for n, level in enumerate(sources)]
    columns = [(frame.iloc[:, n].array, n in masked.columns) for n in range(frame.shape[1])]
    for number in numbers:
        cells = ['"masked"' if hidden else shown(data[number]) for data, hidden in (*levels, *columns)]
        yield "[" + ", ".join([str(number), *cells]) + "]"
