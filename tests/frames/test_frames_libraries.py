"""Frames of every library are recognised without importing any, and arrive as pandas frames."""

from __future__ import annotations

import datetime as dt
import decimal
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from claude_magic import frames
from claude_magic.errors import FileProblem, UsageError

EXPECTED = pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "t": ["x", None], "f": [0.5, 1.5]})


def polars_frame():
    """A small Polars frame."""
    return pl.DataFrame({"n": [1, None], "t": ["x", None], "f": [0.5, 1.5]})


@pytest.mark.parametrize(
    "make",
    [
        polars_frame,
        lambda: polars_frame().lazy(),
        lambda: polars_frame().to_arrow(),
        lambda: polars_frame().to_arrow().to_batches()[0],
        lambda: __import__("narwhals").from_native(polars_frame()),
        lambda: __import__("narwhals.stable.v1").stable.v1.from_native(polars_frame().lazy()),
    ],
    ids=["polars", "lazy", "table", "batch", "narwhals", "narwhals lazy"],
)
def test_eager_and_lazy_frames_arrive_alike(make, load):
    """Polars, pyarrow and Narwhals frames load as the same pandas frame, nulls in whole numbers kept."""
    frame = make()
    assert frames.is_frame(frame)
    with frames.encode(frame, "df") as encoded:
        pd.testing.assert_frame_equal(load(encoded), EXPECTED)
        assert encoded.fingerprint == frames.fingerprint(frame, "df")
    assert frames.describe(frame, "df").startswith('DataFrame `df`: 2 rows x 3 columns\n- "n": Int64, 1 missing\n')


def test_duckdb_relations_arrive(load):
    """A DuckDB relation is computed and sent, repeated column names made unique."""
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql("select 1 as n, 'x' as t, 2 as n, date '2024-01-01' as d, 1.50::decimal(9,2) as m")
    assert frames.is_frame(relation)
    with frames.encode(relation, "r") as encoded:
        loaded = load(encoded)
    assert loaded["d"].tolist() == [pd.Timestamp("2024-01-01")]
    assert loaded["m"].tolist() == [decimal.Decimal("1.50")]
    assert len(set(loaded.columns)) == 5


def test_dask_frames_arrive(load):
    """A Dask frame is computed to pandas and keeps its index."""
    dask = pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame({"a": range(10)}, index=pd.Index(range(10, 20), name="k"))
    lazy = dask.from_pandas(frame, npartitions=3)
    assert frames.is_frame(lazy)
    with frames.encode(lazy, "d") as encoded:
        pd.testing.assert_frame_equal(load(encoded), frame)


@pytest.mark.filterwarnings("ignore:The 'future.infer_string' option")  # Ibis 12 sets it with pandas 3.1
def test_ibis_expressions_arrive(load):
    """An Ibis table on DuckDB is computed and sent."""
    ibis = pytest.importorskip("ibis")
    pytest.importorskip("duckdb")
    try:
        table = ibis.memtable(pd.DataFrame({"a": [1, 2]})).mutate(b=ibis._.a + 1)
        table.to_pyarrow()
    except ImportError as error:
        pytest.skip(str(error))
    assert frames.is_frame(table)
    with frames.encode(table, "i") as encoded:
        pd.testing.assert_frame_equal(load(encoded), pd.DataFrame({"a": [1, 2], "b": [2, 3]}))


def test_series_become_frames_of_one_column(load):
    """A Series keeps its name, or takes the variable's; its index comes along."""
    named = pd.Series([1, 2], name="n", index=["a", "b"])
    with frames.encode(named, "s") as encoded:
        pd.testing.assert_frame_equal(load(encoded), named.to_frame())
    for series in (pd.Series([1, 2]), pl.Series([1, 2])):
        with frames.encode(series, "s") as encoded:
            pd.testing.assert_frame_equal(load(encoded), pd.DataFrame({"s": [1, 2]}))


POLARS = {
    "date": ([dt.date(2024, 1, 1), None], pl.Date, [pd.Timestamp("2024-01-01"), pd.NaT]),
    "time": ([dt.time(1, 2), None], pl.Time, [dt.time(1, 2), None]),
    "datetime": ([dt.datetime(2024, 1, 1), None], pl.Datetime("ns"), [pd.Timestamp("2024-01-01"), pd.NaT]),  # noqa: DTZ001
    "zoned": (
        [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)],
        pl.Datetime("us", "Europe/Berlin"),
        [pd.Timestamp("2024-01-01", tz="UTC")],
    ),
    "duration": ([dt.timedelta(1), None], pl.Duration("ms"), [pd.Timedelta(1, "D"), pd.NaT]),
    "categorical": (["a", None, "b"], pl.Categorical, ["a", None, "b"]),
    "enum": (["b", "a"], pl.Enum(["b", "a", "c"]), ["b", "a"]),
    "decimal": ([decimal.Decimal("1.50"), None], pl.Decimal(10, 2), [decimal.Decimal("1.50"), None]),
    "list": ([[1, 2], None, []], pl.List(pl.Int64), [[1, 2], None, []]),
    "array": ([[1, 2]], pl.Array(pl.Int64, 2), [[1, 2]]),
    "struct": ([{"x": 1, "y": "a"}], pl.Struct({"x": pl.Int64, "y": pl.String}), [{"x": 1, "y": "a"}]),
    "binary": ([b"a", None], pl.Binary, [b"a", None]),
    "boolean": ([True, None], pl.Boolean, [True, pd.NA]),
    "unsigned": ([2**64 - 1, None], pl.UInt64, [2**64 - 1, pd.NA]),
    "huge": ([2**100, None], pl.Int128, [str(2**100), None]),
    "null": ([None, None], pl.Null, [None, None]),
    "object": ([{1}, None], pl.Object, ["{1}", None]),
}


@pytest.mark.parametrize("kind", POLARS)
def test_every_polars_type_arrives_by_the_rules(kind, load):
    """Polars' types become what pandas has for them; what Arrow has no type for becomes text."""
    values, dtype, expected = POLARS[kind]
    with frames.encode(pl.DataFrame({"a": pl.Series(values, dtype=dtype, strict=True)}), "p") as encoded:
        loaded = load(encoded)["a"]
    got = [v.tolist() if isinstance(v, np.ndarray) else v for v in loaded.astype(object)]
    assert [None if v is None or v is pd.NA or v is pd.NaT or v != v else v for v in got] == [  # noqa: PLR0124
        None if v is None or v is pd.NA or v is pd.NaT else v for v in expected
    ]
    if kind == "enum":
        assert loaded.cat.categories.tolist() == ["b", "a", "c"]


ARROW = {
    "string_view": (pa.array(["a", None], pa.string_view()), ["a", None]),
    "dictionary of views": (
        pa.array(["a", "b"]).dictionary_encode().cast(pa.dictionary(pa.int32(), pa.string_view())),
        ["a", "b"],
    ),
    "dictionary of numbers": (pa.array([5, None, 5]).dictionary_encode(), [5, None, 5]),
    "list_view": (pa.array([[1], None], pa.list_view(pa.int64())), [[1], None]),
    "run end": (pa.RunEndEncodedArray.from_arrays([2, 3], ["x", "y"]), ["x", "x", "y"]),
    "interval": (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), [str]),
    "uuid": (pa.array([b"0123456789abcdef"], pa.binary(16)).cast(pa.uuid()), [b"0123456789abcdef"]),
    "bool8": (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0], pa.int8())), [1, 0]),
    "union": (
        pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]),
        ["1", '"b"'],
    ),
    "date64": (pa.array([dt.date(2024, 1, 1)], pa.date64()), [pd.Timestamp("2024-01-01")]),
    "map": (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), [[("a", 1)]]),
    "seconds": (pa.array([0], pa.timestamp("s")), [pd.Timestamp(0)]),
    "half": (pa.array([np.float16(1.5)], pa.float16()), [1.5]),
}


@pytest.mark.parametrize("kind", ARROW)
def test_every_arrow_type_arrives_by_the_rules(kind, load):
    """Views, dictionaries, run ends, extensions, unions: the same values in a type that files and pandas hold."""
    array, expected = ARROW[kind]
    table = pa.table({"a": array, "b": array})
    with frames.encode(table, "t") as encoded:
        loaded = load(encoded)["b"]
        assert encoded.fingerprint == frames.fingerprint(table, "t")
    frames.describe(table, "t", share="full")
    got = [v.tolist() if isinstance(v, np.ndarray) else v for v in loaded.astype(object)]
    got = [None if v is None or v is pd.NA or v != v else v for v in got]  # noqa: PLR0124
    assert got == expected or (expected == [str] and isinstance(got[0], str))


def test_csv_of_other_libraries_arrives(load):
    """A Polars frame as CSV keeps its types through the loading code."""
    frame = pl.DataFrame({"n": [1, None], "t": ["007", None], "d": [dt.date(2024, 1, 1), None]})
    with frames.encode(frame, "p", format="csv") as encoded:
        loaded = load(encoded)
    assert loaded["t"].tolist()[0] == "007"
    assert loaded.dtypes.astype(str).to_dict() == {"n": "Int64", "t": "str", "d": "datetime64[s]"}


def test_what_is_no_frame_is_refused():
    """Arrays, lists, classes, readers are no frames, and encoding one says what it is."""
    things = [[1], {"a": 1}, np.ones(3), pd.DataFrame, pl.DataFrame, "df", None, pd.Index([1]), pa.array([1])]
    for thing in things:
        assert not frames.is_frame(thing)
        with pytest.raises(UsageError, match="not a frame"):
            frames.encode(thing, "thing")


def test_a_query_that_fails_says_so_in_one_line():
    """A lazy frame whose query is wrong ends in FileProblem with the library's reason."""
    broken = pl.DataFrame({"a": [1]}).lazy().select(pl.col("nowhere"))
    with pytest.raises(FileProblem, match=r"`q` could not be computed: .*nowhere"):
        frames.describe(broken, "q")


def test_recognising_imports_nothing():
    """`is_frame` and importing the room leave pandas, numpy, polars and pyarrow alone."""
    code = (
        "import sys; from claude_magic import frames; frames.is_frame(object()); frames.is_frame([1]); "
        "print(sorted({'pandas', 'numpy', 'polars', 'pyarrow', 'narwhals', 'duckdb', 'dask'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
