"""The corpus in Chromium: no script runs, no request leaves, no command is executed, wherever it is shown."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

# Shows every payload: in every place of an answer, or (when it is huge) as its text.
SHOW = """
import importlib.util
spec = importlib.util.spec_from_file_location("payloads", {path!r})
corpus = importlib.util.module_from_spec(spec)
spec.loader.exec_module(corpus)
from IPython.display import display
for made in corpus.bundles({beacon!r}):
    display(made, raw=True)
"""
ALPHABET = r"""
from claude_magic.messages import Message
from claude_magic.rendering import bundle
formula = r"\(\alpha\beta\gamma\delta\epsilon\zeta\eta\theta\sin x\)"
display(bundle(Message(content=({"type": "text", "text": formula},)), footer=None), raw=True)
"""
RENDERED = ".jp-OutputArea-output"
# Counted in the page: what could load or run, and what a click would do.
LIVE = """roots => {
  const inside = roots.flatMap(r => [...r.querySelectorAll('*')]).filter(e => !e.closest('mjx-container'));
  const bad = inside.filter(e =>
    ['SCRIPT','STYLE','LINK','META','BASE','IFRAME','OBJECT','EMBED','FORM','INPUT','BUTTON','SVG','svg','IMG','VIDEO',
     'AUDIO','SOURCE','TEXTAREA','SELECT','DIALOG','MATH'].includes(e.tagName)
    || [...e.attributes].some(a =>
      /^on|^src|^action|^formaction|^ping|^poster|^background|commandlinker|^id$|^name$/.test(a.name))
    || /url\\(|position/.test(e.getAttribute('style') || '')
    || (e.tagName === 'A' && !/^(https?:|mailto:|#)/.test(e.getAttribute('href') || '#') && !e.closest('ul')));
  return bad.map(e => e.outerHTML.slice(0, 200));
}"""
# What MathJax would take for formulas: it looks within one text node, and passes over code and tables of ours.
FORMULAS = r"""roots => roots.flatMap(root => {
  const found = [], walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode())
    if (!node.parentElement.closest('pre, code, .tex2jax_ignore')) {
      found.push(...(node.data.match(/\$[^$]+\$|\\\(.*?\\\)|\\\[.*?\\\]/gs) ?? []));
    }
  return found;
})"""
CLICK = """roots => {
  const inside = roots.flatMap(r => [...r.querySelectorAll('*')]);
  const clicked = inside.filter(e => !e.closest('a') && !e.closest('mjx-container'));
  clicked.forEach(e => e.click());
  return clicked.length;
}"""


def settle(notebook):
    """Wait until MathJax has typeset what it will: the number of formulas is the same for half a second."""
    before, steady = -1, 0
    for _ in range(200):
        now = notebook.page.locator("mjx-container").count()
        steady = steady + 1 if now == before else 0
        if steady == 5:
            return now
        before = now
        notebook.page.wait_for_timeout(100)
    raise TimeoutError("MathJax does not come to rest")


def glyphs(notebook, at):
    """Return what MathJax made of a cell's formulas."""
    return (
        notebook.output(at)
        .locator("mjx-container")
        .evaluate_all("all => all.map(m => [...m.querySelectorAll('[class*=mjx-c]')].map(c => c.className).join(' '))")
    )


def test_the_corpus_is_dead_in_a_running_notebook(ui_page, payloads_path, beacon):
    """Just executed: no script, no request, no command by itself or by clicking on everything but links."""
    before = ui_page.run(ALPHABET)
    settle(ui_page)
    expected = glyphs(ui_page, before)
    assert len(expected) == 1
    listen = "window.jupyterapp.commands.commandExecuted.connect((_, command) => window.ran.push(command.id))"
    ui_page.js(f"(window.ran = [], {listen}, 0)")
    cell = ui_page.run(SHOW.format(path=str(payloads_path), beacon=beacon.address), seconds=120)
    settle(ui_page)
    area = ui_page.output(cell).locator(RENDERED)
    assert area.evaluate_all(LIVE) == []
    ui_page.js("(window.ran.length = 0)")
    assert area.evaluate_all(CLICK) > 1000
    ui_page.page.wait_for_timeout(300)
    assert [c for c in ui_page.js("window.ran") if c.startswith(("notebook:insert", "notebook:run"))] == []
    assert ui_page.js("window.claudeMagicFired ?? 0") == 0
    assert beacon.seen == []
    assert ui_page.foreign == []
    after = ui_page.run(ALPHABET)
    settle(ui_page)
    assert glyphs(ui_page, after) == expected


@pytest.fixture(scope="session")
def saved(harness, payloads_path, jupyter_server, beacon):
    """The name of a signed notebook whose first cell holds the corpus as output, as a notebook saves it."""
    corpus = harness.load("payloads_of_saved", payloads_path)
    cell = nbformat.v4.new_code_cell("corpus", execution_count=1)
    made = [*corpus.bundles(beacon.address), *corpus.tables(beacon.address)]
    cell.outputs = [nbformat.v4.new_output("display_data", data=data) for data in made]
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookNotary(data_dir=str(jupyter_server.home / "data")).sign(notebook)
    return jupyter_server.write("corpus.ipynb", notebook)


@pytest.mark.parametrize("ui", ["lab", "notebook"])
@pytest.mark.parametrize("trusted", [True, False])
def test_the_corpus_is_dead_in_a_reopened_notebook(open_notebook, jupyter_server, beacon, saved, *, trusted, ui):
    """Saved, and opened again where its signature is known and where it is not; tables and facts with it."""
    name = saved
    if not trusted:
        stranger = jupyter_server.read(saved)
        stranger.cells[0].source += "\n# changed by somebody else"
        name = jupyter_server.write("stranger.ipynb", stranger)
    again = open_notebook(ui, name=name, kernel=False)
    again.wait_for("nb.widgets[0].model.outputs.length > 200")
    settle(again)
    assert again.js("nb.widgets[0].model.trusted") is trusted
    area = again.output(0).locator(RENDERED)
    # pandas writes a style element of its own into every table; it is the same in all of them.
    assert [e for e in area.evaluate_all(LIVE) if not e.startswith("<style scoped")] == []
    assert area.locator("table mjx-container").count() == 0
    assert again.js("window.claudeMagicFired ?? 0") == 0
    assert beacon.seen == []
    assert again.foreign == []
    assert area.locator("details > summary").count() > 1000
    assert area.locator(".highlight span.k").count() > 0
    again.page.close()


def test_the_corpus_is_dead_in_html_made_by_nbconvert(browser_context, jupyter_server, saved, beacon):
    """Exported with nbconvert's own addresses turned off: what is left to ask for is nbconvert's alone."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(mathjax_url="", require_js_url="", mermaid_js_url="", jquery_url="")
    page_source, _ = exporter.from_notebook_node(jupyter_server.read(saved))
    file = jupyter_server.home / "corpus.html"
    file.write_text(page_source, encoding="utf-8")
    page = browser_context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_timeout(500)
    assert page.evaluate("window.claudeMagicFired ?? 0") == 0
    assert [e for e in page.locator(RENDERED).evaluate_all(LIVE) if not e.startswith("<style scoped")] == []
    assert [a for a in asked if not a.startswith(("file:", "data:")) and "mermaid" not in a] == []
    assert beacon.seen == []
    page.close()


def test_the_listeners_hear_what_is_live(open_notebook, harness):
    """HTML shown the usual way: the beacon is asked and seen, so that zero elsewhere means zero.

    In a page and with a beacon of its own: what is live may ask again whenever the page likes.
    """
    page, beacon = open_notebook("lab"), harness.Beacon()
    source = f"""
from IPython.display import HTML
HTML("<img src='{beacon.address}/heard' onload='window.heard=1' onerror='window.heard=1'>")
"""
    at = page.run(source)
    page.wait_for("window.heard === 1")
    assert set(beacon.seen) == {"/heard"}
    assert f"{beacon.address}/heard" in page.foreign
    assert page.output(at).locator(RENDERED).evaluate_all(LIVE) != []
    page.close()
    beacon.stop()


def test_money_is_text_and_maths_is_typeset(ui_page):
    """`$5 and $6` stays as written; bracketed maths, `$…$` and `$$…$$` become formulas."""
    text = json.dumps("It costs $5 and $6.\n\nArea \\(\\pi r^2\\), $x_1$ and\n\n$$\n\\int_0^1 x\\,dx\n$$\n")
    at = ui_page.run(f"""
from claude_magic.messages import Message
from claude_magic.rendering import bundle
display(bundle(Message(content=({{"type": "text", "text": {text}}},)), footer=None), raw=True)
""")
    area = ui_page.output(at)
    area.locator("mjx-container").nth(2).wait_for()
    assert area.locator("mjx-container").count() == 3
    assert "It costs $5 and $6." in area.inner_text()


MATHJAX = Path("/usr/share/javascript/mathjax/MathJax.js")


def test_money_and_maths_in_an_export(browser_context, tmp_path):
    """What nbconvert's page tells MathJax to look for stands where a formula is, and nowhere in money or a table."""
    import pandas as pd
    from nbconvert import HTMLExporter

    from claude_magic.frames import inert
    from claude_magic.messages import Message
    from claude_magic.rendering import bundle

    text = "It costs $5 and $6.\n\nArea \\(\\pi r^2\\), $x_1$ and\n\n$$\n\\int_0^1 x\\,dx\n$$\n"
    frame = inert(pd.DataFrame({"$\\def\\pi{EVIL}$": ["\\(y\\)"]}))
    made = [bundle(Message(content=({"type": "text", "text": text},)), footer=None), {"text/html": frame._repr_html_()}]
    cell = nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("display_data", data=data) for data in made])
    local = f"{MATHJAX.as_uri()}?config=TeX-AMS_CHTML-full,Safe" if MATHJAX.is_file() else ""
    exporter = HTMLExporter(mathjax_url=local or "mathjax", require_js_url="", mermaid_js_url="", jquery_url="")
    source, _ = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    for delimiter in ("['$','$']", '"\\\\(","\\\\)"', "['$$','$$']", '"\\\\[","\\\\]"'):
        assert delimiter in source.replace(" ", ""), delimiter
    (tmp_path / "page.html").write_text(source, encoding="utf-8")
    page = browser_context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    formulas = page.locator(RENDERED).evaluate_all(FORMULAS)
    assert formulas == ["\\(\\pi r^2\\)", "\\(x_1\\)", "\\[\\int_0^1 x\\,dx\\]"] or local
    if local:  # Debian's libjs-mathjax, the version that nbconvert names
        page.locator(".mjx-chtml").nth(2).wait_for()
        assert page.locator(".MathJax_CHTML").count() == 3
        assert page.locator("table .mjx-chtml").count() == 0
    assert "It costs $5 and $6." in page.locator(RENDERED).first.inner_text()
    page.close()
