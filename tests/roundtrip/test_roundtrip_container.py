"""What the container loads equals what the user had: frames up through a real server, code run there, tables back."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

_SPEC = importlib.util.spec_from_file_location("kinds", Path(__file__).parents[1] / "frames" / "kinds.py")
kinds = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(kinds)

# A trip costs seconds, so each example is a crowd of frames, and a failing one is not made smaller.
CROWDS = settings(
    derandomize=True,
    deadline=None,
    max_examples=4,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


def assert_arrived(loaded, frame):
    """A frame is back: shape, names, index, and each column by the stated rules."""
    assert loaded.shape == frame.shape
    for left, right in zip(loaded.columns, frame.columns, strict=True):
        assert kinds.same_name(left, right), (left, right)
    for n in range(frame.shape[1]):
        column = kinds.by_the_rules(frame.iloc[:, n].reset_index(drop=True))
        kinds.assert_same(loaded.iloc[:, n].reset_index(drop=True), column)
    pd.testing.assert_index_equal(loaded.index, frame.index, exact="equiv", check_freq=False)


@CROWDS
@given(crowd=st.lists(kinds.any_frame(), min_size=12, max_size=12))
def test_frames_of_every_kind_arrive_in_the_container_as_they_left(crowd, trip):
    """Columns, names, index: a dozen frames at once under their variable names, each loaded as the prompt says."""
    namespace = {f"f{n}": frame for n, frame in enumerate(crowd)}
    loaded = trip.loaded(namespace)
    for name, frame in namespace.items():
        assert_arrived(loaded[name], frame)


@settings(CROWDS, max_examples=2)
@given(data=st.data(), rows=st.sampled_from([0, 1, 7]))
def test_a_column_of_each_dtype_arrives(data, rows, trip):
    """Every dtype pandas has, all in one trip, without rows, with one row, with several."""
    columns = {kind: data.draw(make(rows)) for kind, make in kinds.KINDS.items()}
    names = list(columns)
    namespace = {
        f"part{n}": pd.DataFrame({kind: columns[kind] for kind in names[n : n + 12]}) for n in range(0, len(names), 12)
    }
    loaded = trip.loaded(namespace)
    for name, frame in namespace.items():
        assert_arrived(loaded[name], frame)


def nulls(rows):
    """A frame in which every value of every dtype that has one is missing."""
    dtypes = ["float64", "object", "str", "Int64", "boolean", "datetime64[ns]", "datetime64[us, Europe/Berlin]"]
    dtypes += ["timedelta64[s]", "category", "string", "period[M]", "Float32"]
    return pd.DataFrame({dtype: pd.Series([None] * rows, dtype=dtype) for dtype in dtypes})


EDGES = {
    "nothing": pd.DataFrame(),
    "rows_only": pd.DataFrame(index=range(3)),
    "columns_only": pd.DataFrame({"a": pd.Series(dtype="Int8"), "b": pd.Series(dtype="datetime64[s]")}),
    "one_row": pd.DataFrame({"a": [1], "b": ["x"], "c": [pd.NaT]}),
    "nulls_everywhere": nulls(4),
    "one_null": nulls(1),
    "not_finite": pd.DataFrame({"f": [np.nan, np.inf, -np.inf, -0.0], "g": np.float32([np.inf, np.nan, 1, 2])}),
    "zones": pd.DataFrame(
        {
            zone: pd.date_range("2024-10-26 22:00", periods=6, freq="h", tz="UTC").tz_convert(zone)
            for zone in ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC", "+05:30")
        }
    ),
    "ordered": pd.DataFrame({"c": pd.Categorical(["b", None, "a"], categories=["z", "b", "a"], ordered=True)}),
    "repeated": pd.DataFrame([[1, 2.5, "x", None]], columns=["a", "a", "a.1", "a"]),
    "not_text": pd.DataFrame([[1, 2, 3, 4]], columns=[0, 2.5, None, ("a", 1)]),
    "levels": pd.DataFrame([[1, 2], [3, 4]], columns=pd.MultiIndex.from_product([["x"], [1, 2]], names=["k", None])),
    "größe_名前": pd.DataFrame(
        {"Größe 名前 🐧": ["naïve", "日本語", "🐧\u200b", "a\u2028b\r\n", "\x00"], "'\"\\`": range(5)}
    ),
    "wide": pd.DataFrame(np.arange(10_000.0).reshape(2, 5_000), columns=[f"x{n}" for n in range(5_000)]),
}


def test_edges_arrive(trip):
    """Empty, one row, 5,000 columns, nothing but nulls, infinities, zones across a change of the clock, odd names."""
    loaded = trip.loaded(EDGES)
    for name, frame in EDGES.items():
        assert_arrived(loaded[name], frame)


def test_frames_of_other_libraries_and_series_arrive_together(trip):
    """Polars (eager and lazy), pyarrow, DuckDB and Series go up at once and are pandas frames in the container."""
    duckdb = pytest.importorskip("duckdb")
    expected = pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "t": ["x", None], "f": [0.5, np.nan]})
    polars = pl.DataFrame({"n": [1, None], "t": ["x", None], "f": [0.5, None]})
    relation = duckdb.sql("select * from (values (1, 'x', 0.5::double), (null, null, null)) as v(n, t, f)")
    frames = {"polars": polars, "lazy": polars.lazy(), "table": polars.to_arrow(), "relation": relation}
    series = {
        "named": pd.Series([1, 2], name="n", index=["a", "b"]),
        "unnamed": pd.Series([1.5]),
        "column": polars["n"],
    }
    loaded = trip.loaded({**frames, **series})
    for name in frames:
        pd.testing.assert_frame_equal(loaded[name].astype({"n": "Int64"}), expected)
    pd.testing.assert_frame_equal(loaded["named"], series["named"].to_frame())
    pd.testing.assert_frame_equal(loaded["unnamed"], pd.DataFrame({"unnamed": [1.5]}))
    pd.testing.assert_frame_equal(loaded["column"], expected[["n"]])


def test_a_million_rows_go_there_and_back(trip):
    """A table of a million rows comes home as `reply.frame()`, equal to the bit."""
    rows, seeded = 1_000_000, np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "x": seeded.normal(size=rows),
            "n": pd.array(seeded.integers(0, 9, rows), dtype="Int8"),
            "when": pd.date_range("1999", periods=rows, freq="min", tz="Europe/Berlin"),
            "kind": pd.Categorical.from_codes(seeded.integers(-1, 3, rows), ["red", "green", "blue"]),
            "text": pd.Series(np.array(["alpha", "βήτα", ""], dtype=object)[seeded.integers(0, 3, rows)], dtype="str"),
        }
    )
    back = trip.back({"million": frame}, "parquet", "df.to_parquet(out)")["million"]
    pd.testing.assert_frame_equal(back, frame, check_exact=True)


TABLES = st.fixed_dictionaries(
    {
        "whole": st.lists(st.integers(-(2**53), 2**53), min_size=4, max_size=4),
        "float": st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4),
        "text": st.lists(st.from_regex(r"[A-Za-zäß,\"' ]{0,7}[a-z]_", fullmatch=True), min_size=4, max_size=4),
        "when": st.lists(st.datetimes().map(lambda t: t.replace(microsecond=0)), min_size=4, max_size=4),
        "flag": st.lists(st.booleans(), min_size=4, max_size=4),
    }
).map(lambda columns: pd.DataFrame(columns).astype({"when": "datetime64[us]"}))
WRITERS = {
    "csv": "df.to_csv(out, index=False)",
    "parquet": "df.to_parquet(out)",
    "xlsx": "df.to_excel(out, index=False)",
    "json": "df.to_json(out, orient='records', date_format='iso')",
}


@pytest.mark.parametrize("ending", WRITERS)
@settings(CROWDS, max_examples=1)
@given(crowd=st.lists(TABLES, min_size=10, max_size=10))
def test_tables_come_back_with_their_types(ending, crowd, trip):
    """What Claude's code writes as csv, parquet, xlsx or json is a frame of the same types and values here."""
    namespace = {f"t{n}": frame for n, frame in enumerate(crowd)}
    back = trip.back(namespace, ending, WRITERS[ending])
    for name, frame in namespace.items():
        found = back[name]
        assert list(found.columns) == list(frame.columns)
        for column in frame:
            left = found[column].astype(frame[column].dtype) if column == "when" else found[column]
            exact = not (column == "float" and ending == "json")  # pandas writes ten digits of a float into JSON
            pd.testing.assert_series_equal(left, frame[column], check_exact=exact, check_dtype=column != "float")


def test_an_index_comes_back_from_a_csv(trip):
    """`to_csv` as pandas writes it, index first and without a name: the index is the index again."""
    frame = pd.DataFrame({"v": [1.5, 2.5]}, index=["b", "a"])
    back = trip.back({"indexed": frame}, "csv", "df.to_csv(out)")["indexed"]
    pd.testing.assert_frame_equal(back, frame)
