"""Pairs of frames that the dial must not tell apart at `schema`: equal but for every value.

`pairs()` gives two frames of the same names, types, length and missing counts; no value, category or index label of
one is in the other, and what is missing is missing elsewhere.
"""

from __future__ import annotations

import datetime as dt
import decimal

import pandas as pd
from hypothesis import strategies as st

A = "AAAA"  # stands in every value of the first frame of a pair, B in every value of the second
# For each dtype two values that share nothing; an object column may hold anything, and says nothing of what it holds.
VALUES = {
    "int64": (111_111, 222_222),
    "float64": (111.125, -222.25),
    "complex128": (111j, 222 + 0j),
    "bool": (True, False),
    "str": (A, "ß\u2028\n`B"),
    "string": (A, ""),
    "Int64": (111_111, 222_222),
    "boolean": (True, False),
    "datetime64[us]": (pd.Timestamp("1999-01-01"), pd.Timestamp("2222-02-02 02:02")),
    "datetime64[ns, Europe/Berlin]": (pd.Timestamp("1999-01-01", tz="UTC"), pd.Timestamp("2222-02-02", tz="UTC")),
    "timedelta64[s]": (pd.Timedelta(111, "s"), pd.Timedelta(-222, "D")),
    "period[M]": (pd.Period("1999-01"), pd.Period("2222-02")),
    "interval[int64, right]": (pd.Interval(1, 11), pd.Interval(22, 222)),
    "category": (A, "B"),
    "category of numbers": (111, 222),
    "Sparse[int64, 0]": (111, 222),
    "object": (A, [decimal.Decimal(2), {"b": (2,)}]),
    "object of dates": (dt.date(1999, 1, 1), 222),
    "string[pyarrow]": (A, "B"),
}
NO_GAPS = {"int64", "bool", "Sparse[int64, 0]", "interval[int64, right]", "complex128"}


def column(kind, value, gaps):
    """A column of one value (a second for the rows of a longer frame, so that distinct counts differ), with gaps."""
    values = [None if gap and kind not in NO_GAPS else value for gap in gaps]
    dtype = {"category of numbers": "category", "object of dates": "object"}.get(kind, kind)
    if kind.startswith("category"):  # the labels' type is part of the type, so it is there also when no row has one
        other = [value] if value in {A, 111} else [value, value * 2, value * 3]
        return pd.Series(pd.Categorical(values, categories=other))
    return pd.Series(values, dtype=dtype)


@st.composite
def pairs(draw):
    """Two frames equal in names, types, length and missing counts, different in every value and label."""
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=6))
    rows = draw(st.integers(1, 5))
    gaps = [draw(st.lists(st.booleans(), min_size=rows, max_size=rows)) for _ in kinds]
    names = draw(st.lists(st.text(max_size=6) | st.integers(0, 2), min_size=len(kinds), max_size=len(kinds)))
    index = draw(st.sampled_from(["default", "text", "numbers", "counts", "dates", "multi", "categories"]))
    made = []
    for side in (0, 1):
        order = gaps if side == 0 else [list(reversed(g)) for g in gaps]  # the same counts at other places
        columns = [column(kind, VALUES[kind][side], gap) for kind, gap in zip(kinds, order, strict=True)]
        frame = pd.concat(columns, axis=1)
        frame.columns = pd.Index(names, dtype=object)
        frame.index = _index(index, rows, side)
        made.append(frame)
    return made


def _index(kind, rows, side):
    if kind == "numbers":
        return pd.Index([5] * rows) if side else pd.Index([3] * rows)
    if kind == "counts":  # a slice of one frame and a slice of another
        return pd.RangeIndex(7, 7 + 2 * rows, 2) if side else pd.RangeIndex(rows)
    if kind == "dates":
        return pd.date_range("1999", periods=rows) if side else pd.DatetimeIndex(["2222-02-02"] * rows)
    if kind == "multi":
        return pd.MultiIndex.from_arrays([[side] * rows, [A if side else "B"] * rows], names=["k", None])
    if kind == "categories":
        return pd.CategoricalIndex([A if side else "B"] * rows, categories=[A] if side else ["C", "B"])
    return pd.RangeIndex(rows) if kind == "default" else pd.Index([A if side else "B"] * rows, name="label")
