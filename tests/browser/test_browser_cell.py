"""The extension in a real JupyterLab and Notebook 7: a frame goes up, a chart comes back; Stop stops.

The picture of the README is made here: `CLAUDE_MAGIC_SCREENSHOTS=1 pytest tests/browser/test_browser_cell.py`.
"""

import os
from pathlib import Path

PENGUINS = Path(__file__).parents[2] / "notebooks" / "data" / "penguins.csv"
PICTURE = Path(__file__).parents[2] / "notebooks" / "images" / "cell.png"
LOAD = "%load_ext claude_magic\n%claude use local"
ASK = "%%claude --upload penguins -o answer\nWhat is the mean body mass by species? Draw a bar chart."


def images(outputs):
    """Return the PNG outputs of a cell."""
    return [o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {})]


def test_a_frame_goes_up_and_a_chart_comes_back(ui_page):
    """One text output, then one PNG; the chart is shown at its own size; nothing is asked of another host."""
    ui_page.run(LOAD)
    ui_page.run(f"import pandas as pd\npenguins = pd.read_csv({str(PENGUINS)!r})")
    before = len(ui_page.foreign)
    at = ui_page.run(ASK)
    outputs = ui_page.outputs(at)
    assert [sorted(o["data"]) for o in outputs] == [["text/html", "text/plain"], ["image/png", "text/plain"]]
    assert "Gentoo" in ui_page.output(at).inner_text()
    shown = ui_page.output(at).locator("img")
    assert shown.evaluate("image => image.naturalWidth") > 300
    assert ui_page.output(at).locator("details[open]").count() == 0
    assert len(ui_page.foreign) == before
    if os.environ.get("CLAUDE_MAGIC_SCREENSHOTS") == "1" and ui_page.ui == "lab":
        take_picture(ui_page, at)


def take_picture(notebook, at):
    """Save the cell with its output as the README's picture."""
    PICTURE.parent.mkdir(exist_ok=True)
    page = notebook.page
    usual = page.viewport_size
    page.set_viewport_size({"width": 1000, "height": 1500})
    notebook.js("(nb.activeCellIndex = arg, nb.scrollToItem ? nb.scrollToItem(arg, 'start') : 0)", at)
    page.wait_for_timeout(500)
    page.locator(".jp-Notebook .jp-Cell").nth(at).screenshot(path=PICTURE)
    page.set_viewport_size(usual)


def test_the_stop_button_keeps_what_arrived(ui_page):
    """The kernel's interrupt in mid-answer: one line of error, the part that arrived stays, the next cell works."""
    ui_page.run(LOAD)
    at = ui_page.add("%%claude -o long\nslowly write a long text of 2000 words")
    ui_page.start(at)
    ui_page.wait_for("JSON.stringify(nb.widgets[arg].model.outputs.toJSON()).length > 300", at)
    ui_page.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:interrupt-kernel') }")
    ui_page.finish(at)
    text, error = ui_page.outputs(at)
    assert "unfinished" in text["data"]["text/plain"]
    assert error["output_type"] == "error"
    assert len(error["traceback"]) == 1
    after = ui_page.run("print(long.unfinished, long is _, len(long.text) > 20)")
    assert "True True True" in ui_page.output(after).inner_text()


def test_an_error_is_one_line(ui_page):
    """A misspelt option: no traceback, the nearest option is named."""
    ui_page.run(LOAD)
    at = ui_page.run("%%claude --uplaod penguins\nHi")
    (error,) = ui_page.outputs(at)
    assert error["ename"] == "UsageError"
    assert len(ui_page.output(at).inner_text().strip().splitlines()) == 1
    assert "--upload" in ui_page.output(at).inner_text()
