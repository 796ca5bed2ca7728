"""The data panel in JupyterLab and Notebook 7: pick, choose, share, upload, ask, fail, close."""

from __future__ import annotations

import pytest

BEFORE = """
import pandas as pd
for name in [n for n, v in list(globals().items()) if isinstance(v, pd.DataFrame)]: del globals()[name]
sales = pd.DataFrame({"region": list("NSWE") * 50, "units": range(200), "note": ["private"] * 200})
"""


@pytest.fixture(scope="module", params=["lab", "notebook7"])
def data(request, open_panel_in):
    """The data panel, opened."""
    return open_panel_in(request.getfixturevalue(request.param), "data", BEFORE)


def told(data):
    """Return what Claude is told, as it is shown."""
    return data.out.locator("pre.claude-magic-told").inner_text()


def test_a_frame_is_picked_and_its_columns_chosen(data):
    """Schema and text appear; a column that is left out leaves the text; the level changes it."""
    data.field("Frame").select_option("sales")
    data.out.get_by_role("rowheader", name="units").wait_for()
    data.out.get_by_text("DataFrame `sales`: 200 rows x 3 columns").wait_for()
    assert "private" not in told(data)
    data.field("What the prompt may tell").select_option("sample")
    data.out.locator("pre").filter(has_text="private").wait_for()
    data.field("Send note").uncheck()
    data.out.get_by_text("2 of 3 columns, 200 rows").wait_for()
    data.out.locator("pre").filter(has_text="sales_part").wait_for()
    assert "private" not in told(data)
    assert "Rows: 5 of 200" in told(data)


def test_it_goes_up_with_a_receipt(data):
    """The receipt says how much went; the printed lines send nothing new."""
    data.button("Upload").click()
    receipt = data.out.get_by_role("region", name="Receipt")
    receipt.get_by_role("row", name="columns 2").wait_for()
    data.command.filter(has_text="%claude upload sales_part").wait_for()
    at = data.quietly(data.command.inner_text())
    assert "False" in data.notebook.outputs(at)[0]["data"]["text/plain"]
    data.quietly("del sales_part")


def test_a_question_brings_a_chart_and_a_variable(data):
    """The answer and its chart are in the panel; the reply is a variable; no cell got an output."""
    outputs = data.notebook.js("nb.widgets.map(w => w.model.outputs?.length ?? 0).join()")
    data.field("Question").fill("Plot units by region")
    data.field("Bind the reply to").fill("answer")
    data.button("Ask").click()
    data.out.get_by_text("The reply is the variable").wait_for(timeout=30_000)
    chart = data.out.get_by_alt_text("Chart ").first
    chart.wait_for()
    assert chart.evaluate("image => image.naturalWidth") > 300
    assert data.notebook.js("nb.widgets.map(w => w.model.outputs?.length ?? 0).join()") == outputs
    assert data.kernel("[len(answer.charts) > 0, 'private' in str(answer.request.body())]") == [True, False]
    data.command.filter(has_text="%%claude --upload sales_part --share sample=5 --out answer").wait_for()


def test_a_question_is_stopped_while_a_cell_keeps_the_kernel_busy(data):
    """Stop works in the meantime; the part that came is shown as unfinished."""
    data.field("Question").fill("slowly write a long text of 2000 words")
    data.button("Ask").click()
    data.out.locator(".widget-htmlmath p").first.wait_for()
    with data.busy_kernel():
        data.button("Stop").click()
        data.out.get_by_text("unfinished").first.wait_for()


def test_errors_stand_in_the_panel(data):
    """No column, and a server that refuses."""
    data.button("No column").click()
    data.alert.get_by_text("No column is chosen").wait_for()
    data.button("All columns").click()
    data.out.locator("pre").filter(has_text="x 3 columns").wait_for()
    data.field("Question").fill(" ")
    data.button("Ask").click()
    data.alert.get_by_text("nothing to ask").wait_for()


def test_the_list_follows_the_kernel(data):
    """A frame that a cell makes is there at once."""
    data.quietly("other = sales.head()")
    data.out.locator("option[value=other]").wait_for(state="attached")
    assert data.field("Frame").input_value() == "sales"


def test_the_keyboard_reaches_everything(data):
    """From the frame to the columns by Tab; Space chooses; letters run no command."""
    ids = "nb.widgets.map(w => w.model.id).join() + nb.mode"
    cells = data.notebook.js(ids)
    data.field("Frame").focus()
    seen = data.tabbed(3)
    assert seen == ["Look again", "Columns of sales", "Send region"]
    data.page.keyboard.press("Space")
    data.out.get_by_text("2 of 3 columns").wait_for()
    data.page.keyboard.press("Space")
    data.out.get_by_text("3 of 3 columns").wait_for()
    for key in ("x", "a", "b"):
        data.page.keyboard.press(key)
    assert data.notebook.js(ids) == cells


def test_it_is_sound(data):
    """axe-core, dark and light, 400 px."""
    data.field("Question").fill("Plot units by region")
    data.button("Ask").click()
    data.out.get_by_text("The reply is the variable").wait_for(timeout=30_000)
    data.sound()


def test_the_corpus_is_text(data, payloads_path, beacon):
    """Every payload as a column's name and value, and as the answer: no script, no request, no element."""
    number = data.corpus(payloads_path, beacon)
    data.quietly("odd = pd.DataFrame({x: [x] for x in dict.fromkeys(small)})")
    data.field("Frame").select_option("odd")
    data.notebook.wait_for("document.querySelectorAll('.claude-magic-table tbody tr').length > arg", number * 0.9)
    data.out.locator("pre").filter(has_text="DataFrame `odd`").wait_for()
    data.quietly(
        "from claude_magic import rendering\n"
        "bundles = [rendering.bundle(corpus.poisoned(x)['message'], footer=None) for x in small]\n"
        "data.answer.value = ''.join(b['text/html'] for b in bundles)\n"
        "data.charts.show([(x, b'') for x in small])\n"
        "data.fail(small[0]); data.view.show(receipt=[[x, x] for x in small], bound=small[1])"
    )
    data.out.locator(".claude-magic-charts img").nth(100).wait_for(state="attached")
    data.dead(beacon)
    data.quietly("del odd, other")


def test_it_closes_cleanly(data):
    """Close, and nothing listens to cells any more."""
    data.close()
    assert "CellWatch" not in data.kernel("str(get_ipython().events.callbacks['post_run_cell'])")
