"""The tokens panel in JupyterLab and Notebook 7: type, pick, count, fail, close."""

from __future__ import annotations

import re

import pytest

BEFORE = """
import pandas as pd
for name in [n for n, v in list(globals().items()) if isinstance(v, pd.DataFrame)]: del globals()[name]
sales = pd.DataFrame({"region": list("NSWE") * 50, "units": range(200)})
with open("notes.txt", "w") as file: _ = file.write("Some notes on sales. " * 40)
"""


@pytest.fixture(scope="module", params=["lab", "notebook7"])
def tokens(request, open_panel_in):
    """The tokens panel, opened."""
    return open_panel_in(request.getfixturevalue(request.param), "tokens", BEFORE)


def whole(tokens):
    """Wait until all models are counted; return the number in the headline."""
    tokens.out.locator("table").last.locator("tbody tr").nth(3).wait_for()
    tokens.notebook.wait_for("document.querySelector('.claude-magic-status').textContent === ''")
    said = tokens.out.locator(".claude-magic-result").inner_text()
    return int(re.match(r"([\d,]+) input tokens for claude-", said)[1].replace(",", ""))


def test_it_counts_while_one_types(tokens):
    """Without any button: a number by part, by model with window and price; more words, more tokens."""
    tokens.field("Prompt").press_sequentially("How many rows are there?", delay=5)
    first = whole(tokens)
    assert tokens.out.get_by_role("meter").count() >= 4
    assert all(
        price.startswith(("$", "< $"))
        for price in tokens.out.locator("table").last.locator("td:last-child").all_inner_texts()
    )
    tokens.field("System prompt").fill("Answer briefly, and in English.")
    tokens.out.get_by_role("rowheader", name="system prompt").wait_for()
    assert whole(tokens) > first > 0


def test_variables_and_files_are_picked(tokens):
    """Pickers put expressions into the prompt; they are a part of their own; the command counts the same."""
    tokens.field("Prompt").fill("")
    tokens.field("Variable").select_option("sales")
    tokens.button("Add variable").click()
    tokens.field("File").fill("notes.txt")
    tokens.field("File").press("Enter")
    tokens.out.get_by_role("rowheader", name="files and variables").wait_for()
    assert tokens.field("Prompt").input_value().split("\n")[0] == "{{ sales }}"
    counted = whole(tokens)
    tokens.command.filter(has_text="Answer briefly").wait_for()
    at = tokens.notebook.run(f"int({tokens.command.inner_text()})")
    assert tokens.notebook.outputs(at)[0]["data"]["text/plain"] == str(counted)


def test_an_error_stands_in_the_panel_and_goes(tokens):
    """A misspelt variable is said in the alert; the next key takes it away."""
    tokens.field("Prompt").fill("{{ salse }}")
    tokens.alert.get_by_text("Did you mean `sales`?").wait_for()
    tokens.field("Prompt").fill("{{ sales }} and {{ len(sales) }}")
    tokens.alert.get_by_text("Press “Count now”").wait_for()
    tokens.field("Prompt").press("Control+Enter")
    tokens.notebook.wait_for("document.querySelector('.claude-magic-error').textContent === ''")
    assert whole(tokens) > 0


def test_it_counts_while_a_cell_keeps_the_kernel_busy(tokens):
    """The panel answers in the meantime, and nothing lands in the running cell's output."""
    with tokens.busy_kernel():
        tokens.field("Prompt").fill("Entirely different words while the kernel works")
        tokens.command.filter(has_text="Entirely different").wait_for()


def test_the_keyboard_reaches_everything(tokens):
    """Tab from the prompt goes through all controls; letters and Enter run no command of JupyterLab's."""
    ids = "nb.widgets.map(w => w.model.id).join() + nb.mode"
    cells = tokens.notebook.js(ids)
    tokens.field("Prompt").focus()
    seen = tokens.tabbed(9)
    assert seen[:6] == ["Variable", "Add variable", "File", "Add file", "Look again", "System prompt"]
    assert seen[6] == "Model"
    assert seen[7].startswith("With the conversation")
    assert seen[8] == "Count now"
    for key in ("x", "a", "Enter"):
        tokens.page.keyboard.press(key)
    tokens.button("Close").focus()
    for key in ("x", "a"):
        tokens.page.keyboard.press(key)
    assert tokens.notebook.js(ids) == cells


def test_it_is_sound(tokens):
    """axe-core, dark and light, 400 px."""
    tokens.field("Prompt").fill("How do units differ between the regions of {{ sales }}?")
    tokens.command.filter(has_text="units differ").wait_for()
    tokens.sound()


def test_the_corpus_is_text(tokens, payloads_path, beacon):
    """Every payload as a model's name, a file's, a part's, an error: no script, no request, no element."""
    number = tokens.corpus(payloads_path, beacon)
    tokens.quietly(
        """
tokens.view.show(models=small, files=small, thread=small[0], counted={"model": small[1], "tokens": 5,
    "parts": [{"name": x, "tokens": 1} for x in small],
    "prices": [{"model": x, "tokens": 1, "window": 10, "cost": 0.1} for x in small]})
tokens.fail(small[2]); tokens.say(small[3]); tokens.repeat(small[4])
"""
    )
    tokens.notebook.wait_for("document.querySelectorAll('.claude-magic-table tbody tr').length >= arg", 2 * number)
    tokens.dead(beacon)


def test_it_closes_cleanly(tokens):
    """Close in the middle of a count."""
    tokens.field("Prompt").fill("The last words")
    tokens.page.wait_for_timeout(450)
    tokens.close()
