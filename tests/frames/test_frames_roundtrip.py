"""What the loading code loads equals what the user had, by the stated rules: every dtype pandas has."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_magic import frames

_SPEC = importlib.util.spec_from_file_location("kinds", Path(__file__).with_name("kinds.py"))
kinds = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(kinds)
KINDS, any_frame, assert_same, by_the_rules = kinds.KINDS, kinds.any_frame, kinds.assert_same, kinds.by_the_rules

FEW = settings(derandomize=True, deadline=None, max_examples=7, suppress_health_check=list(HealthCheck))
MORE = settings(derandomize=True, deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))


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


@MORE
@given(frame=any_frame())
def test_whole_frames_arrive_as_they_left(frame, load):
    """Columns keep order, names (repeated, numbers, None, tuples …) and values; the index comes back too."""
    with frames.encode(frame, "sales data") as encoded:
        loaded = load(encoded)
    assert loaded.shape == frame.shape
    for left, right in zip(loaded.columns, frame.columns, strict=True):
        assert kinds.same_name(left, right), (left, right)
    for n in range(frame.shape[1]):
        assert_same(loaded.iloc[:, n].reset_index(drop=True), by_the_rules(frame.iloc[:, n].reset_index(drop=True)))
    pd.testing.assert_index_equal(loaded.index, frame.index, exact="equiv", check_freq=False)


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
    columns = [
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
    frame = pd.DataFrame({f"c{n}": columns[n % 10] for n in range(30)})
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
