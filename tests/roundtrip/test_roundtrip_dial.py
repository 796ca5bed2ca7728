"""The dial as a contract over everything we write into a prompt: mounted frames, and `{{ df }}`.

A frame that is not the first of its name in the store has a number in its file's name, so that a changed `df` is
another file in the same container. It depends on the order of uploads, not on content; where frames share a store
here, it is replaced before comparing.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_magic import rendering
from claude_magic.options import Options
from claude_magic.sessions import Session
from claude_magic.wire import Secret

_SPEC = importlib.util.spec_from_file_location("pairs", Path(__file__).parents[1] / "frames" / "pairs.py")
pairs = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(pairs)

MANY = settings(derandomize=True, deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
NUMBERED = re.compile(r'"df(?:-\d+)?\.(parquet|csv)"')


def written(trip, frame, share, upload="df", **more):
    """Every text we write for a cell that uploads `df` and has `{{ df }}` in its prompt."""
    options = Options(upload=(upload,), model="claude-sonnet-5-5", share=share, **more)
    blocks = trip.session.compose("Look at {{ df }}, please.", options, {"df": frame})
    prepared = trip.session.prepare(blocks, options, {"df": frame})
    body = prepared.request.body()
    assert body["messages"][-1]["content"] == list(prepared.asked)
    assert not body.get("system")
    return [block["text"] for block in prepared.asked if block["type"] == "text"]


def unnumbered(texts):
    """The texts with the number in the file's name taken out."""
    return [NUMBERED.sub(r'"df.\1"', text).encode() for text in texts]


@MANY
@given(pair=pairs.pairs(), upload=st.sampled_from(["df", "df.csv"]), new=st.booleans())
def test_at_schema_what_we_write_does_not_depend_on_any_value(pair, upload, new, trip):
    """Equal names, types, length and missing counts: byte-identical prompts, whatever values and labels are."""
    one, other = (written(trip, frame, "schema", upload, new=new) for frame in pair)
    assert unnumbered(one) == unnumbered(other)
    assert unnumbered(one) == unnumbered(written(trip, pair[0], None, upload))  # the default is `schema`


@settings(MANY, max_examples=8)
@given(pair=pairs.pairs())
def test_at_schema_two_users_write_the_same_to_the_byte(pair, runner_url, tmp_path_factory):
    """Two stores that have seen nothing, two frames with no value in common: the same bytes, file names and all."""
    texts = []
    for frame in pair:
        session = Session(home=tmp_path_factory.mktemp("user"))
        session.use(runner_url, key=Secret("sk-roundtrip-test-key"))
        texts.append(written(SimpleNamespace(session=session), frame, "schema"))
        session.close()
    assert texts[0] == texts[1]


def test_the_name_is_the_only_thing_that_depends_on_the_content(trip):
    """Two contents have two names, the same content the same name; nothing else in the texts differs."""
    frames = [pd.DataFrame({"a": [value]}) for value in ("one", "two", "one")]
    texts = ["\n".join(written(trip, frame, "schema")) for frame in frames]
    assert texts[0] == texts[2] != texts[1]
    assert NUMBERED.split(texts[0]) == NUMBERED.split(texts[1])
    assert all(len(set(NUMBERED.findall(text))) == 1 for text in texts)


# Words that we do not use ourselves, so that finding one in a text means that it came from the frame.
ODD = st.from_regex(r"q[xz]{3}[0-9]{3}", fullmatch=True)


@MANY
@given(names=st.lists(ODD, min_size=1, max_size=5), values=st.lists(ODD, min_size=1, max_size=3), label=ODD)
def test_at_none_only_the_name_of_the_file_is_told(names, values, label, trip):
    """No column, index or value of the frame is anywhere in the texts, nor how many rows it has or of what types."""
    frame = pd.DataFrame(dict.fromkeys(names, values), index=pd.Index(values, name=label))
    texts = written(trip, frame, "none")
    assert not re.search(r"q[xz]{3}", "".join(texts))
    other = pd.DataFrame({"a": [1.5] * 9})
    assert unnumbered(texts) == unnumbered(written(trip, other, "none"))
    assert texts[-1] == "Look at df.parquet, please."
    assert "rows" not in "".join(texts)
    assert "pd.read" not in "".join(texts)


def test_masked_columns_are_told_by_name_and_type_only(trip):
    """At `full` every row is told but for what `mask` covers."""
    frame = pd.DataFrame({"secret": ["qxxx111", "qzzz222"], "open": ["seen", "seen"]})
    trip.session.settings.mask = ("secret",)
    try:
        told = "".join(written(trip, frame, "full"))
    finally:
        trip.session.settings.mask = ()
    assert '"secret": str, 0 missing' in told
    assert "seen" in told
    assert "qxxx" not in told
    assert "qzzz" not in told


@pytest.mark.parametrize(
    ("share", "told"), [("none", "the file's name"), ("schema", "missing values"), ("sample=2", "rows")]
)
def test_the_receipt_says_what_left_the_machine(share, told, trip):
    """Names, rows, bytes, conversions, what the prompt tells; prompt and printed output are outside the dial."""
    frame = pd.DataFrame({"a": [1, 2], "b": [1j, 2j]})
    options = Options(upload=("df",), model="claude-sonnet-5-5", share=share)
    (receipt,) = trip.session.prepare([], options, {"df": frame}).receipts
    lines = receipt.report.splitlines()
    assert "2 rows x 2 columns" in lines[0]
    assert rendering.size_in_words(receipt.size) in lines[0]
    assert receipt.file_ids[0] in lines[1]
    assert told in lines[2]
    assert f"--share {share}" in lines[2]
    assert lines[3].startswith('converted: "b": complex numbers')
    assert "your prompt" in lines[-1]
    assert "code in the container prints" in lines[-1]
