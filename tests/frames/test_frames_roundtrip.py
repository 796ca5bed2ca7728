"""What the loading code loads equals what the user had, by the stated rules: every dtype pandas has."""

from __future__ import annotations

import datetime as dt
import decimal
import string
import zoneinfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_magic import frames

FEW = settings(derandomize=True, deadline=None, max_examples=7, suppress_health_check=list(HealthCheck))
MORE = settings(derandomize=True, deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))

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


@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(data=st.data())
def test_a_column_of_every_dtype_arrives_as_it_left(kind, data, load):
    """Parquet and the loading code give back every dtype's values exactly, of no rows, one row, or several."""
    column = data.draw(KINDS[kind](data.draw(st.sampled_from([0, 1, 5]))))
    with frames.encode(pd.DataFrame({"a": column}), "df") as encoded:
        assert_same(load(encoded)["a"], by_the_rules(column))


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k not in {"float16", "object mixed", "sparse float", "arrow list", "arrow struct"}]
)
@settings(FEW, max_examples=3)
@given(data=st.data())
def test_an_index_of_every_dtype_arrives_as_it_left(kind, data, load):
    """An index of any dtype is sent as a column and set again, with its name."""
    column = data.draw(KINDS[kind](3))
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=pd.Index(column, name=data.draw(st.sampled_from(["k", None, 7, "a"]))))
    with frames.encode(frame, "df") as encoded:
        loaded = load(encoded)
    assert loaded.index.name == frame.index.name
    values, expected = pd.Series(loaded.index), by_the_rules(pd.Series(frame.index))
    if isinstance(column.dtype, pd.ArrowDtype | pd.SparseDtype) or expected.dtype == object:
        values, expected = values.astype(object).to_list(), expected.astype(object).to_list()
        assert [v for v in values if not pd.isna(v)] == [v for v in expected if not pd.isna(v)]
    else:
        assert_same(values, expected)


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


@MORE
@given(frame=any_frame())
def test_whole_frames_arrive_as_they_left(frame, load):
    """Columns keep order, names (repeated, numbers, None, tuples …) and values; the index comes back too."""
    with frames.encode(frame, "sales data") as encoded:
        loaded = load(encoded)
    assert loaded.shape == frame.shape
    for left, right in zip(loaded.columns, frame.columns, strict=True):
        assert _same_name(left, right), (left, right)
    for n in range(frame.shape[1]):
        assert_same(loaded.iloc[:, n].reset_index(drop=True), by_the_rules(frame.iloc[:, n].reset_index(drop=True)))
    pd.testing.assert_index_equal(loaded.index, frame.index, exact="equiv", check_freq=False)


def _same_name(left, right):
    """Rule name-labels: numbers, booleans, tuples and text come back; dates among other labels stay ISO text."""
    if isinstance(right, pd.Timestamp):
        return left in {right.isoformat(), right}
    if isinstance(right, float) and right != right:  # noqa: PLR0124
        return left is None or left != left  # noqa: PLR0124
    return left == right and isinstance(left, bool) == isinstance(right, bool)


@pytest.mark.parametrize(
    "columns",
    [
        pd.RangeIndex(3),
        pd.Index([3, 1, 2], name="number"),
        pd.Index([0.5, 1.5, 2.5]),
        pd.Index(["b", "b", "b"], name=("x", 1)),
        pd.date_range("2024", periods=3),
        pd.date_range("2024", periods=3, tz="Europe/Berlin"),
        pd.period_range("2024", periods=3, freq="M"),
        pd.timedelta_range("1h", periods=3),
        pd.CategoricalIndex(["x", "y", "x"]),
        pd.MultiIndex.from_product([["a", "b", "c"], [1]], names=["k", None]),
        pd.MultiIndex.from_arrays([["a", "a", "b"], pd.date_range("2024", periods=3), [None, 1, 2]]),
        pd.Index([1, "1", 1.5], dtype=object),
        pd.Index([True, False, None], dtype=object),
    ],
    ids=str,
)
def test_column_labels_come_back(columns, load):
    """Labels of every index type are restored from the file's metadata by the loading code."""
    frame = pd.DataFrame(np.arange(6).reshape(2, 3), columns=columns)
    with frames.encode(frame, "df") as encoded:
        loaded = load(encoded)
    expected = frame.columns.astype("str") if isinstance(columns, pd.CategoricalIndex) else frame.columns
    pd.testing.assert_index_equal(
        loaded.columns, expected, exact="equiv" if expected.nlevels == 1 else False, check_freq=False
    )
    np.testing.assert_array_equal(loaded.to_numpy(), frame.to_numpy())


def test_a_frame_without_columns_keeps_its_rows(load):
    """Rows without columns come back as rows without columns."""
    for frame in (pd.DataFrame(index=range(3)), pd.DataFrame(index=list("abc")), pd.DataFrame()):
        with frames.encode(frame, "df") as encoded:
            assert load(encoded).shape == frame.shape


def test_five_thousand_columns_go_round(load):
    """A wide frame goes up and comes back."""
    frame = pd.DataFrame(np.arange(15_000.0).reshape(3, 5_000), columns=[f"x{n}" for n in range(5_000)])
    with frames.encode(frame, "wide") as encoded:
        pd.testing.assert_frame_equal(load(encoded), frame)
        assert len(encoded.load_code) < 200


def test_values_out_of_every_range_are_converted_or_refused_in_one_line(load):
    """Numbers beyond 64 bits, zones with seconds, half characters: stated rules; what nothing holds: one line."""
    odd = dt.timezone(dt.timedelta(hours=1, seconds=5))
    frame = pd.DataFrame(
        {
            "big": pd.Series([2**80, -(2**80)], dtype=object),
            "zone": pd.date_range("2024", periods=2, tz=odd),
            "half": pd.Series(["\ud800", "b"], dtype=object),
            "wide": pd.Series([decimal.Decimal(10) ** 50, decimal.Decimal("1e-20")], dtype=object),
            "infinite": pd.Series([decimal.Decimal("Infinity"), decimal.Decimal(1)], dtype=object),
            "late": pd.Series([dt.datetime(9999, 12, 31), dt.datetime(1, 1, 1)], dtype=object),  # noqa: DTZ001
            "seconds": np.array(["200000-01-01", "-5000-01-01"], "M8[s]"),
            "span": np.array([10**17, -1], "m8[s]"),
        }
    )
    with frames.encode(frame, "df") as encoded:
        loaded = load(encoded)
    for name in ("big", "half", "late"):
        assert loaded[name].tolist() == frame[name].tolist()
    assert (loaded["zone"] == frame["zone"]).all()
    assert loaded["wide"].tolist() == frame["wide"].tolist()
    assert loaded["infinite"].tolist() == ["Infinity", "1"]
    pd.testing.assert_frame_equal(loaded[["seconds", "span"]], frame[["seconds", "span"]])
    with pytest.raises(frames.encoding.FileProblem, match="cannot be written as parquet"):
        frames.encode(pd.DataFrame({"t": np.array(["200000000000-01-01"], "M8[s]")}), "df")


def test_what_json_cannot_say_arrives_as_the_nearest_thing(load):
    """Tuples, sets, arrays, bytes, zoned datetimes and own classes: rule `objects`, named in the receipt."""

    class Own:
        """A class of the user's."""

    values = [(1, 2), {2, 1}, np.arange(2), b"\x01", pd.Timestamp("2024", tz="UTC"), np.int64(3), {1: "a"}, Own(), 1j]
    with frames.encode(pd.DataFrame({"a": pd.Series(values, dtype=object)}), "df") as encoded:
        got = load(encoded)["a"].tolist()
        assert any("own classes" in line and line.startswith('"a"') for line in encoded.receipt.conversions)
    assert got[:7] == [[1, 2], [1, 2], [0, 1], "01", "2024-01-01T00:00:00+00:00", 3, {"1": "a"}]
    assert "Own object>" in got[7]
    assert " at 0x" not in got[7]
    assert got[8] == "1j"


def test_the_ordinary_frame_needs_one_line(load):
    """Numbers, text, dates, categories: the loading code is `pd.read_parquet(path)`, and nothing is converted."""
    frame = pd.DataFrame(
        {"city": ["Paris", None], "n": [1, 2], "day": pd.date_range("2024", periods=2), "c": pd.Categorical(["a", "b"])}
    )
    with frames.encode(frame, "sales") as encoded:
        assert encoded.load_code == "import pandas as pd\n\nsales = pd.read_parquet(path)\n"
        assert encoded.receipt == frames.Receipt(2, 4, ())
        assert (encoded.filename, encoded.variable) == ("sales.parquet", "sales")
        pd.testing.assert_frame_equal(load(encoded), frame)


def test_many_row_groups_are_one_frame(load):
    """200,000 rows of 30 nasty columns (many row groups) arrive equal, categories with their order."""
    rows, seeded = 200_000, np.random.default_rng(1)
    kinds = [
        seeded.normal(size=rows),
        seeded.integers(0, 9, rows).astype("int8"),
        pd.Categorical.from_codes(seeded.integers(-1, 3, rows), categories=["z", "unused", "a", "b"], ordered=True),
        pd.Categorical.from_codes(seeded.integers(-1, 3, rows), categories=[30, 10, 20]),
        pd.array(seeded.integers(0, 99, rows), dtype="Int32"),
        pd.Series(seeded.choice(["x", "yy", ""], rows)).where(seeded.random(rows) > 0.1),
        pd.date_range("1999", periods=rows, freq="min", tz="Europe/Berlin"),
        pd.array(seeded.integers(0, 2, rows) == 1, dtype="boolean"),
        pd.cut(pd.Series(seeded.random(rows)), [0, 0.2, 0.9, 1]),
        np.where(seeded.random(rows) > 0.5, np.nan, seeded.normal(size=rows)).astype("float32"),
    ]
    frame = pd.DataFrame({f"c{n}": kinds[n % 10] for n in range(30)})
    with frames.encode(frame, "nasty") as encoded:
        pd.testing.assert_frame_equal(load(encoded), frame, check_exact=True)


@pytest.mark.parametrize("loader", ["load_iris", "load_wine", "load_diabetes", "load_breast_cancer", "load_linnerud"])
def test_data_sets_of_scikit_learn_go_round(loader, load):
    """Real data sets arrive equal, by parquet and by CSV."""
    from sklearn import datasets

    frame = getattr(datasets, loader)(as_frame=True).frame
    for kind in ("parquet", "csv"):
        with frames.encode(frame, loader, format=kind) as encoded:
            pd.testing.assert_frame_equal(load(encoded), frame, check_exact=True)


def test_levels_are_taken_by_position(load):
    """A level named 1 (or two levels of one name) is not mistaken for the level at position 1."""
    for names in ((1, None), (1, 0), ("a", "a")):
        index = pd.MultiIndex.from_arrays([[5, 6], ["x", "y"]], names=names)
        frame = pd.DataFrame({"v": [1, 2]}, index=index)
        for kind in ("parquet", "csv"):
            with frames.encode(frame, "df", format=kind) as encoded:
                pd.testing.assert_frame_equal(load(encoded), frame)
        with frames.encode(frame.T, "df") as encoded:
            pd.testing.assert_frame_equal(load(encoded), frame.T)


def test_zoned_categories_keep_their_instants(load):
    """Labels with a zone come back across a change to summer time."""
    labels = pd.date_range("2024-03-30", periods=4, freq="12h", tz="Europe/Berlin")
    frame = pd.DataFrame({"c": pd.Categorical([labels[0], labels[3], None], categories=labels[::-1])})
    with frames.encode(frame, "df") as encoded:
        loaded = load(encoded)
    assert loaded["c"].tolist()[:2] == frame["c"].tolist()[:2]
    pd.testing.assert_index_equal(loaded["c"].cat.categories, frame["c"].cat.categories, check_freq=False)
