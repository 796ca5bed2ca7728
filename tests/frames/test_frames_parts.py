"""Frames too large for one upload, files and names, and tables that come back."""

from __future__ import annotations

import io
import json
import string
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic import frames
from claude_magic.errors import FileProblem
from claude_magic.frames import naming, rules


def large():
    """A frame of many parts at a limit of 100 kB, with an index, categories, objects and repeated names."""
    rows, seeded = 20_000, np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "f": seeded.normal(size=rows),
            "c": pd.Categorical.from_codes(seeded.integers(0, 2, rows), categories=["z", "a", "unused"]),
            "o": pd.Series([{"n": n % 7} for n in range(rows)], dtype=object),
            "t": pd.Series(["x"] * (rows // 2) + [None] * (rows // 2)),
            "l": pd.Series([[1]] * rows, dtype=pd.ArrowDtype(pl.Series([[1]]).to_arrow().type)),
        }
    )
    frame.columns = ["f", "c", "o", "f", "l"]
    return frame


@pytest.mark.parametrize("index", [None, "dates", "objects"])
def test_parts_go_together_again(index, load):
    """Each part keeps the limit and is a file of its own; the manifest's loading code gives the whole frame back."""
    frame = large()
    if index == "dates":
        frame.index = pd.date_range("2020", periods=len(frame), freq="h", name="when")
    elif index == "objects":
        frame.index = pd.Index([n if n % 2 else str(n) for n in range(len(frame))], dtype=object)
    parts = frames.encode_parts(frame, "big", limit_bytes=100_000)
    assert len(parts) > 2
    assert all(part.size <= 100_000 for part in parts)
    *files, manifest = parts
    said = json.load(manifest.file)
    assert said["rows"] == 20_000 == sum(part.receipt.rows for part in files)
    assert [part["file"] for part in said["parts"]] == [part.filename for part in files]
    assert len({part.fingerprint for part in parts}) == len(parts)
    loaded = load(*parts)
    pd.testing.assert_frame_equal(loaded, frame, check_freq=False)
    assert len({part.load_code for part in parts}) == 1
    for part in parts:
        part.close()


def test_a_frame_that_fits_is_one_file(load):
    """Under the limit there is one file, the same as `encode` gives, and no manifest."""
    frame = pd.DataFrame({"a": [1, 2]})
    (only,) = frames.encode_parts(frame, "df")
    with only, frames.encode(frame, "df") as encoded:
        assert only.file.read() == encoded.file.read()
        assert only.fingerprint == encoded.fingerprint
        assert only.load_code == encoded.load_code
        pd.testing.assert_frame_equal(load(only), frame)


def test_parts_of_an_arrow_frame(load):
    """Polars frames are divided as well."""
    frame = pl.DataFrame({"n": np.random.default_rng(0).normal(size=30_000), "m": [1, None, 3] * 10_000})
    parts = frames.encode_parts(frame, "p", limit_bytes=100_000)
    loaded = load(*parts)
    assert loaded["m"].dtype == "Int64"
    np.testing.assert_array_equal(loaded["n"], frame["n"].to_numpy())
    for part in parts:
        part.close()


def test_an_encoded_file_has_no_path_and_can_be_read_twice():
    """The file is seekable, its length known, its name an integer: nothing to find in the file system."""
    with frames.encode(pd.DataFrame({"a": [1]}), "df") as encoded:
        assert isinstance(encoded.file.name, int)
        first = encoded.file.read()
        encoded.file.seek(0)
        assert encoded.file.read() == first
        assert len(first) == encoded.size
        assert encoded.mime_type == "application/vnd.apache.parquet"
    assert encoded.file.closed


def test_a_forgotten_file_closes_itself():
    """An `Encoded` nobody holds any more leaves no open file (warnings are errors here)."""
    file = frames.encode(pd.DataFrame({"a": [1]}), "df").file
    assert file.closed


@settings(derandomize=True, deadline=None, max_examples=100)
@given(name=st.text(max_size=300))
def test_every_variable_name_gives_a_file_name_and_a_variable(name):
    """Whatever the name, the file's is one the Files API takes and the variable's one Python takes."""
    filename, variable = frames.filename(name), naming.variable(name)
    assert 1 <= len(filename) <= 255
    assert not set(filename) & {*'<>:"|?*\\/`', *map(chr, range(32))}
    assert variable.isidentifier()
    exec(f"{variable} = 1", {})  # a keyword would not do


@settings(derandomize=True, deadline=None, max_examples=100)
@given(labels=st.lists(st.sampled_from(["a", "a.1", "a.2", "b", 1, "1", None, ("a", 1), "a|1", True, 1.0]), max_size=9))
def test_unique_names_never_collide(labels):
    """Repeated labels get numbers that no other label has; labels that are unique keep their text."""
    names = naming.unique(labels)
    assert len(set(names)) == len(labels) == len(names)
    texts = [naming.label_text(label) for label in labels]
    assert all(name == text for name, text in zip(names, texts, strict=True) if texts.count(text) == 1)


def test_the_rules_print_as_a_table():
    """`python -m claude_magic.frames.rules` prints every rule as a row of a Markdown table."""
    done = subprocess.run(
        [sys.executable, "-m", "claude_magic.frames.rules"], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(rules.RULES) + 2
    assert all(len(line.replace("\\|", "").split("|")) == 6 for line in lines)


def test_every_rule_that_is_applied_is_stated():
    """Receipts name rules by key; a frame of everything odd names most of them, each in one line."""
    odd = large().set_index(pd.Index(range(1, 20_001)))
    with frames.encode(odd, "odd") as encoded:
        told = encoded.receipt.conversions
    assert any("JSON text" in line for line in told)
    assert any("duplicate" in line for line in told)
    assert any("index" in line for line in told)
    assert all("\n" not in line for line in told)


TABLE = pd.DataFrame(
    {
        "day": pd.date_range("2024-01-01", periods=3),
        "at": pd.date_range("2024-01-01 12:00", periods=3, freq="h", tz="UTC"),
        "n": [1, 2, 3],
        "f": [0.5, None, 1.5],
        "t": ["x", None, "2024-13-01"],
        "some": ["2024-01-01", None, "soon"],
    }
)


def artifact(ending):
    """The table as a file that Claude's code might have written."""
    buffer = io.BytesIO()
    if ending == "parquet":
        TABLE.to_parquet(buffer)
    elif ending == "xlsx":
        TABLE.assign(at=TABLE["at"].astype(str)).to_excel(buffer, index=False)
    elif ending == "csv":
        TABLE.to_csv(buffer, index=False)
    elif ending == "tsv":
        TABLE.to_csv(buffer, index=False, sep="\t")
    elif ending == "jsonl":
        TABLE.to_json(buffer, orient="records", lines=True, date_format="iso")
    else:
        TABLE.to_json(buffer, orient=ending, date_format="iso")
    return buffer.getvalue()


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "xlsx", "jsonl", "records", "columns", "split", "table"])
def test_tables_come_back_with_their_types(ending, tmp_path):
    """ISO dates become datetimes where the whole column parses; text that only looks like dates stays text."""
    name = f"out.{ending}" if ending in {"csv", "tsv", "parquet", "xlsx", "jsonl"} else "out.json"
    data = artifact(ending)
    (tmp_path / name).write_bytes(data)
    for source in (data, tmp_path / name):
        got = frames.load_artifact(source, name)
        assert list(got.columns) == list(TABLE.columns)
        assert (got["day"].dt.tz_localize(None) if got["day"].dt.tz else got["day"]).tolist() == TABLE["day"].tolist()
        assert got["at"].tolist() == TABLE["at"].tolist()
        assert got["n"].tolist() == [1, 2, 3]
        assert got["f"].isna().tolist() == [False, True, False]
        assert got["t"].tolist()[::2] == ["x", "2024-13-01"]
        assert got["some"].tolist()[::2] == ["2024-01-01", "soon"]


def test_half_a_zone_is_not_guessed():
    """A column in which only some values have a zone stays text, as do impossible dates and bare years."""
    data = b"a,b,c\n2024-01-01T00:00:00Z,2024-02-30,2024\n2024-01-01T00:00:00,2024-02-28,2025\n"
    got = frames.load_artifact(data, "x.csv")
    assert got["a"].tolist()[1] == "2024-01-01T00:00:00"
    assert got["b"].tolist() == ["2024-02-30", "2024-02-28"]
    assert got["c"].tolist() == [2024, 2025]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.xlsx", "a.json", "a.jsonl"])
@settings(derandomize=True, deadline=None, max_examples=15)
@given(data=st.binary(max_size=60) | st.text(string.printable, max_size=60).map(str.encode))
def test_rubbish_ends_in_one_line(name, data):
    """Bytes that are no table raise FileProblem of one line, or are read as one; nothing else gets out."""
    try:
        got = frames.load_artifact(data, name)
    except FileProblem as problem:
        got = str(problem)
    assert isinstance(got, pd.DataFrame) or "\n" not in got


def test_an_index_written_without_a_header_is_the_index():
    """What `to_csv` wrote with its index comes back with it, dates included; one named index is a column."""
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.to_datetime(["2024-01-01", "2024-01-02"]))
    pd.testing.assert_frame_equal(frames.load_artifact(frame.to_csv().encode(), "x.csv"), frame)
    named = frames.load_artifact(frame.rename_axis("day").to_csv().encode(), "x.csv")
    assert list(named.columns) == ["day", "a"]


def test_rows_that_grow_are_divided_too(load):
    """Where later rows are a thousand times longer than the first, parts still keep the limit."""
    noise = np.random.default_rng(0)
    frame = pd.DataFrame({"t": ["x"] * 2_000 + [noise.bytes(2_000).hex() for _ in range(200)]})
    parts = frames.encode_parts(frame, "df", limit_bytes=100_000)
    assert all(part.size <= 100_000 for part in parts)
    pd.testing.assert_frame_equal(load(*parts), frame)
    for part in parts:
        part.close()


FULL_DISK = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import numpy as np, pandas as pd
from claude_magic import errors, frames
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for make in (frames.encode, frames.encode_parts):
    try:
        make(pd.DataFrame({"f": np.random.default_rng(0).normal(size=100_000)}), "df")
    except errors.FileProblem as problem:
        print(problem)
"""


def test_a_full_disk_is_one_line():
    """When the temporary file cannot grow, one line says so and what to do."""
    done = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True, check=True)
    assert done.stdout.count("cannot be written to a temporary file: File too large.") == 2
    assert done.stderr == ""


def test_what_is_no_table_or_too_large_is_refused(tmp_path):
    """Other endings, missing files and files over the given limit: one line each."""
    with pytest.raises(FileProblem, match="not a table"):
        frames.load_artifact(b"", "../x.png")
    with pytest.raises(FileProblem, match="cannot be opened"):
        frames.load_artifact(tmp_path / "gone.csv", "gone.csv")
    with pytest.raises(FileProblem, match="more than 3"):
        frames.load_artifact(b"a\n1\n", "x.csv", limit_bytes=3)
    assert frames.load_artifact(b"a\n1\n", "x.csv", limit_bytes=4)["a"].tolist() == [1]
