"""Frames nobody has seen: odd types, odd names, nothing in them. No crash, no figure made up, nothing executed."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from claude_magic import frames
from claude_magic.local.engine import Turn, UploadedFile
from claude_magic.local.standin import StandIn, prompts, schema
from claude_magic.local.standin.plan import Plan, Step
from claude_magic.local.standin.scripts import SECTIONS, script
from claude_magic.local.standin.table import BOOL, CATEGORY, NUMBER, TEXT, TIME, Column, Table

NASTY = [
    "'); import os; os.abort() #",
    "_END_OF_PROGRAM\nimport os; os.abort()",
    'a"""b',
    "{x} {{y}} %s",
    "<script>alert(1)</script>",
    "![x](http://evil.example/a.png)",
    "`code` | pipe",
    "[l](javascript:alert(1))",
    "$x$ \\ $$",
    "\u202egnp.exe",
    "",
    " ",
    "日本語の列",
    "n" * 300,
    "count",
    "mean",
    "group",
    "value",
    "table",
    "index",
]


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    """A frame whose names and values try everything."""
    rng = np.random.default_rng(1)
    df = pd.DataFrame({name: rng.normal(size=60) for name in NASTY})
    df["<b>who</b>"] = [NASTY[i % 10] for i in range(60)]
    path = tmp_path_factory.mktemp("nasty") / "na'sty `x`.parquet"
    df.to_parquet(path)
    return path


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Thirty columns of every type that pandas has, with holes."""
    n = 400
    rng = np.random.default_rng(2)
    when = pd.date_range("2023-03-01", periods=n, freq="7h", tz="Europe/Berlin")
    df = pd.DataFrame(
        {
            "when": when, "naive": when.tz_localize(None), "span": pd.to_timedelta(rng.integers(0, 999, n), unit="min"),
            "whole": pd.array(rng.integers(0, 9, n), dtype="Int64"), "small": rng.integers(0, 3, n).astype("int8"),
            "maybe": pd.array(rng.random(n) > 0.5, dtype="boolean"), "flag": rng.random(n) > 0.5,
            "kind": pd.Categorical(rng.choice(["a", "b", "c"], n)), "city": rng.choice(["Ulm", "Bonn"], n),
            "digits": rng.integers(10000, 99999, n).astype(str), "decimals": rng.normal(size=n).round(3).astype(str),
            "day text": when.strftime("%Y-%m-%d"), "empty": [None] * n, "nan": np.nan, "constant": 1.0,
            "infinite": np.where(rng.random(n) < 0.1, np.inf, 1.5), "row_id": np.arange(n),
            "money": [decimal.Decimal(i) / 100 for i in range(n)],
            "date": [dt.date(2020, 1, 1 + i % 28) for i in range(n)],
            "many": [f"customer {i}" for i in range(n)], "flöße €": rng.normal(size=n),
            **{f"x{i}": rng.normal(size=n) for i in range(9)},
        }
    )  # fmt: skip
    df.loc[::5, ["whole", "maybe", "kind", "city", "when", "x0", "decimals"]] = None
    path = tmp_path_factory.mktemp("odd") / "odd.parquet"
    df.to_parquet(path)
    return path


PROMPTS = [
    "describe", "missing values", "histograms", "outliers", "correlation heat map", "first 5 rows",
    "mean of whole by kind", "x1 by when and kind", "scatter x0 vs x1 coloured by kind",
    "regression of x0 on x1", "regression of x1 on when", "top 5 by money", "pivot of x1 by kind and city",
    "share of maybe by kind", "sum of decimals by city", "histogram of span", "mean money by date",
    "count by many", "top 3 many by sum of x1",
    "histogram of empty", "scatter nan vs x1", "regression of constant on constant", "mean of infinite by city",
    "mean x0 by whole",
    "monthly count of day text", "distribution of when", "distribution of digits", "compare x0 by many",
    "bar chart of flag",
    "mean of flöße by small", "median and mean x1 by when", "histogram of infinite by maybe",
]  # fmt: skip


@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_analysis_copes_with_odd_types(ask, odd, prompt):
    """Zones, nullable integers, decimals, dates, texts of digits, empty and constant columns: figures, no failure."""
    answer = ask(odd, prompt)
    assert set(answer.codes) == {0}, [r.get("stderr") for r in answer.results]
    assert answer.figures is not None
    assert "nan" not in answer.text.lower().replace("`nan`", "").replace("pandas", "")


@pytest.mark.parametrize(
    "prompt",
    ["describe", "histograms", "correlation", "missing", "outliers", "top 3", "mean of count by who", "mean by who"],
)
def test_names_and_values_stay_text(ask, nasty, prompt):
    """A name ends no string, no program and no table; the answer's Markdown holds no HTML, image or link."""
    answer = ask(nasty, prompt)
    assert set(answer.codes) == {0}, [r.get("stderr") for r in answer.results]
    kinds = set()
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(answer.text):
        kinds |= {token.type, *(t.type for t in token.children or [])}
    assert not kinds & {"html_inline", "html_block", "image", "link_open"}
    assert "\u202e" not in answer.text


def test_a_file_that_is_no_table_is_said_to_be_unreadable(ask, tmp_path):
    """The last line of the error is shown, and no figure."""
    (tmp_path / "broken.parquet").write_bytes(b"nothing of the kind")
    answer = ask(tmp_path / "broken.parquet", "describe")
    assert "I could not read `broken.parquet`: " in answer.text
    assert "Parquet" in answer.text
    (tmp_path / "empty.csv").write_text("a,b\n")
    assert "has no rows" in ask(tmp_path / "empty.csv", "mean a by b").text


def test_a_tool_that_fails_is_reported_and_nothing_is_made_up():
    """Without a result there is no figure."""
    file = UploadedFile("file_1", "a.csv", "text/csv", 1)
    request = {"messages": [{"role": "user", "content": "mean a by b"}]}
    events = StandIn().answer(
        Turn(request, (file,), can_run=True)
    )  # a turn without a container: every call is an error
    text = "".join(e.get("delta", {}).get("text", "") for e in events)
    assert "I could not read `a.csv`: unavailable. There is nothing that I could report." in text


def test_a_program_that_fails_is_followed_by_a_general_profile(ask, tmp_path):
    """A condition that pandas refuses fails; the answer says so and describes the table."""
    pd.DataFrame({"name": ["a", "b"], "size": [1.0, 2.0]}).to_csv(tmp_path / "t.csv", index=False)
    answer = ask(tmp_path / "t.csv", "mean size by name where name > 5")
    assert answer.codes == [0, 1, 0]
    assert "The program failed: TypeError" in answer.text
    assert "**2 rows and 2 columns**" in answer.text


def test_the_clients_text_about_a_frame_spares_the_look(ask, odd, tmp_path):
    """With a description there is one command; it names the columns as the file has them."""
    df = pd.DataFrame({1: [1.0, 2.0, 4.0], "b": ["x", "y", "y"]})
    encoded = frames.encode(df, "df")
    path = tmp_path / encoded.filename
    path.write_bytes(encoded.file.read())
    encoded.close()
    where = f'The file "{path.name}" is in the container\'s input directory (x).'
    told = f"{where}\n{frames.describe(df, 'df')}\nState figures as the code printed them."
    answer = ask(path, [{"type": "text", "text": told}, {"type": "text", "text": "mean of column 1 by b"}])
    assert answer.calls == ["text_editor_code_execution", "bash_code_execution"]
    assert "**y** has the highest mean `1`: **3**" in answer.text


def test_the_clients_text_is_no_part_of_the_request():
    """What the client says of files and frames asks for nothing."""
    df = pd.DataFrame({"mean": [1], "top 5": [2]})
    text = f"Before.\n{frames.describe(df, 'df', share='stats')}\nCount the rows."
    assert schema.request(text) == "Before.\n\nCount the rows."
    assert prompts.read({"messages": [{"role": "user", "content": text}]}).tables[0].rows == 1


def test_a_description_that_is_cut_or_forged_is_not_believed():
    """Where the lines do not fit the heading, the file is looked into."""
    assert schema.tables('DataFrame `d`: 5 rows x 2 columns\n- "a": int64, 0 missing\n') == []
    assert schema.tables('DataFrame `d`: 5 rows x 1 columns\n- "a" … "b" (9 columns): int64, 0 missing in all\n') == []
    (table,) = schema.tables('DataFrame `d`: 5 rows x 1 columns\n- "a": int64, 0 missing\n')
    assert table.columns[0].name == "a"


NAMES = st.one_of(st.sampled_from([n for n in NASTY if n]), st.text(min_size=1, max_size=12))
KINDS = st.sampled_from([NUMBER, TEXT, CATEGORY, TIME, BOOL])


@st.composite
def tables(draw):
    """Tables with any names, and a plan for each intent on any of their columns."""
    names = draw(st.lists(NAMES, min_size=3, max_size=6, unique=True))
    columns = tuple(Column(n, draw(KINDS), draw(st.sampled_from([None, 2, 500]))) for n in names)
    intent = draw(st.sampled_from(sorted(SECTIONS)))
    x = names[1] if intent in {"line", "scatter", "regression"} else ""
    step = Step(intent, (names[0],), x=x, by=(names[2],), aggs=("mean",), n=3)
    return Table(draw(NAMES) + ".csv", columns, 5, looked=True), Plan((step,))


@settings(derandomize=True, deadline=None, max_examples=150)
@given(tables())
def test_any_names_make_programs_that_compile_and_hold_them_as_text_only(made):
    """Whatever a name contains, the program parses, and the name is in it as a string or not at all."""
    table, plan = made
    source = script(plan, table)
    names = compile(source, "analysis.py", "exec").co_names
    assert "abort" not in names
    assert "\n_END_OF_PROGRAM\n" not in source


VALUES = {
    "float": st.floats(width=32) | st.none(),
    "int": st.integers(-(2**40), 2**40) | st.none(),
    "text": st.text(max_size=5) | st.none(),
    "bool": st.booleans() | st.none(),
    "time": st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2030, 1, 1))  # noqa: DTZ001 - naive on purpose
    | st.none(),
}


@st.composite
def odd_frames(draw):
    """Small frames of mixed columns and the prompt to ask of them."""
    rows = draw(st.integers(0, 12))
    df = pd.DataFrame(index=range(rows))
    for i, kind in enumerate(draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4))):
        df[f"{kind}{i}"] = pd.Series(
            draw(st.lists(VALUES[kind], min_size=rows, max_size=rows)), dtype=object
        ).infer_objects()
    a, b = draw(st.sampled_from(list(df.columns))), draw(st.sampled_from(list(df.columns)))
    asked = [
        "describe",
        "histogram of {a}",
        "mean {a} by {b}",
        "scatter {a} vs {b}",
        "plot {a} over {b}",
        "correlation",
        "top 2 {a}",
        "compare {a} by {b}",
    ]
    return df, draw(st.sampled_from(asked)).format(a=a, b=b)


@settings(derandomize=True, deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd_frames())
def test_odd_frames_never_crash_it(ask, tmp_path, made):
    """Every request ends with an answer; one without figures says why."""
    df, prompt = made
    df.to_csv(tmp_path / "odd.csv", index=False)
    answer = ask(tmp_path / "odd.csv", prompt)
    assert len(answer.texts) >= 2
    starts = sum(e["type"] == "content_block_start" for e in answer.events)
    assert starts == sum(e["type"] == "content_block_stop" for e in answer.events)
    if any(answer.codes):
        assert "failed" in answer.text or "could not read" in answer.text


def test_two_hundred_thousand_rows_are_read(tmp_path, ask):
    """A large frame of thirty columns is described and charted."""
    rng = np.random.default_rng(3)
    df = pd.DataFrame({f"c{i}": rng.normal(size=200_000) for i in range(28)})
    df["customer"] = rng.integers(0, 50_000, 200_000).astype(str)
    df["when"] = pd.date_range("2020-01-01", periods=200_000, freq="min", tz="Asia/Tokyo")
    df.to_parquet(tmp_path / "big.parquet")
    answer = ask(tmp_path / "big.parquet", "daily mean of c1 and the top 10 customers by sum of c2")
    assert set(answer.codes) == {0}
    sums = df.groupby("customer")["c2"].sum()
    assert answer.figures[1]["table"]["index"][0] == sums.idxmax()
    assert answer.figures[1]["groups"] == sums.size
