"""Real data sets, and frames like those of pandas' own tests, go round: up, loaded in the container, back, equal."""

from __future__ import annotations

import importlib
import warnings

import numpy as np
import pandas as pd
import pytest

SETS = {
    "sklearn.datasets": ["load_iris", "load_wine", "load_diabetes", "load_breast_cancer", "load_linnerud"],
    "palmerpenguins": ["load_penguins", "load_penguins_raw"],
    "vega_datasets": ["airports", "barley", "la_riots", "ohlc", "seattle_weather", "stocks", "us_employment"],
    "statsmodels.datasets": ["co2", "fair", "grunfeld", "longley", "macrodata", "randhie", "star98", "sunspots"],
}


def data_set(package, name):
    """One data set as the frame its package gives."""
    module = pytest.importorskip(package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # vega_datasets reads its files with words that pandas is leaving behind
        if package == "sklearn.datasets":
            return getattr(module, name)(as_frame=True).frame
        if package == "palmerpenguins":
            return getattr(module, name)()
        if package == "vega_datasets":
            return getattr(module.local_data, name)()
        return importlib.import_module(f"{package}.{name}").load_pandas().data


@pytest.mark.parametrize("package", SETS)
def test_real_data_sets_go_round(package, trip):
    """Each frame comes back equal to the last bit, as parquet."""
    namespace = {name: data_set(package, name) for name in SETS[package]}
    back = trip.back(namespace, "parquet", "df.to_parquet(out)")
    for name, frame in namespace.items():
        pd.testing.assert_frame_equal(back[name], frame, check_exact=True, check_freq=False)


def test_a_data_set_as_csv_and_excel_is_read_as_what_it_is(trip):
    """`NAME.csv` and `NAME.xlsx` choose the file: numbers and texts arrive as they do from parquet."""
    frame = data_set("sklearn.datasets", "load_wine")
    for spec in ("wine.csv", "wine.xlsx"):
        (load,) = trip.instructions({"wine": frame}, upload=[spec]).values()
        assert "read_csv" in load or "read_excel" in load
        code = f"{load}\nwine.to_parquet(os.environ['OUTPUT_DIR'] + '/wine.parquet')"
        reply = trip.ask(code, {"wine": frame}, upload=[spec], history=False)
        assert reply.receipts[0].filename.endswith(spec[-4:])
        pd.testing.assert_frame_equal(reply.frame(), frame, check_exact=True)


def like_pandas_own(seed=7):
    """Frames in the shapes that pandas' test suite builds its fixtures in."""
    rng = np.random.default_rng(seed)
    labels = pd.Index([f"foo_{n}" for n in range(30)], dtype="str")
    days = pd.date_range("2000-01-03", periods=30, freq="B")
    return {
        "float_frame": pd.DataFrame(rng.normal(size=(30, 4)), index=labels, columns=list("ABCD")),
        "int_frame": pd.DataFrame(rng.integers(-9, 9, (30, 4)), index=labels, columns=list("ABCD")),
        "float_string": pd.DataFrame(rng.normal(size=(30, 2)), index=labels, columns=["A", "B"]).assign(foo="bar"),
        "datetime_frame": pd.DataFrame(rng.normal(size=(30, 4)), index=days, columns=list("ABCD")),
        "bool_with_na": pd.DataFrame({"A": pd.array([True, False, None] * 10, dtype="boolean")}, index=labels),
        "with_missing": pd.DataFrame(np.where(rng.random((30, 4)) > 0.7, np.nan, 1.5), columns=list("ABCD")),
        "mixed_type": pd.DataFrame(
            {"a": 1.0, "b": 2, "c": "foo", "f32": np.float32(1.5), "i8": np.int8(3), "u64": np.uint64(2**63)},
            index=range(10),
        ),
        "timezones": pd.DataFrame(
            {"A": days, "B": days.tz_localize("US/Eastern"), "C": days.tz_localize("CET")}, index=range(30)
        ),
        "multi_rows": pd.DataFrame(
            rng.normal(size=(10, 3)),
            index=pd.MultiIndex.from_product([["foo", "bar"], list("vwxyz")], names=["first", "second"]),
            columns=["A", "B", "C"],
        ),
        "multi_columns": pd.DataFrame(
            rng.normal(size=(6, 6)), columns=pd.MultiIndex.from_product([[1, 2], ["a", "b", "c"]], names=["n", "s"])
        ),
        "year_month_day": pd.DataFrame({"v": rng.normal(size=30)}, index=pd.MultiIndex.from_arrays(
            [days.year, days.month, days.day], names=["year", "month", "day"])),
        "periods": pd.DataFrame({"v": range(12)}, index=pd.period_range("2024-01", periods=12, freq="M", name="p")),
        "intervals": pd.DataFrame({"cut": pd.cut(pd.Series(rng.random(20)), 4), "v": range(20)}),
        "categories": pd.DataFrame({"c": pd.Categorical(list("abca"), categories=list("cbad"), ordered=True)}),
        "dups": pd.DataFrame(rng.normal(size=(4, 4)), columns=["A", "A", "B", "A"]),
    }  # fmt: skip


def test_frames_like_those_of_pandas_own_tests_go_round(trip):
    """Labelled, zoned, levelled, repeated, with periods and intervals: loaded in the container as they were here."""
    given = like_pandas_own()
    loaded = trip.loaded(given)
    for name, frame in given.items():
        pd.testing.assert_frame_equal(loaded[name], frame, check_exact=True, check_freq=False)
