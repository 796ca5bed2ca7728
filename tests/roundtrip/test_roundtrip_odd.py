"""A frame this project has never seen goes through the cell: charts come back, figures are those of pandas."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

ROWS = 200_000


@pytest.fixture(scope="module")
def odd():
    """30 columns: dates with zones, categories, nullable integers, repeated and non-text names; 200,000 rows."""
    rng = np.random.default_rng(20261122)
    gaps = rng.random((30, ROWS)) < 0.07

    def some(n, values, dtype=None):
        return pd.Series(values, dtype=dtype).mask(gaps[n])

    where = np.array(["north", "south", "east", "west"], dtype=object)
    columns = [
        ("weight", some(0, rng.normal(70, 12, ROWS))),
        ("weight", some(1, rng.normal(5, 1, ROWS))),
        ("region", some(2, pd.Categorical.from_codes(rng.integers(0, 4, ROWS), where))),
        ("visits", some(3, rng.integers(0, 40, ROWS), "Int16")),
        ("age", some(4, rng.integers(18, 90, ROWS), "Int8")),
        (2024, some(5, rng.gamma(2, 3, ROWS))),
        (2025, some(6, rng.gamma(2, 4, ROWS))),
        (("size", "cm"), some(7, rng.normal(170, 9, ROWS))),
        (None, some(8, rng.random(ROWS))),
        (3.5, some(9, rng.random(ROWS).astype("float32"))),
        ("admitted", pd.Series(pd.date_range("2020", periods=ROWS, freq="7min", tz="Europe/Berlin"))),
        ("left", some(11, pd.Series(pd.date_range("2020", periods=ROWS, freq="11min", tz="America/New_York")))),
        ("born", some(12, pd.Series(pd.to_datetime(rng.integers(0, 10**9, ROWS), unit="s").astype("M8[s]")))),
        ("stay", some(13, pd.Series(pd.to_timedelta(rng.integers(0, 10**6, ROWS), unit="s")))),
        (
            "grade",
            pd.Series(pd.Categorical.from_codes(rng.integers(-1, 3, ROWS), ["low", "mid", "high"], ordered=True)),
        ),
        ("smoker", some(15, rng.random(ROWS) < 0.2, "boolean")),
        ("note", some(16, where[rng.integers(0, 4, ROWS)], "str")),
        ("Größe (名前) 🐧", some(17, rng.normal(0, 1, ROWS))),
        ("quarter", pd.Series(pd.PeriodIndex.from_ordinals(rng.integers(200, 220, ROWS), freq="Q"))),
        ("band", pd.cut(pd.Series(rng.random(ROWS)), [0, 0.25, 0.5, 1])),
        ("mixed", pd.Series(np.array([1, "a", 2.5, None, True], dtype=object)[rng.integers(0, 5, ROWS)])),
        ("price $", some(21, rng.lognormal(3, 1, ROWS))),
        ("price €", some(22, rng.lognormal(3, 1, ROWS), "Float64")),
        ("nothing", pd.Series([None] * ROWS, dtype="object")),
        ("constant", pd.Series(7, index=range(ROWS), dtype="uint8")),
        ("sparse", pd.Series(pd.arrays.SparseArray(rng.integers(0, 2, ROWS) * rng.integers(0, 2, ROWS)))),
        ("infinite", some(26, np.where(rng.random(ROWS) < 0.01, np.inf, rng.random(ROWS)))),
        ("class", some(27, rng.integers(1, 4, ROWS), "UInt8")),
        (" padded ", some(28, rng.random(ROWS))),
        ("region", some(29, pd.Categorical.from_codes(rng.integers(0, 2, ROWS), ["a", "b"]))),
    ]
    frame = pd.concat([column.reset_index(drop=True) for _, column in columns], axis=1)
    frame.columns = pd.Index([name for name, _ in columns], dtype=object, tupleize_cols=False)
    frame.index = pd.Index([f"p{n:06}" for n in range(ROWS)], name="patient")
    assert frame.shape == (ROWS, 30)
    return frame


def numbers(text):
    """Every number in a text, commas for thousands read."""
    return [float(n.replace(",", "")) for n in re.findall(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?", text)]


def near(text, value):
    """Whether a text states a value, to the four significant digits that an answer has at least."""
    return any(abs(n - value) <= abs(value) * 6e-4 for n in numbers(text))


def test_histograms_of_a_nullable_column_and_of_a_repeated_name(notebook, odd):
    """One chart a cell, the answer's figures are pandas' own; two columns called `weight` can both be asked for."""
    notebook.ns["odd"] = odd
    notebook.run("%%claude -u odd\nhistogram of age")
    reply = notebook.ns["_"]
    assert len(reply.charts) == 1 == len(notebook.images)
    assert reply.charts[0].image().size[0] > 300
    assert near(reply.text, float(odd["age"].mean())), reply.text
    assert near(reply.text, int(odd["age"].isna().sum())), reply.text
    assert reply.provenance.opened == "yes"
    (receipt,) = reply.receipts
    assert (receipt.rows, receipt.columns, receipt.sent) == (*odd.shape, True)
    told = "\n".join(receipt.conversions)
    for words in ("duplicate column names", "not text", "sparse", "mixed"):
        assert words in told
    notebook.run("%%claude -u odd\nhistogram of weight.1")
    reply = notebook.ns["_"]
    assert reply.receipts[0].sent is False
    assert len(reply.charts) == 1
    assert near(reply.text, odd.iloc[:, 1].mean()), reply.text


def test_a_bar_chart_by_category_comes_with_its_table(notebook, odd):
    """The means by a category come as a table that equals pandas', and in words."""
    notebook.ns["odd"] = odd
    notebook.run("%%claude -u odd --no-history\nmean price $ by grade as a bar chart")
    reply = notebook.ns["_"]
    assert len(reply.charts) == 1
    expected = odd.groupby("grade", observed=True)["price $"].mean()
    found = reply.frame()
    means = dict(zip(found.iloc[:, 0], found.iloc[:, 1], strict=True))
    assert set(means) == {"low", "mid", "high"}
    assert all(means[grade] == pytest.approx(value, rel=1e-4) for grade, value in expected.items()), found
    assert near(reply.text, expected.max()), reply.text
