"""CSV and Excel: what the loading code gives back, by the stated rules of text formats."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_magic import frames
from claude_magic.errors import FileProblem

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
DAYS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30))  # noqa: DTZ001 - naive on purpose
FLOATS = st.floats() | st.sampled_from([0.1, -0.0, 1e300, 5e-324])
VALUES = {
    "bool": st.booleans(),
    "int8": st.integers(-128, 127),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "float16": st.floats(width=16),
    "float32": st.floats(width=32),
    "float64": FLOATS,
    "complex128": st.complex_numbers(),
    "Int64": st.none() | st.integers(-(2**63), 2**63 - 1),
    "UInt8": st.none() | st.integers(0, 255),
    "Float64": st.none() | st.floats(allow_nan=False),
    "boolean": st.none() | st.booleans(),
    "str": st.none() | TEXT,
    "string": st.none() | TEXT,
    "datetime64[s]": st.none() | DAYS,
    "datetime64[us]": st.none() | DAYS,
    "datetime64[ns]": st.none() | st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),  # noqa: DTZ001
    "datetime64[us, Europe/Berlin]": st.none() | DAYS.map(lambda t: t.replace(tzinfo=dt.UTC)),
    "timedelta64[ms]": st.none() | st.timedeltas(dt.timedelta(-(10**7)), dt.timedelta(10**7)),
    "timedelta64[ns]": st.none() | st.timedeltas(dt.timedelta(-9), dt.timedelta(9)),
    "period[M]": st.none() | st.integers(-500, 500).map(lambda n: pd.Period(ordinal=n, freq="M")),
    "period[W-SUN]": st.none() | st.integers(-500, 500).map(lambda n: pd.Period(ordinal=n, freq="W-SUN")),
}


def columns(dtype, rows):
    """Columns of a dtype."""
    made = st.lists(VALUES[dtype], min_size=rows, max_size=rows)
    if dtype.startswith("timedelta"):
        unit = dtype[12:-1]
        return made.map(lambda v: pd.Series(v, dtype="timedelta64[us]").astype(f"timedelta64[{unit}]"))
    return made.map(lambda v: pd.Series(v, dtype=dtype))


def by_the_rules(column):
    """Return a column as a text format gives it back: an empty text is a missing value."""
    return column.replace("", None) if str(column.dtype) in {"str", "string"} else column


@pytest.mark.parametrize("dtype", VALUES)
@settings(derandomize=True, deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_column_comes_back_from_csv(dtype, data, load):
    """Numbers to the last digit, text with any character, times with unit and zone, durations, periods."""
    column = data.draw(columns(dtype, data.draw(st.sampled_from([0, 1, 5]))))
    frame = pd.DataFrame({"a": column})
    with frames.encode(frame, "df", format="csv") as encoded:
        loaded = load(encoded)
    pd.testing.assert_series_equal(loaded["a"], by_the_rules(column.rename("a")), check_exact=True)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_index_and_labels_come_back_from_text(kind, load):
    """A MultiIndex, repeated names, numbers as names: the loading code restores them from text formats too."""
    index = pd.MultiIndex.from_arrays([["a", "b"], pd.date_range("2024", periods=2)], names=["k", None])
    frame = pd.DataFrame([[1, 2.5, "x"], [3, 4.5, "y"]], index=index, columns=["n", "n", 7])
    with frames.encode(frame, "df", format=kind) as encoded:
        loaded = load(encoded)
    assert list(loaded.columns) == ["n", "n", 7]
    assert list(loaded.index.names) == ["k", None]
    assert loaded.index.to_list() == frame.index.to_list()
    assert loaded.to_numpy().tolist() == frame.to_numpy().tolist()


def test_what_text_cannot_say_is_named_in_the_receipt(load):
    """Categories arrive as labels, intervals and objects as text, and the receipt says so."""
    frame = pd.DataFrame(
        {
            "c": pd.Categorical([3, 1, 3], categories=[9, 3, 1], ordered=True),
            "i": pd.interval_range(0, 3),
            "o": pd.Series([[1], "x", None], dtype=object),
            "z": [1j, 2j, -1.5],
            "s": pd.arrays.SparseArray([0, 0, 1]),
            "b": pd.Series([b"\x01", None, b"ab"], dtype=object),
        }
    )
    with frames.encode(frame, "df", format="csv") as encoded:
        loaded = load(encoded)
        told = "\n".join(encoded.receipt.conversions)
    assert loaded["c"].tolist() == [3, 1, 3]
    assert not loaded["c"].cat.ordered
    assert loaded["i"].tolist() == ["(0, 1]", "(1, 2]", "(2, 3]"]
    assert loaded["o"].tolist()[:2] == ["[1]", '"x"']
    assert loaded["z"].tolist() == frame["z"].tolist()
    assert loaded["s"].dtype == frame["s"].dtype
    assert loaded["b"].tolist()[::2] == ["01", "6162"]
    for name in "ciozsb":
        assert f'"{name}"' in told


def test_excel_holds_text_as_text(load):
    """Formulas, control characters and long numbers cannot do harm in a sheet, and arrive as the rules say."""
    frame = pd.DataFrame(
        {
            "t": ["=1+1", "007", "a\x00b", "é"],
            "n": [2**62, 1, -1, 0],
            "f": [0.1, np.nan, np.inf, -1e300],
            "d": pd.to_datetime(["2024-01-01 12:30:00.123456", None, "1700-01-01", "2024-01-02"], format="ISO8601"),
            "b": [True, False, True, True],
        }
    )
    with frames.encode(frame, "df", format="xlsx") as encoded:
        loaded = load(encoded)
        assert encoded.filename == "df.xlsx"
    assert loaded["t"].tolist() == ["=1+1", "007", "a\ufffdb", "é"]
    pd.testing.assert_frame_equal(loaded[["n", "f", "d", "b"]], frame[["n", "f", "d", "b"]])


def test_text_formats_refuse_what_they_cannot_hold():
    """Years of five digits, frames without columns, more rows than a sheet has: one line each."""
    late = pd.DataFrame({"t": np.array(["12000-01-01"], "M8[s]")})
    with pytest.raises(FileProblem, match="years 1 to 9999"):
        frames.encode(late, "df", format="csv")
    with pytest.raises(FileProblem, match="without columns"):
        frames.encode(pd.DataFrame(index=range(2)), "df", format="csv")
    with pytest.raises(FileProblem, match="do not fit an Excel sheet"):
        frames.encode(pd.DataFrame({"a": np.zeros(1_048_576, "int8")}), "df", format="xlsx")
    with pytest.raises(frames.encoding.UsageError, match="feather"):
        frames.encode(late, "df", format="feather")


def test_a_wide_csv_names_the_usual_dtype_once(load):
    """2,000 columns of one dtype do not need 2,000 words of loading code."""
    frame = pd.DataFrame(np.ones((2, 2_000)), columns=[f"x{n}" for n in range(2_000)]).assign(label=["007", None])
    with frames.encode(frame, "wide", format="csv") as encoded:
        assert len(encoded.load_code) < 400
        pd.testing.assert_frame_equal(load(encoded), frame)


WITHOUT_PYARROW = """
import importlib.abc, sys
class Gone(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pyarrow":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Gone())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "pyarrow" else found(name, package)
import io, pandas as pd
from claude_magic import frames
frame = pd.DataFrame({"t": ["a,b", None, 'q"'], "n": pd.array([1, None, 3], dtype="Int64"), "f": [0.1, None, 1e300],
                      "d": pd.date_range("2024-03-31", periods=3, freq="h", tz="Europe/Berlin"),
                      "o": pd.Series([[1], 2, "x"], dtype=object), "b": [True, False, True]})
print(frames.describe(frame, "df").splitlines()[4])
encoded = frames.encode(frame, "df")
assert encoded.filename == "df.csv" and frames.fingerprint(frame, "df") == encoded.fingerprint
assert "pyarrow" not in sys.modules
names = {"path": encoded.file}
exec(encoded.load_code, names)
got, expected = names["df"].drop(columns="o"), frame.drop(columns="o")
pd.testing.assert_frame_equal(got, expected, check_freq=False, check_dtype=False)
print(names["df"]["o"].tolist())
"""


def test_without_pyarrow_frames_go_as_csv():
    """Where pyarrow is not installed, CSV is the default and everything else works alike."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_PYARROW], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ['- "d": datetime64[us, Europe/Berlin], 0 missing', "['[1]', '2', '\"x\"']"]
