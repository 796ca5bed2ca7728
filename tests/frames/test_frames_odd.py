"""Frames that somebody has one day: what is said of them holds, and nothing is lost without a word."""

from __future__ import annotations

import datetime as dt
import gc
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from claude_magic import frames
from claude_magic.errors import FileProblem

HALF_PAST = dt.timezone(dt.timedelta(hours=3, minutes=30))
ODD = {
    "datetimes among dates": (
        [dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 5)],  # noqa: DTZ001 - naive on purpose
        ["2020-01-01", "2020-01-01T05:00:00"],
    ),
    "times with a zone": ([dt.time(1, 2, tzinfo=HALF_PAST), None], ["01:02:00+03:30", None]),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_looks_like_dates_or_times_loses_nothing(kind, load):
    """A datetime is no date and a zoned time no time of day: they travel whole, and the receipt says how."""
    values, arriving = ODD[kind]
    with frames.encode(pd.DataFrame({"a": pd.Series(values, dtype=object)}), "df") as encoded:
        assert load(encoded)["a"].tolist() == arriving
        assert encoded.receipt.conversions[0].startswith('"a": object columns of anything else')


@pytest.mark.parametrize("kind", ["parquet", "csv", "xlsx"])
@pytest.mark.parametrize("code", [">i4", ">f8", ">u2"])
def test_numbers_of_foreign_byte_order_arrive(code, kind, load):
    """Big-endian numbers, as FITS files and old instruments give them, arrive as the machine's own and are told so."""
    frame = pd.DataFrame({"a": np.array([1, 2, 3], dtype=code), "b": ["x", "y", "z"]})
    native = frame.astype({"a": np.dtype(code).newbyteorder("=")})
    assert frames.describe(frame, "df") == frames.describe(native, "df")
    with frames.encode(frame, "df", format=kind) as encoded:
        pd.testing.assert_frame_equal(load(encoded), native)
        assert any("foreign byte order" in line for line in encoded.receipt.conversions)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_missing_and_infinite_column_labels_arrive(kind, load):
    """NA, NaT and infinities among column labels; the places of missing ones are kept."""
    for labels in ([pd.NA, pd.NaT, None], [0.5, float("inf"), float("-inf")]):
        frame = pd.DataFrame([[1, 2, 3]], columns=pd.Index(labels, dtype=object if labels[2] is None else None))
        with frames.encode(frame, "df", format=kind) as encoded:
            loaded = load(encoded)
        got, expected = ([None if pd.isna(label) else label for label in kind] for kind in (loaded.columns, labels))
        assert got == expected
        assert loaded.to_numpy().tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("masked", ["pay", ("pay", 2024), "pay|2024"])
def test_a_mask_covers_columns_with_labels_of_several_levels(masked):
    """By one level, by the whole label, or by the name in the file: the values are told nowhere."""
    frame = pd.DataFrame([[271828, "seen"]], columns=pd.MultiIndex.from_tuples([("pay", 2024), ("who", 2024)]))
    said = frames.describe(frame, "df", share="full", masked=[masked])
    assert "271828" not in said
    assert "seen" in said


def test_what_a_reader_says_is_a_sentence_without_places(tmp_path):
    """A broken file and a frame that cannot be written: a sentence, then what to do; no path of ours."""
    broken = tmp_path / "t.parquet"
    broken.write_bytes(b"x")
    with pytest.raises(FileProblem) as caught:
        frames.load_artifact(broken, "t.parquet")
    assert str(tmp_path) not in str(caught.value)
    assert str(caught.value).endswith("). Save it and look.")
    with pytest.raises(FileProblem, match=r"[^.]\. Convert that column"):
        frames.encode(pd.DataFrame({"t": np.array(["200000000000-01-01"], "M8[s]")}), "df")


def test_levels_of_no_columns_arrive(load):
    """An empty pivot: no column, two levels of labels, and its rows."""
    columns = pd.MultiIndex.from_arrays([[], []], names=["a", "b"])
    for index in (None, ["x", "y"]):
        with frames.encode(pd.DataFrame(columns=columns, index=index), "df") as encoded:
            loaded = load(encoded)
        assert loaded.columns.nlevels == 2
        assert list(loaded.columns.names) == ["a", "b"]
        assert loaded.index.tolist() == (index or [])


BACKED = {
    "seconds of a day": (pa.time32("s"), [dt.time(1, 2, 3), None]),
    "days in milliseconds": (pa.date64(), [dt.date(2020, 1, 1), None]),
    "dictionary of text": (pa.dictionary(pa.int8(), pa.string()), ["a", None]),
    "map": (pa.map_(pa.string(), pa.list_(pa.int64())), [[("a", [1, None])], None]),
    "list of structures": (pa.list_(pa.struct([("a", pa.int64())])), [[{"a": 2**60 + 1}, None], None]),
    "duration": (pa.duration("s"), [dt.timedelta(1), None]),
    "wide decimal": (pa.decimal256(60, 5), [None, None]),
}
PLAIN = {
    "dictionary of numbers": (pa.dictionary(pa.int8(), pa.int64()), [5, None], "int64[pyarrow]"),
    "views": (pa.string_view(), ["a" * 40, None], "large_string[pyarrow]"),
    "map of views": (pa.map_(pa.string_view(), pa.string_view()), [[("a", "b")], None], "map<"),
    "runs": (pa.run_end_encoded(pa.int32(), pa.int8()), [5, None], "int8[pyarrow]"),
    "no fields": (pa.struct([]), [{}, None], "large_string[pyarrow]"),
}


def backed(kind, values):
    """An Arrow-backed frame of one column."""
    array = pa.array([None if v is None else dict(v) if kind == "x" else v for v in values], kind)
    return pd.DataFrame({"a": pd.arrays.ArrowExtensionArray(pa.chunked_array([array]))})


@pytest.mark.parametrize("name", BACKED)
def test_arrow_backed_columns_come_back_with_their_type(name, load):
    """The rule says that the dtype is restored: also where parquet itself has another type."""
    frame = backed(*BACKED[name])
    for share in ("schema", "stats", "full"):
        frames.describe(frame, "df", share=share)
    with frames.encode(frame, "df") as encoded:
        pd.testing.assert_frame_equal(load(encoded), frame)


@pytest.mark.parametrize("name", PLAIN)
def test_other_arrow_backed_columns_arrive_in_the_plain_type(name, load):
    """What neither parquet nor pandas computes with has the same values in the plain type, from either side."""
    kind, values, arriving = PLAIN[name]
    if name == "runs":
        array = pa.array(values, pa.int8())
        table = pa.table({"a": pa.compute.run_end_encode(array)})
        frame = pd.DataFrame({"a": pd.arrays.ArrowExtensionArray(table["a"])})
    else:
        frame = backed(kind, values)
        table = pa.table({"a": pa.array(values, kind)})
    with frames.encode(frame, "df") as encoded:
        loaded = load(encoded)["a"]
        assert str(loaded.dtype).startswith(arriving)
        assert encoded.receipt.conversions
    assert loaded.isna().tolist() == [False, True]
    frames.describe(frame, "df", share="full")
    with frames.encode(table, "df") as encoded:
        assert load(encoded)["a"].isna().tolist() == [False, True]
        assert encoded.receipt.conversions


def test_numbers_in_wrappers_of_arrow_stay_numbers(load):
    """Whole numbers with nulls stay whole numbers also as an extension type, and the description says so."""
    flags = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, None], pa.int8()))
    counted = pa.array([2**60 + 1, None]).dictionary_encode()
    table = pa.table({"flag": flags, "count": counted})
    assert '"flag": Int8, 1 missing' in frames.describe(table, "df")
    with frames.encode(table, "df") as encoded:
        loaded = load(encoded)
    assert loaded["count"].tolist() == [2**60 + 1, pd.NA]
    assert [str(kind) for kind in loaded.dtypes] == ["Int8", "Int64"]


def test_a_null_in_a_dictionary_is_a_missing_value(load):
    """Parquet has no null among a dictionary's values: it becomes one among the rows, and is counted."""
    table = pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), pa.array(["x", None]))})
    assert '"a": category, 1 missing' in frames.describe(table, "df")
    with frames.encode(table, "df") as encoded:
        assert load(encoded)["a"].tolist() == ["x", np.nan, "x"]


def test_a_null_in_a_dictionary_leaves_the_order_of_the_others(load):
    """Labels keep their order and stay though no row has them, in each chunk."""
    labels, kind = pa.array(["low", None, "mid", "high"]), pa.dictionary(pa.int8(), pa.string(), ordered=True)
    chunks = [pa.DictionaryArray.from_arrays(pa.array(c, pa.int8()), labels, ordered=True) for c in ([3, 0, 1], [0])]
    with frames.encode(pa.table({"a": pa.chunked_array(chunks, kind)}), "df") as encoded:
        loaded = load(encoded)["a"]
    assert (loaded.cat.categories.tolist(), loaded.cat.ordered) == (["low", "mid", "high"], True)
    assert loaded.tolist() == ["high", "low", np.nan, "low"]
    assert loaded.max() == "high"


def test_what_polars_alone_has_is_named_in_the_receipt(load):
    """Objects and 128-bit integers become text without addresses; lists arrive as arrays: each is said."""
    frame = pl.DataFrame(
        {
            "o": pl.Series([object(), None], dtype=pl.Object),
            "big": pl.Series([2**100, None], dtype=pl.Int128),
            "l": [[1, None], None],
        }
    )
    with frames.encode(frame, "df") as encoded:
        loaded = load(encoded)
        said = "\n".join(encoded.receipt.conversions)
    assert loaded["o"][0] == "<object object>"
    assert loaded["big"][0] == str(2**100)
    assert '"o", "big": Arrow unions' in said
    assert '"l": lists, structures, maps' in said


class Capsule:
    """An object that speaks the Arrow PyCapsule interface, and nothing else."""

    def __init__(self, held):
        self.held = held

    def __arrow_c_stream__(self, requested_schema=None):
        return self.held.__arrow_c_stream__(requested_schema)


def test_whatever_speaks_the_capsule_interface_is_a_frame(load):
    """A stream of rows is a frame, a stream of values its one column; a reader, which can be read once, is none."""
    table = pa.table({"n": [1, 2], "t": ["x", None]})
    expected = pd.DataFrame({"n": [1, 2], "t": ["x", None]})
    assert frames.is_frame(Capsule(table))
    assert not frames.is_frame(table.to_reader())
    with frames.encode(Capsule(table), "df") as encoded:
        pd.testing.assert_frame_equal(load(encoded), expected)
    for column in (pa.chunked_array([[1, 2]]), Capsule(pa.chunked_array([[1, 2]]))):
        with frames.encode(column, "df") as encoded:
            pd.testing.assert_frame_equal(load(encoded), pd.DataFrame({"df": [1, 2]}))


@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize("dtype", ["UInt64", "Int64", "Int8", "float64", "boolean", "timedelta64[ns]"])
def test_empty_rows_of_a_sheet_stay_where_they_are(dtype, more, load):
    """Rows without any value in the middle and at the end of an Excel sheet, and numbers beyond 2^53 beside others."""
    large = {"UInt64": 2**64 - 1, "Int64": -(2**63), "timedelta64[ns]": 2**60}.get(dtype, 1)
    column = pd.Series([large, None, 0, None, None], dtype=dtype)
    frame = pd.DataFrame({"a": column, "b": column} if more else {"a": column})
    with frames.encode(frame, "df", format="xlsx") as encoded:
        pd.testing.assert_frame_equal(load(encoded), frame)


def test_statistics_of_odd_columns_are_said():
    """Half characters, sparse datetimes, Arrow's views: no level of the dial ends in an error."""
    frame = pd.DataFrame(
        {
            5: pd.Series(["\ud800", "a"], dtype=object),
            "sparse": pd.arrays.SparseArray(pd.to_datetime(["2020-01-01", "2021-01-01"])),
            "view": pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array(["x", None], pa.string_view())])),
        }
    )
    for share in ("stats", "sample=2", "full"):
        said = frames.describe(frame, "df", share=share)
        assert '"sparse": min "2020-01-01' in said
        assert '"view": 1 distinct; "x" 1' in said


@pytest.mark.parametrize("kind", ["parquet", "csv", "xlsx"])
@pytest.mark.parametrize("start", [0, 1000])
def test_where_an_index_begins_to_count_is_not_told(kind, start, load):
    """Two halves of one frame differ in their labels, 0… and 1000…: at `schema` the texts are the same bytes."""
    whole = pd.DataFrame({"a": range(2000)})
    half, first = whole[start : start + 1000], whole[:1000]
    assert frames.describe(half, "df") == frames.describe(first, "df")
    with frames.encode(half, "df", format=kind) as one, frames.encode(first, "df", format=kind) as other:
        assert one.load_code == other.load_code
        loaded = load(one)
        assert loaded["a"].tolist() == half["a"].tolist()
        kept = loaded.index.tolist() == half.index.tolist()
        assert kept or any("does not count 0, 1, 2" in line for line in one.receipt.conversions)
        assert kept or kind != "parquet"


def test_parts_say_nothing_of_where_an_index_begins(load):
    """A frame in parts: the same code for both halves, and the labels of each come back."""
    rng = np.random.default_rng(5)
    whole = pd.DataFrame({"a": rng.random(40_000)})
    codes = set()
    for half in (whole[:20_000], whole[20_000:]):
        parts = frames.encode_parts(half, "df", limit_bytes=80_000)
        assert len(parts) > 2
        codes.add(parts[-1].load_code)
        pd.testing.assert_frame_equal(load(*parts), half)
        for part in parts:
            part.close()
    assert len(codes) == 1


def test_a_frame_that_cannot_be_written_leaves_no_noise(monkeypatch):
    """One line is all: nothing complains later, when what was half written is forgotten."""
    heard = []
    monkeypatch.setattr(sys, "unraisablehook", heard.append)
    late = [dt.date(2020, 1, 1)] * 70_000  # the first row groups can be written, the last one cannot
    strange = pd.Series(np.array(late, dtype="M8[s]"))
    strange.iloc[-1] = np.datetime64("200000000000-01-01", "s")
    for limit in (None, 10_000):
        with pytest.raises(FileProblem, match="cannot be written"):
            frames.encode_parts(pd.DataFrame({"a": strange}), "df", **({} if limit is None else {"limit_bytes": limit}))
    with pytest.raises(FileProblem):
        frames.encode(pd.DataFrame({"a": strange}), "df", format="xlsx")
    gc.collect()
    assert not heard
