"""The fingerprint changes when, and only when, what would be uploaded changes."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_magic import frames


def base():
    """A frame of many types."""
    return pd.DataFrame(
        {
            "i": [1, 2, 3],
            "f": [0.0, 1.5, np.nan],
            "s": ["a", None, ""],
            "c": pd.Categorical(["x", "y", "x"], categories=["x", "y", "z"]),
            "t": pd.date_range("2024", periods=3, tz="UTC"),
            "n": pd.array([1, None, 3], dtype="Int64"),
            "o": pd.Series([[1], "x", None], dtype=object),
            "b": [True, False, True],
        }
    )


def test_equal_frames_have_equal_fingerprints():
    """A copy, another object, a frame put together from pieces, other memory under missing values: the same."""
    frame = base()
    pieces = pd.concat([frame.iloc[:1], frame.iloc[1:]], ignore_index=True)
    poisoned = frame.copy()
    poisoned["n"] = pd.arrays.IntegerArray(np.array([1, 99, 3]), np.array([False, True, False]))
    strided = pd.concat([frame, frame])[["i", "f", "s", "c", "t", "n", "o", "b"]].iloc[:3].reset_index(drop=True)
    prints = {frames.fingerprint(one, "df") for one in (frame, frame.copy(), pieces, poisoned, strided)}
    assert len(prints) == 1
    with frames.encode(frame, "df") as encoded:
        assert {encoded.fingerprint} == prints


CHANGES = {
    "value": lambda f: f.assign(i=[1, 2, 4]),
    "minus zero": lambda f: f.assign(f=[-0.0, 1.5, np.nan]),
    "last bit": lambda f: f.assign(f=[0.0, np.nextafter(1.5, 2), np.nan]),
    "missing elsewhere": lambda f: f.assign(f=[0.0, np.nan, 1.5]),
    "empty for missing": lambda f: f.assign(s=["a", "", ""]),
    "text moved": lambda f: f.assign(s=["", None, "a"]),
    "dtype": lambda f: f.astype({"i": "int32"}),
    "nullable": lambda f: f.astype({"i": "Int64"}),
    "category order": lambda f: f.assign(c=f["c"].cat.reorder_categories(["y", "x", "z"])),
    "unused category": lambda f: f.assign(c=f["c"].cat.remove_unused_categories()),
    "ordered": lambda f: f.assign(c=f["c"].cat.as_ordered()),
    "category renamed": lambda f: f.assign(c=f["c"].cat.rename_categories({"z": "w"})),
    "zone": lambda f: f.assign(t=f["t"].dt.tz_convert("Europe/Berlin")),
    "unit": lambda f: f.assign(t=f["t"].dt.as_unit("ns")),
    "object": lambda f: f.assign(o=pd.Series([[2], "x", None], dtype=object)),
    "object type": lambda f: f.assign(o=pd.Series([["1"], "x", None], dtype=object)),
    "bool": lambda f: f.assign(b=[True, True, True]),
    "name": lambda f: f.rename(columns={"i": "j"}),
    "name type": lambda f: f.rename(columns={"i": 0}),
    "column order": lambda f: f[list(reversed(f.columns))],
    "row order": lambda f: f.iloc[::-1].reset_index(drop=True),
    "fewer rows": lambda f: f.iloc[:2],
    "index": lambda f: f.set_index(pd.Index([1, 2, 3])),
    "index name": lambda f: f.set_index(pd.Index([0, 1, 2], name="k")),
    "index values": lambda f: f.set_index(pd.Index([0, 1, 3], name="k")),
    "columns' name": lambda f: f.rename_axis(columns="k"),
    "levels": lambda f: f.set_axis(pd.MultiIndex.from_arrays([f.columns, f.columns]), axis=1),
}


def test_every_change_changes_the_fingerprint():
    """Values to the last bit, dtypes, categories, zones, names, order, index: each is seen, and each differently."""
    prints = {name: frames.fingerprint(change(base()), "df") for name, change in CHANGES.items()}
    prints["unchanged"] = frames.fingerprint(base(), "df")
    prints["another name"] = frames.fingerprint(base(), "df2")
    prints["csv"] = frames.fingerprint(base(), "df", format="csv")
    assert len(set(prints.values())) == len(prints)
    assert all(len(one) == 32 for one in prints.values())


def test_what_is_not_uploaded_does_not_count():
    """`attrs`, `freq` and which marker stands for a missing object stay at home."""
    frame = base().set_index(pd.date_range("2024", periods=3))
    same = frame.copy()
    same.attrs["note"] = "private"
    same.index = pd.DatetimeIndex(list(frame.index))
    same["o"] = pd.Series([[1], "x", float("nan")], dtype=object, index=same.index)
    assert frames.fingerprint(frame, "df") == frames.fingerprint(same, "df")
    with frames.encode(same, "df") as encoded:
        assert b"private" not in encoded.file.read()


@settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    one=st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=5),
    other=st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=5),
    kind=st.sampled_from(["str", "object", "category"]),
)
def test_texts_have_one_fingerprint_each(one, other, kind):
    """Two text columns have equal fingerprints exactly when they are equal, however the text is divided among rows."""
    prints = [frames.fingerprint(pd.DataFrame({"a": pd.Series(v, dtype=kind)}), "df") for v in (one, other)]
    assert (prints[0] == prints[1]) == (one == other)


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.large_list(pa.int64()), pa.list_(pa.int64(), 2)])
def test_nested_values_are_hashed_by_content(kind):
    """Lists divided otherwise, or missing elsewhere, differ; a slice of a larger table does not."""
    values = [[1, 2], None, [3, 4]]
    table = pa.table({"a": pa.array(values, kind), "s": pa.array([{"x": 1}, {"x": None}, None])})
    padded = pa.concat_tables([table, table, table]).combine_chunks()
    prints = [frames.fingerprint(t, "t") for t in (table, padded.slice(3, 3), table.take([0, 2, 1]))]
    assert prints[0] == prints[1]
    assert prints[0] != prints[2]


def test_lists_divided_otherwise_differ():
    """The same numbers in lists of other lengths are other content."""
    one, other = ([[1], [2, 3]], [[1, 2], [3]])
    prints = {frames.fingerprint(pa.table({"a": pa.array(v)}), "t") for v in (one, other)}
    assert len(prints) == 2


def million():
    """1,000,000 rows of 10 mixed columns."""
    rows, seeded = 1_000_000, np.random.default_rng(0)
    return pd.DataFrame(
        {
            "i": seeded.integers(0, 10**6, rows),
            "j": seeded.integers(0, 100, rows),
            "f": seeded.normal(size=rows),
            "g": seeded.normal(size=rows),
            "h": np.where(seeded.random(rows) > 0.9, np.nan, seeded.normal(size=rows)),
            "s": seeded.choice(["Paris", "Rome", "Berlin"], rows),
            "c": pd.Categorical(seeded.choice(list("abc"), rows)),
            "t": pd.date_range("2020", periods=rows, freq="s"),
            "b": seeded.random(rows) > 0.5,
            "n": pd.array(seeded.integers(0, 9, rows), dtype="Int32"),
        }
    )


def test_a_million_rows_cost_little_time_and_memory():
    """1,000,000 x 10 goes up for about half a second of processor time and some 10 MiB; the bounds are generous."""
    frame = million()
    frames.encode(frame.head(), "df").close()  # imports
    pool = pa.default_memory_pool()
    before, began = pool.bytes_allocated(), time.process_time()
    with frames.encode(frame, "df") as encoded:
        assert time.process_time() - began < 3
        assert encoded.size < 45_000_000
    began = time.process_time()
    assert frames.fingerprint(frame, "df") == encoded.fingerprint
    assert time.process_time() - began < 1.5
    assert pool.bytes_allocated() - before < 2**20
    tracemalloc.start()
    frames.encode(frame, "df").close()
    assert tracemalloc.get_traced_memory()[1] < 35 * 2**20
    tracemalloc.stop()


def test_polars_and_its_arrow_table_have_one_fingerprint():
    """The content counts, not the library: a Polars frame and its Arrow table are one upload."""
    frame = pl.DataFrame({"a": [1, None, 3], "t": ["x", None, ""], "l": [[1], None, []]})
    assert frames.fingerprint(frame, "p") == frames.fingerprint(frame.lazy(), "p")
    assert frames.fingerprint(frame, "p") == frames.fingerprint(pl.concat([frame[:1], frame[1:]]), "p")
