"""What the container loads equals what the user had: frames up through a real server, code run there, tables back."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
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
