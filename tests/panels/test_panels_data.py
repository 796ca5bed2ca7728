"""The data panel: what is told is what is sent, columns that are left out stay out, asking gives charts."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from claude_magic.errors import UsageError
from claude_magic.panels.kernel_frames import part_name, part_of


@pytest.fixture
def sales():
    """A small frame with an index and a column that should not leave."""
    return pd.DataFrame(
        {"region": ["north", "south", "south"], "units": [1, 2, 3], "secret": ["p1", "p2", "p3"]}, index=[5, 6, 7]
    )


@pytest.fixture
def picked(open_panel, notebook, sales, until):
    """The panel with `sales` picked."""
    notebook.ns["sales"] = sales
    panel, browser = open_panel("data")
    assert browser.state["frames"] == ["sales"]
    browser.say("pick", name="sales")
    until(lambda: browser.state["told"])
    return panel, browser


def sent_text(reply):
    """The text of the last request that tells of the upload."""
    return next(b["text"] for b in reply.request.messages[-1]["content"] if b["type"] == "text")


def test_the_schema_is_shown(picked):
    """Names, types and counts of missing values; the number of rows."""
    _, browser = picked
    shown = [(c["name"], c["missing"]) for c in browser.state["columns"]]
    assert shown == [("region", 0), ("units", 0), ("secret", 0)]
    assert (browser.state["rows"], browser.state["total"]) == (3, 3)


@pytest.mark.parametrize("share", ["none", "schema", "stats", "sample=2", "full"])
def test_what_is_shown_is_what_is_sent(picked, notebook, until, share):
    """The text under “What Claude is told” stands in the request of the question, at every level."""
    panel, browser = picked
    before = browser.state["told"]
    if share != "schema":
        browser.say("share", level=share)
        until(lambda: browser.state["told"] not in {"", before})
    shown = browser.state["told"]
    assert ("p1" in shown) is (share in {"stats", "sample=2", "full"})
    browser.say("ask", prompt="How many rows are there?", out="reply")
    until(lambda: "reply" in notebook.ns)
    assert sent_text(notebook.ns["reply"]).startswith(shown)
    assert panel.foot.error == ""


def test_a_column_left_out_goes_nowhere(picked, notebook, until):
    """Neither the text nor the file has it; the printed lines do the same and send nothing new."""
    panel, browser = picked
    browser.say("columns", out=[2])
    until(lambda: "sales_part" in browser.state["told"])
    assert "secret" not in browser.state["told"]
    browser.say("upload")
    receipt = dict(until(lambda: browser.state["receipt"]))
    assert (receipt["columns"], receipt["rows"], receipt["sent"]) == (2, 3, "now")
    command = until(lambda: panel.foot.command)
    assert command == "sales_part = sales[['region', 'units']]\n%claude upload sales_part"
    assert notebook.run(command)["sent"].tolist() == [False]


def test_a_question_brings_charts_and_a_variable(picked, notebook, until):
    """The reply is bound, its charts are pictures with a name, the text is HTML of `rendering`."""
    panel, browser = picked
    browser.say("ask", prompt="Plot units by region", out="answer")
    until(lambda: browser.state["bound"] == "answer")
    reply = notebook.ns["answer"]
    assert panel.answer.value == reply.bundle()["text/html"]
    assert panel.charts.pictures == tuple((chart.name, chart.bytes()) for chart in reply.charts) != ()
    assert panel.foot.command == "%%claude --upload sales --share schema --out answer\nPlot units by region"
    assert not browser.state["asking"]
    assert notebook.magics.session.thread().turns[-1].answer is reply.message


def test_a_question_can_be_stopped(picked, notebook, until):
    """What has arrived stays, as unfinished; the panel can ask again."""
    panel, browser = picked
    browser.say("ask", prompt="slowly write a long text of 2000 words", out="reply")
    until(lambda: "<p>" in panel.answer.value)
    browser.say("ask", prompt="another", out="")
    assert "still going on" in panel.foot.error
    browser.say("stop")
    until(lambda: not browser.state["asking"])
    assert notebook.ns["reply"].unfinished
    assert panel.foot.status == "Stopped."
    browser.say("upload")
    until(lambda: browser.state["receipt"])
    assert panel.foot.error == ""


def test_errors_stand_in_the_panel(picked, notebook, until):
    """No question, no name, no column, a frame that is gone, an unknown level."""
    panel, browser = picked
    for message, said in (
        ({"kind": "ask", "prompt": " "}, "nothing to ask"),
        ({"kind": "ask", "prompt": "a", "out": "1x"}, "no Python name"),
        ({"kind": "share", "level": "sample=0"}, "not a setting"),
        ({"kind": "pick", "name": "salse"}, "Did you mean `sales`?"),
    ):
        browser.say(**message)
        assert said in panel.foot.error, message
    browser.say("columns", out=True)
    until(lambda: "No column is chosen" in panel.foot.error)
    del notebook.ns["sales"]
    browser.say("upload")
    assert "`sales` is not defined" in panel.foot.error


def test_frames_appear_and_go_with_cells(open_panel, notebook):
    """The list follows the kernel after every cell; names that begin with _ are left out."""
    notebook.ns["pd"] = pd
    panel, browser = open_panel("data")
    notebook.run("frame = pd.DataFrame({'a': [1]}); _hidden = frame")
    assert browser.state["frames"] == ["frame"]
    notebook.run("del frame")
    assert browser.state["frames"] == []
    panel.close()
    notebook.run("frame = pd.DataFrame({'a': [1]})")
    assert browser.state["frames"] == []


@pytest.mark.parametrize(
    ("make", "expression"),
    [
        (lambda: pd.DataFrame({"a": [1], "b": [2], "c": [3]}), "df[['a', 'c']]"),
        (lambda: pd.DataFrame([[1, 2, 3]]), "df.iloc[:, [0, 2]]"),
        (lambda: pd.DataFrame([[1, 2, 3]], columns=["a", "a", "a"]), "df.iloc[:, [0, 2]]"),
        (lambda: pl.DataFrame({"a": [1], "b": [2], "c": [3]}), "df.select(['a', 'c'])"),
        (lambda: pl.LazyFrame({"a": [1], "b": [2], "c": [3]}), "df.select(['a', 'c'])"),
        (lambda: pa.table({"a": [1], "b": [2], "c": [3]}), "df.select(['a', 'c'])"),
    ],
)
@pytest.mark.filterwarnings("ignore::polars.exceptions.PerformanceWarning")
def test_the_expression_gives_the_part(make, expression):
    """For each library the code that is printed makes the frame that is sent."""
    frame = make()
    code, part = part_of(frame, "df", [0, 2])
    assert code == expression
    again = eval(code, {"df": frame})
    collected = [x.collect() if hasattr(x, "collect") else x for x in (part, again)]
    assert np.shape(collected[0])[1] == np.shape(collected[1])[1] == 2
    assert type(part) is type(again) is type(frame)


def test_a_duckdb_relation_gives_a_part():
    """Names with quotes are quoted."""
    import duckdb

    connection = duckdb.connect()
    relation = connection.sql("""select 1 as a, 2 as "b""c", 3 as d""")
    code, part = part_of(relation, "rel", [1])
    assert part.fetchall() == eval(code, {"rel": relation}).fetchall() == [(2,)]
    connection.close()


def test_columns_that_are_gone_are_an_error():
    """A frame that lost columns since it was looked at."""
    with pytest.raises(UsageError, match="cannot be taken"):
        part_of(pd.DataFrame({"a": [1]}), "df", [0, 3])


def test_a_part_takes_nobodys_name():
    """The name of a part is free in the namespace."""
    assert part_name("df", {}) == "df_part"
    assert part_name("df", {"df_part": 1, "df_part2": 1}) == "df_part3"
