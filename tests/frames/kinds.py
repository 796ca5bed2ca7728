"""Frames of every kind, as hypothesis strategies, and what "equal by the stated rules" means for them.

`KINDS` has a strategy for columns of each dtype, given the number of rows; `any_frame` makes whole frames.
"""

from __future__ import annotations

import datetime as dt
import string
import zoneinfo

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LABEL = st.text(string.ascii_letters + " éß|.,\"'\n", min_size=1, max_size=6)
FLOATS = st.floats(width=64) | st.sampled_from([0.0, -0.0, 1e300, 5e-324, 0.1, float("inf")])
DAYS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))  # noqa: DTZ001 - naive on purpose
JSONISH = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)


def ints(bits, *, signed=True):
    """Whole numbers of a width."""
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


def plain(values, dtype):
    """Columns of `values` in a dtype without missing values."""
    return lambda n: st.lists(values, min_size=n, max_size=n).map(lambda v: pd.Series(v, dtype=dtype))


def gappy(values, dtype, gap=None):
    """Columns of `values` in a dtype, with missing values everywhere."""
    return plain(st.one_of(st.just(gap), values), dtype)


def stamps(unit, zone=None):
    """Columns of datetimes of a unit and zone."""

    def column(values):
        made = pd.Series(np.array(values, dtype=f"M8[{unit}]"))
        return made if zone is None else made.dt.tz_localize("UTC").dt.tz_convert(zone)

    return lambda n: st.lists(st.none() | DAYS, min_size=n, max_size=n).map(column)


def spans(unit):
    """Columns of durations of a unit."""
    values = st.none() | st.integers(-(10**9), 10**9)
    return lambda n: st.lists(values, min_size=n, max_size=n).map(
        lambda v: pd.Series(np.array([np.timedelta64("NaT") if x is None else x for x in v], dtype=f"m8[{unit}]"))
    )


def intervals(subtype, closed):
    """Columns of intervals."""

    def column(lefts):
        index = pd.Index(np.array(lefts, dtype="i8").astype(subtype))
        one = index.dtype.type(1) if index.dtype.kind in "if" else pd.Timedelta(1, "s")
        return pd.Series(pd.arrays.IntervalArray.from_arrays(index, index + one, closed=closed))

    return lambda n: st.lists(st.integers(-(10**6), 10**6), min_size=n, max_size=n).map(column)


def categories(labels):
    """Columns of categories: some labels unused, some rows missing, ordered or not."""

    @st.composite
    def column(draw, n):
        known = draw(st.lists(labels, min_size=1, max_size=4, unique_by=lambda x: (type(x).__name__, x)))
        codes = draw(st.lists(st.integers(-1, len(known) - 1), min_size=n, max_size=n))
        kind = pd.CategoricalDtype(pd.Index(known), ordered=draw(st.booleans()))
        return pd.Series(pd.Categorical.from_codes(codes, dtype=kind))

    return column


def cut(n):
    """Columns as `pd.cut` makes them."""
    return st.lists(st.integers(0, 9), min_size=n, max_size=n).map(
        lambda v: pd.cut(pd.Series(v, dtype="i8"), [0, 3, 9])
    )


def sparse(values, subtype, fill):
    """Sparse columns."""
    dtype = pd.SparseDtype(subtype, fill)
    return lambda n: st.lists(values, min_size=n, max_size=n).map(
        lambda v: pd.Series(pd.arrays.SparseArray(np.array(v, dtype=subtype), dtype=dtype))
    )


def arrow(kind, values):
    """Arrow-backed columns."""
    return gappy(values, pd.ArrowDtype(kind))


DECIMALS = st.decimals(-(10**6), 10**6, allow_nan=False, places=3)
NUMBERS = {
    "bool": plain(st.booleans(), "bool"),
    **{f"int{b}": plain(ints(b), f"int{b}") for b in (8, 16, 32, 64)},
    **{f"uint{b}": plain(ints(b, signed=False), f"uint{b}") for b in (8, 16, 32, 64)},
    "float16": plain(st.floats(width=16), "float16"),
    "float32": plain(st.floats(width=32), "float32"),
    "float64": plain(FLOATS, "float64"),
    "complex64": plain(st.complex_numbers(width=64), "complex64"),
    "complex128": plain(st.complex_numbers(), "complex128"),
    **{f"Int{b}": gappy(ints(b), f"Int{b}") for b in (8, 16, 32, 64)},
    **{f"UInt{b}": gappy(ints(b, signed=False), f"UInt{b}") for b in (8, 64)},
    "Float32": gappy(st.floats(width=32, allow_nan=False), "Float32"),
    "Float64": gappy(FLOATS.filter(lambda x: x == x), "Float64"),  # noqa: PLR0124
    "boolean": gappy(st.booleans(), "boolean"),
    "sparse float": sparse(FLOATS, "float64", float("nan")),
    "sparse int": sparse(st.integers(0, 2), "int64", 0),
    "sparse bool": sparse(st.booleans(), "bool", fill=False),
}
TIMES = {
    **{f"datetime {u}": stamps(u) for u in ("s", "ms", "us", "ns")},
    **{
        f"datetime {u} {z}": stamps(u, zone)
        for u, z, zone in (
            ("s", "UTC", "UTC"),
            ("us", "Berlin", "Europe/Berlin"),
            ("ns", "New York", zoneinfo.ZoneInfo("America/New_York")),
            ("ms", "+05:30", dt.timezone(dt.timedelta(hours=5, minutes=30))),
        )
    },
    **{f"timedelta {u}": spans(u) for u in ("s", "ms", "us", "ns")},
    **{
        f"period {freq}": (
            lambda n, freq=freq: st.lists(st.none() | st.integers(-500, 500), min_size=n, max_size=n).map(
                lambda v: pd.Series([pd.NaT if x is None else pd.Period(ordinal=x, freq=freq) for x in v]).astype(
                    pd.PeriodDtype(freq)
                )
            )
        )
        for freq in ("D", "M", "Q-NOV", "W-SUN", "h", "2D")
    },
}
INTERVALS = {
    f"interval {subtype} {closed}": intervals(subtype, closed)
    for subtype, closed in (("int64", "right"), ("float64", "left"), ("datetime64[us]", "both"), ("m8[s]", "neither"))
}
TEXTS = {
    "str": gappy(TEXT, "str"),
    "string": gappy(TEXT, "string"),
    "string python": gappy(TEXT, "string[python]"),
}
CATEGORIES = {
    "category str": categories(LABEL),
    "category int": categories(st.integers(-(2**60), 2**60)),
    "category float": categories(st.floats(allow_nan=False)),
    "category bool": categories(st.booleans()),
    "category datetime": categories(DAYS),
    "category timedelta": categories(st.timedeltas(dt.timedelta(-9), dt.timedelta(9))),
    "category mixed": categories(st.integers() | LABEL | st.none().filter(bool)),
    "category cut": cut,
}
OBJECTS = {
    "object text": gappy(st.text(max_size=5), object),
    "object mixed": gappy(JSONISH, object),
    "object ints": gappy(st.integers(), object),
    "object bools": gappy(st.booleans(), object),
    "object bytes": gappy(st.binary(max_size=5), object),
    "object dates": gappy(st.dates(), object),
    "object times": gappy(st.times(), object),
    "object decimals": gappy(DECIMALS, object),
    "object datetimes": gappy(st.datetimes(), object),
    "object missing": gappy(st.none(), object),
}
ARROW = {
    "arrow int": arrow(pa.int16(), ints(16)),
    "arrow double": arrow(pa.float64(), st.floats(allow_nan=False)),
    "arrow bool": arrow(pa.bool_(), st.booleans()),
    "arrow string": arrow(pa.string(), TEXT),
    "arrow timestamp": arrow(pa.timestamp("us", "Europe/Berlin"), DAYS.map(lambda t: t.replace(tzinfo=dt.UTC))),
    "arrow date": arrow(pa.date32(), st.dates()),
    "arrow time": arrow(pa.time64("us"), st.times()),
    "arrow duration": arrow(pa.duration("us"), st.timedeltas(dt.timedelta(-9), dt.timedelta(9))),
    "arrow decimal": arrow(pa.decimal128(12, 3), DECIMALS),
    "arrow list": arrow(pa.list_(pa.int64()), st.lists(ints(64) | st.none(), max_size=3)),
    "arrow struct": arrow(pa.struct([("a", pa.int64())]), st.fixed_dictionaries({"a": ints(64)})),
    "arrow binary": arrow(pa.binary(), st.binary(max_size=4)),
}
KINDS = {**NUMBERS, **TIMES, **INTERVALS, **TEXTS, **CATEGORIES, **OBJECTS, **ARROW}


def by_the_rules(column):
    """Return a column as parquet and the loading code must give it back."""
    if str(column.dtype) == "string":  # rule string-storage
        return column.astype("string")
    if column.dtype == object:  # rule object-missing
        return pd.Series([None if gone else v for v, gone in zip(column, column.isna(), strict=True)], dtype=object)
    if isinstance(column.dtype, pd.CategoricalDtype) and len(column) == 0:  # rule category-empty
        return column.astype(object)
    return column


def assert_same(left, right):
    """Two columns have equal types and values, float for float."""
    if isinstance(right.dtype, pd.CategoricalDtype) and str(right.cat.categories.dtype) == "object":
        left, right = left.astype(object), right.astype(object)
    if right.dtype == object and not isinstance(left.dtype, pd.CategoricalDtype):
        assert left.dtype == object
    if right.dtype == object:
        left, right = left.astype(object).reset_index(drop=True), right.reset_index(drop=True)
        assert [v is None or v != v for v in left] == [v is None or v != v for v in right]  # noqa: PLR0124
        assert [v for v in left if v is not None] == [v for v in right if v is not None]
        return
    pd.testing.assert_series_equal(left, right, check_exact=True, check_freq=False, check_names=False)


NAMES = st.one_of(
    LABEL, st.just("a"), st.just("a.1"), st.integers(0, 3), st.none(), st.booleans(), st.floats(allow_infinity=False),
    st.tuples(LABEL, st.integers(0, 2)), DAYS.map(pd.Timestamp), st.text(max_size=3),
)  # fmt: skip


@st.composite
def any_frame(draw, kinds=tuple(KINDS)):
    """Frames of several columns with names of every kind, some twice, and an index."""
    rows = draw(st.sampled_from([0, 1, 2, 6]))
    names = draw(st.lists(NAMES, min_size=1, max_size=4))
    columns = [draw(KINDS[draw(st.sampled_from(kinds))](rows)) for _ in names]
    frame = pd.concat([c.reset_index(drop=True) for c in columns], axis=1)
    frame.columns = pd.Index(names, dtype=object, tupleize_cols=False)
    index = draw(st.sampled_from(["default", "range", "text", "dates", "multi"]))
    if index == "range":
        frame.index = pd.RangeIndex(5, 5 + 2 * rows, 2)
    elif index == "text":
        frame.index = pd.Index(draw(st.lists(LABEL, min_size=rows, max_size=rows)), name=draw(NAMES.filter(_label)))
    elif index == "dates":
        frame.index = pd.date_range("2024-03-30", periods=rows, freq="12h", tz="Europe/Berlin")
    elif index == "multi":
        frame.index = pd.MultiIndex.from_arrays([list(range(rows)), ["x"] * rows], names=draw(st.sampled_from(
            [(None, None), ("a", "b"), ("a", "a"), (1, None)])))  # fmt: skip
    return frame


def _label(name):
    return name is None or isinstance(name, str | int)


def same_name(left, right):
    """Rule name-labels: numbers, booleans, tuples and text come back; dates among other labels stay ISO text."""
    if isinstance(right, pd.Timestamp):
        return left in {right.isoformat(), right}
    if isinstance(right, float) and right != right:  # noqa: PLR0124
        return left is None or left != left  # noqa: PLR0124
    return left == right and isinstance(left, bool) == isinstance(right, bool)
