"""The dial `--share` is a contract; the description keeps its grammar and its budget."""

from __future__ import annotations

import datetime as dt
import importlib.util
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_magic import frames
from claude_magic.errors import UsageError

_SPEC = importlib.util.spec_from_file_location("pairs", Path(__file__).with_name("pairs.py"))
pairs = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(pairs)


@settings(derandomize=True, deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))
@given(pair=pairs.pairs())
def test_at_schema_the_text_does_not_depend_on_any_value(pair):
    """Same names, types, length, missing counts: byte-identical description and loading code, whatever the values."""
    said = [frames.describe(frame, "df", share="schema") for frame in pair]
    assert said[0].encode() == said[1].encode()
    assert said[0] == frames.describe(pair[0], "df")
    with frames.encode(pair[0], "df") as one, frames.encode(pair[1], "df") as other:
        assert one.load_code == other.load_code
        assert one.filename == other.filename
    with frames.encode(pair[0], "df", format="csv") as one, frames.encode(pair[1], "df", format="csv") as other:
        assert one.load_code == other.load_code


@settings(derandomize=True, deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(pair=pairs.pairs())
def test_at_none_the_text_is_the_file_name(pair):
    """`none` says the file's name and nothing else, not even the number of rows."""
    assert {frames.describe(frame, "my sales", share="none") for frame in pair} == {"my sales.parquet"}
    assert frames.describe(pair[0], "a/b", share="none", format="csv") == "a_b.csv"


def sales():
    """A frame to describe."""
    return pd.DataFrame(
        {
            "city": ["Paris", "Rome", None, "Paris"],
            "amount": [1.5, -2.0, np.inf, np.nan],
            "day": pd.date_range("2024-01-01", periods=4, tz="Europe/Berlin"),
            "ok": [True, False, True, True],
            'a "b"\n': pd.Categorical([1, 2, 2, None], ordered=True),
        },
        index=pd.Index(list("wxyz"), name="key"),
    )


def test_the_grammar_is_what_the_stand_in_parses():
    """First line, one line per column with a JSON name, then the index: exactly as the module says."""
    assert frames.describe(sales(), "sales") == (
        "DataFrame `sales`: 4 rows x 5 columns\n"
        '- "city": str, 1 missing\n'
        '- "amount": float64, 1 missing\n'
        '- "day": datetime64[us, Europe/Berlin], 0 missing\n'
        '- "ok": bool, 0 missing\n'
        '- "a \\"b\\"\\n": ordered category, 1 missing\n'
        "Index:\n"
        '- "key": str, 0 missing\n'
    )


@settings(derandomize=True, deadline=None, max_examples=60)
@given(names=st.lists(st.text(max_size=9), min_size=1, max_size=6), share=st.sampled_from(["schema", "stats", "full"]))
def test_every_name_and_value_stays_on_its_line(names, share):
    """Whatever names and values hold (newlines, quotes, bidirectional marks), lines parse back to the file's names."""
    frame = pd.DataFrame([names], columns=names)
    lines = frames.describe(frame, "df`\n", share=share).split("\n")
    assert lines[0] == f"DataFrame `df'`: 1 rows x {len(names)} columns"
    assert lines == [*"\n".join(lines).splitlines(), ""]
    parsed = [re.fullmatch(r'- ("(?:[^"\\]|\\.)*"): (.+), (\d+) missing', line) for line in lines[1 : len(names) + 1]]
    assert all(parsed)
    with frames.encode(frame, "df") as encoded:
        import pyarrow.parquet as pq

        assert [json.loads(found[1]) for found in parsed] == pq.read_schema(encoded.file).names


def test_statistics_and_rows_come_when_they_may():
    """`stats` adds figures and frequent values, `sample=N` rows, `full` all rows, to what the one before says."""
    said = [frames.describe(sales(), "sales", share=share) for share in ("schema", "stats", "sample=2", "full")]
    assert all(later.startswith(former) for former, later in itertools.pairwise(said[:3]))
    assert '- "city": 2 distinct; "Paris" 2, "Rome" 1' in said[1]
    assert '- "ok": 3 true, 1 false' in said[1]
    assert '- "amount": min -2' in said[1]
    assert said[1].count("Paris") == 1
    assert 'Rows: 2 of 4, as row number, index levels, columns\n[0, "w", "Paris", 1.5, ' in said[2]
    assert said[3].rstrip().endswith('[3, "z", "Paris", null, "2024-01-04T00:00:00+01:00", true, null]')


def test_masked_columns_show_no_value_at_any_level():
    """A masked column keeps its line in the schema; its values appear neither in statistics nor in rows."""
    for share in ("stats", "sample=3", "full"):
        said = frames.describe(sales(), "sales", share=share, masked=["city", "key"])
        assert '- "city": str, 1 missing' in said
        assert '- "city": masked' in said
        for value in ("Paris", "Rome", '"w"', '"z"'):
            assert value not in said


def test_a_sample_is_the_same_every_time_and_spread():
    """First and last rows are in it, the rest lies between, and the same frame gives the same text."""
    frame = pd.DataFrame({"n": range(1_000)})
    said = frames.describe(frame, "df", share="sample=9")
    rows = [json.loads(line)[0] for line in said.splitlines() if line.startswith("[")]
    assert rows[:3] == [0, 1, 2]
    assert rows[-3:] == [997, 998, 999]
    assert len(set(rows)) == 9
    assert max(np.diff(rows)) > 20
    assert said == frames.describe(frame, "df", share="sample=9")


@pytest.mark.parametrize("share", ["schema", "stats", "sample=5", "full"])
@pytest.mark.parametrize("budget", [200, 1_000, 4_000])
@pytest.mark.parametrize("columns", [3, 400, 3_000])
def test_the_budget_is_kept(share, budget, columns):
    """Wide frames, long names, long values: the text stays within the budget and says what it left out."""
    mixed = {f"{'ab'[n % 2] * (n % 90)}{n}": ["long " * 99] * 20 if n % 3 else range(20) for n in range(columns)}
    said = frames.describe(pd.DataFrame(mixed), "df", share=share, budget_tokens=budget)
    assert len(said.encode()) <= budget * 2.5
    assert said.startswith(f"DataFrame `df`: 20 rows x {columns} columns\n")
    if columns > 3:
        assert "left out" in said or "columns):" in said


def test_runs_of_similar_columns_share_a_line():
    """2,000 numbered columns are one line, with the types and missing values of all."""
    frame = pd.DataFrame(np.ones((2, 2_000)), columns=[f"x{n}" for n in range(2_000)]).assign(y="text")
    frame.loc[0, "x3"] = np.nan
    assert frames.describe(frame, "df") == (
        "DataFrame `df`: 2 rows x 2001 columns\n"
        '- "x0" … "x1999" (2000 columns): float64, 1 missing in all\n'
        '- "y": str, 0 missing\n'
    )


def test_long_values_are_cut_and_huge_names_say_so():
    """A value shows at most 80 characters; a name of thousands is cut and says how long it was."""
    frame = pd.DataFrame({"n" * 5_000: ["v" * 5_000]})
    said = frames.describe(frame, "df", share="full")
    assert "(cut from 5000 characters)" in said
    assert "v" * 81 not in said
    assert "v" * 79 + "…" in said


def test_other_libraries_are_described_as_they_arrive():
    """A Polars frame is described by the pandas types its columns will have in the container."""
    frame = pl.DataFrame({"n": [1, None], "m": [1, 2], "d": [dt.date(2024, 1, 1), None], "t": ["x", None]})
    assert frames.describe(frame, "p") == (
        "DataFrame `p`: 2 rows x 4 columns\n"
        '- "n": Int64, 1 missing\n- "m": int64, 0 missing\n- "d": datetime64[s], 1 missing\n- "t": str, 1 missing\n'
    )


def test_remarks_tell_of_labels_the_file_cannot_have():
    """Repeated, numeric or levelled column labels are pointed out."""
    assert "names repeat" in frames.describe(pd.DataFrame([[1, 2]], columns=["a", "a"]), "df")
    assert "not text" in frames.describe(pd.DataFrame([[1, 2]]), "df")
    levels = pd.MultiIndex.from_product([["a"], ["x", "y"]])
    assert '- "a|x": int64' in frames.describe(pd.DataFrame([[1, 2]], columns=levels), "df")


def test_an_unknown_setting_is_refused():
    """The dial has five settings, and nothing is described at any other."""
    for share in ("all", "sample", "sample=0", "sample=-1", "", "Schema"):
        with pytest.raises(UsageError, match="not a setting"):
            frames.describe(sales(), "df", share=share)


def test_infinities_in_statistics_raise_no_warning():
    """Columns of infinities, of nothing, of complex numbers and of lists have statistics too."""
    frame = pd.DataFrame(
        {
            "f": [np.inf, -np.inf],
            "e": [None, None],
            "c": [1j, 2j],
            "l": [[1], [1]],
            "p": pd.period_range("2024", periods=2, freq="M"),
            "s": pd.arrays.SparseArray([0, 1]),
            "i": pd.array([1, None], dtype="Int8"),
            "d": pd.to_timedelta([1, 2], unit="D"),
        }
    )
    said = frames.describe(frame, "df", share="full")
    assert '- "e": no values' in said
    assert '- "l": 1 distinct; "[1]" 2' in said
