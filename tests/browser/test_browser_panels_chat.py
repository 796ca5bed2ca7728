"""The chat and models panels in JupyterLab and Notebook 7: click, type, stream, stop, retry, fail, close.

One notebook a front end, one panel each for all tests of a front end: they are one person's session, so each goes on
with the thread, the file and the panels of those before it, and they run in the order they stand in. Pictures for the
README are taken with CLAUDE_MAGIC_SCREENSHOTS=1.
"""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest

IMAGES = Path(__file__).parents[2] / "notebooks" / "images"
LONG = "slowly write a long text of 2000 words"
UNKNOWN = "\N{EN DASH}"
SALES = "region,units\n" + "".join(f"{'NSWE'[i % 4]},{i}\n" for i in range(200))
DROP = """([to, name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  for (const kind of ['dragover', 'drop'])
    to.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
}"""
PASTE = """async to => {
  const canvas = document.createElement('canvas');
  canvas.getContext('2d').fillRect(0, 0, 20, 20);
  const data = new DataTransfer();
  data.items.add(new File([await new Promise(done => canvas.toBlob(done))], 'pasted.png', {type: 'image/png'}));
  to.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
}"""
# Takes down how long a conversation is whenever it changes.
GROWTH = """log => {
  window.lengths = [];
  const look = new MutationObserver(() => window.lengths.push(log.textContent.length));
  look.observe(log, {childList: true, subtree: true});
}"""
# What stands out of a panel's right edge, its scrolling parts (which have their own bars) left out.
OVER_THE_EDGE = """panel => {
  const edge = panel.getBoundingClientRect().right + 1;
  const inside = [...panel.querySelectorAll('*')].filter(e => !e.closest('pre, table, .claude-magic-table *'));
  return inside.filter(e => e.getClientRects().length && e.getBoundingClientRect().right > edge).map(e => e.outerHTML);
}"""


@pytest.fixture(scope="module")
def axe():
    """The source of axe-core."""
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


SLOW_READING = """() => {
  const read = Blob.prototype.arrayBuffer;
  let count = 0;
  Blob.prototype.arrayBuffer = async function () {
    const slow = count++ % 2 === 0;
    const made = await read.call(this);
    if (slow) await new Promise((resolve) => setTimeout(resolve, 100));
    return made;
  };
  window.readAsBefore = () => void (Blob.prototype.arrayBuffer = read);
}"""


class Chat:
    """An open chat panel, as a user finds his way in it."""

    def __init__(self, notebook, at):
        self.notebook, self.at = notebook, at
        self.out = notebook.output(at)
        self.message = self.out.get_by_label("Message")
        self.log = self.out.get_by_role("log")
        self.alert = self.out.get_by_role("alert")

    def button(self, name):
        """Return a button by its name."""
        return self.out.get_by_role("button", name=name, exact=True)

    def send(self, text):
        """Type a message and send it with Enter."""
        self.message.fill(text)
        self.message.press("Enter")

    def said(self, words):
        """Wait until the panel says so."""
        self.out.get_by_text(words).wait_for()

    def rest(self):
        """Wait until no answer is expected."""
        self.notebook.page.wait_for_function("b => b.disabled", arg=self.button("Stop").element_handle())

    def begun(self):
        """Wait until something of the answer is there."""
        self.log.locator(".claude-magic-live .claude-magic-piece").first.wait_for()

    def ask(self, text):
        """Ask and wait for the answer."""
        self.send(text)
        self.said("The answer is complete.")
        self.rest()

    def kernel(self, expression):
        """Evaluate Python in the kernel."""
        at = self.notebook.run(f"import json\nprint(json.dumps({expression}))")
        (output,) = self.notebook.outputs(at)
        return json.loads(output["text"])


@pytest.fixture(scope="module", params=["lab", "notebook7"])
def chat(request, local_server, browser_context):
    """The chat panel, opened."""
    notebook = request.getfixturevalue(request.param)
    notebook.page.bring_to_front()  # a page behind another one is slowed down
    browser_context.grant_permissions(["clipboard-read", "clipboard-write"], origin=notebook.server.base)
    notebook.run(
        f"%load_ext claude_magic\nimport os\nos.environ['LOCAL_KEY'] = {local_server.key!r}\n"
        f"%claude use {local_server.base_url} --key-env LOCAL_KEY\n%claude thread talk\n"
        "from claude_magic.magics import find\nsession = find(get_ipython()).session\nsession.resolve()"
    )
    opened = Chat(notebook, notebook.run("panel = get_ipython().run_line_magic('claude', 'panel chat')\npanel"))
    opened.message.wait_for()
    return opened


def test_an_answer_streams_into_the_panel_and_into_the_thread(chat, fault):
    """The text grows while it comes; in the end it has its footer, and the thread of the cells has the turn."""
    fault("slow:0.05")
    chat.log.evaluate(GROWTH)
    chat.send("hello")
    chat.begun()
    chat.rest()
    assert len(set(chat.notebook.js("window.lengths"))) > 3
    assert "out tokens" in chat.log.inner_text()
    assert chat.button("Send").is_enabled()
    assert chat.out.get_by_text("%%claude --thread talk").is_visible()
    turns = chat.kernel("[[t.asked[0]['text'], t.answer.text] for t in session.thread('talk').turns]")
    assert turns[0][0] == "hello"
    assert turns[0][1].split("\n")[0] in chat.log.inner_text()


def test_stop_works_while_a_cell_keeps_the_kernel_busy(chat):
    """The answer ends at once, with what had come; the cell that sleeps goes on to its own end, with its own output."""
    chat.send(LONG)
    chat.begun()
    awake = chat.notebook.server.root / f"awake-{chat.notebook.ui}"
    wait = f"import os, time\nwhile not os.path.exists({str(awake)!r}): time.sleep(0.05)\nprint('slept')"
    asleep = chat.notebook.add(wait)
    chat.notebook.start(asleep)
    chat.notebook.wait_for("panel.sessionContext.session.kernel.status === 'busy'")
    chat.button("Stop").click()
    chat.log.get_by_text("unfinished: Stopped.").wait_for()
    chat.rest()
    assert chat.notebook.js("nb.widgets[arg].model.executionCount", asleep) is None  # the cell still runs
    awake.touch()
    chat.notebook.finish(asleep)
    assert [o["text"] for o in chat.notebook.outputs(asleep)] == ["slept\n"]
    assert chat.kernel("session.thread('talk').turns[-1].unfinished") == "stopped"


def test_retry_takes_the_place_of_an_answer_that_still_comes(chat, fault):
    """Retry in mid-stream: the first answer gives way, the second comes whole, the thread has one turn for both."""
    before = chat.kernel("len(session.thread('talk').turns)")
    fault("slow:0.3")
    chat.send("say something once more")
    chat.begun()
    chat.button("Retry").click()
    chat.said("The answer is complete.")
    chat.rest()
    assert chat.kernel("len(session.thread('talk').turns)") == before + 1
    assert chat.log.get_by_text("say something once more").count() == 1
    assert chat.kernel("session.thread('talk').turns[-1].unfinished") == ""


def test_a_refused_question_is_said_in_the_panel_and_given_back(chat, fault):
    """The server's error stands in the alert, in one line; the message is back in its field; the next one works."""
    fault("spend-cap")
    chat.send("too expensive")
    chat.alert.get_by_text("spend limit").wait_for()
    assert chat.message.input_value() == "too expensive"
    assert chat.notebook.outputs(chat.at)[0]["output_type"] == "execute_result"
    assert len(chat.notebook.outputs(chat.at)) == 1
    assert "%claude panel chat" in chat.notebook.outputs(chat.at)[0]["data"]["text/plain"]
    chat.ask("cheaper")
    assert chat.alert.inner_text() == ""


def test_a_broken_answer_keeps_what_came(chat, fault):
    """A stream that breaks off: the part is shown and kept, the error stands in the panel."""
    fault("error-mid:8")
    chat.send("break off")
    chat.alert.get_by_text("Overloaded").wait_for()
    chat.rest()
    assert "unfinished" in chat.log.inner_text()
    assert chat.kernel("bool(session.thread('talk').turns[-1].unfinished)")


def test_a_new_thread_is_a_thread_of_the_cells(chat):
    """Threads are begun and chosen in the panel; cells join the chosen one, and what they add appears here."""
    chat.out.get_by_label("New thread", exact=True).fill("beside it")
    chat.button("Start the new thread").click()
    chat.out.get_by_text("%claude thread 'beside it'").wait_for()
    assert chat.log.inner_text() == ""
    chat.notebook.run("%claude ask from a cell")
    chat.log.get_by_text("from a cell").wait_for()
    assert chat.kernel("session.current") == "beside it"
    chat.out.get_by_label("Thread", exact=True).select_option("talk")
    chat.log.get_by_text("cheaper").wait_for()
    assert chat.log.get_by_text("from a cell").count() == 0


def test_a_file_beyond_the_websocket_limit_arrives_whole(chat, tmp_path):
    """12 MB through the chooser: acknowledged in pieces, on the kernel's disk byte by byte; removed when told so.

    Every other piece is read slowly: what is read first goes first, whichever reading ends first.
    """
    chat.notebook.page.evaluate(SLOW_READING)
    file = tmp_path / "large.csv"
    file.write_bytes(b"a,b\n" + b"1,2\n" * 3_000_000)
    with chat.notebook.page.expect_file_chooser() as chooser:
        chat.button("Attach…").click()
    chooser.value.set_files([file])
    chat.said("large.csv is attached.")
    chat.notebook.page.evaluate("window.readAsBefore()")
    expression = "[[f.name, f.path.stat().st_size] for f in panel.incoming.files.values()]"
    assert chat.kernel(expression) == [["large.csv", file.stat().st_size]]
    chat.button("Remove large.csv").click()
    assert chat.kernel(expression) == []


def test_a_dropped_table_and_a_pasted_picture_are_answered_with_a_chart(chat):
    """The table is in Claude's container, the picture in the request; the chart is an image with words beside it."""
    chat.notebook.page.evaluate(DROP, [chat.out.locator(".claude-magic-chat").element_handle(), "sales.csv", SALES])
    chat.said("sales.csv is attached.")
    chat.notebook.page.evaluate(PASTE, chat.message.element_handle())
    chat.said("pasted.png is attached.")
    chat.ask("Bar chart of units by region")
    chart = chat.log.get_by_alt_text("Chart 1 of this answer")
    chart.wait_for()
    assert chart.evaluate("image => image.naturalWidth") > 300
    kinds = chat.kernel("[b['type'] for b in session.thread('talk').turns[-1].asked]")
    assert {"container_upload", "image", "text"} <= set(kinds)


def test_code_goes_into_a_cell_and_an_answer_becomes_ordinary_output(chat):
    """Beside code are Copy and a button that adds a cell; beside an answer one whose cell shows it for good."""
    cells = chat.notebook.js("nb.widgets.length")
    chat.log.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    chat.button("Copy this code").last.click()
    chat.button("Put this code in a cell").last.click()
    chat.button("Show in a cell").last.click()
    chat.notebook.wait_for("nb.widgets.length === arg", cells + 2)
    source = "nb.widgets[arg].model.sharedModel.getSource()"
    assert chat.notebook.js(source, chat.at + 1).startswith("%claude show talk ")
    assert chat.notebook.js(source, chat.at + 2) == chat.notebook.page.evaluate("navigator.clipboard.readText()")
    chat.notebook.start(chat.at + 1)
    chat.notebook.finish(chat.at + 1)
    outputs = chat.notebook.outputs(chat.at + 1)
    assert [sorted(o["data"]) for o in outputs] == [["text/html", "text/plain"], ["image/png", "text/plain"]]


def test_the_answer_is_copied_as_it_was_written(chat):
    """Copy gives the Markdown of the answer, not what became of it."""
    chat.button("Copy answer").last.click()
    copied = chat.notebook.page.evaluate("navigator.clipboard.readText()")
    assert copied == chat.kernel("session.thread('talk').turns[-1].answer.text")


def test_the_panel_is_used_with_the_keyboard_alone(chat):
    """Tab goes through every control in order; Shift+Enter starts a line and runs no cell."""
    count = chat.notebook.js("nb.widgets.filter(w => w.model.executionCount !== null).length")
    chat.message.focus()
    chat.notebook.page.keyboard.type("one")
    chat.notebook.page.keyboard.press("Shift+Enter")
    chat.notebook.page.keyboard.type("two")
    assert chat.message.input_value() == "one\ntwo"
    assert chat.notebook.js("nb.widgets.filter(w => w.model.executionCount !== null).length") == count
    seen = []
    for _ in range(4):
        chat.notebook.page.keyboard.press("Tab")
        seen.append(chat.notebook.page.evaluate("document.activeElement.textContent || document.activeElement.type"))
    assert seen == ["Send", "Retry", "Attach…", "checkbox"]
    chat.message.fill("")


def test_models_are_sorted_filtered_and_picked(chat):
    """The table sorts and filters; the default that is picked is the cells' default, and the command says so."""
    at = chat.notebook.run("models = get_ipython().run_line_magic('claude', 'panel models')\nmodels")
    models = chat.notebook.output(at)
    models.get_by_role("row").nth(5).wait_for()
    models.get_by_role("button", name="Sort by Input $/M").click()
    cells = models.locator("tbody tr td:nth-child(6)").all_inner_texts()
    known = [float(text) for text in cells if text != UNKNOWN]
    assert known == sorted(known)
    assert models.locator("th[aria-sort=ascending]").count() == 1
    models.get_by_label("Filter").fill("opus 5.5")
    assert models.get_by_role("rowheader").all_inner_texts() == ["claude-opus-5-5"]
    models.get_by_label("Choose claude-opus-5-5").check()
    models.get_by_role("button", name="Make it the default").click()
    models.get_by_text("%claude model claude-opus-5-5").wait_for()
    assert models.get_by_role("rowheader").all_inner_texts() == ["claude-opus-5-5 (default)"]
    assert chat.kernel("session.resolve()") == "claude-opus-5-5"
    models.get_by_label("Filter").fill("")


def test_the_corpus_is_dead_in_both_panels(chat, payloads_path, beacon):
    """Every payload in a question, an answer, a thread's name, a model's entry: no script, no request, no element."""
    source = f"""
import importlib.util
from claude_magic.threads import Turn
spec = importlib.util.spec_from_file_location("payloads", {str(payloads_path)!r})
corpus = importlib.util.module_from_spec(spec)
spec.loader.exec_module(corpus)
small = [x for x in corpus.payloads({beacon.address!r}) if len(x) < 600]
for x in small:
    session.thread("corpus").turns.append(Turn(({{"type": "text", "text": x}},), corpus.poisoned(x)["message"]))
    session.threads[x] = session.thread("empty")
session.current = "talk"
panel.choose("corpus")
panel.fail("".join(small))
panel.say(small[0])
models.rows = [{{**models.rows[0], "id": x, "name": x, "line": x, "lifecycle": x, "can": x}} for x in small]
models.show()
models.fail(small[5])
len(small)
"""
    at = chat.notebook.run(source)
    number = int(chat.notebook.outputs(at)[0]["data"]["text/plain"])
    assert number > 150
    chat.notebook.wait_for("document.querySelectorAll('.claude-magic-models tbody tr').length === arg", number)
    chat.notebook.wait_for("document.querySelectorAll('.claude-magic-turn').length === arg", number)
    chat.notebook.page.wait_for_timeout(500)
    assert chat.notebook.js("window.claudeMagicFired ?? 0") == 0
    assert beacon.seen == []
    assert chat.notebook.foreign == []
    live = chat.log.locator(".claude-magic-piece").evaluate_all(LIVE)
    assert live == []
    assert chat.log.locator("a:not([target=_blank])").count() == 0
    chat.notebook.run("for x in small: del session.threads[x]\ndel session.threads['corpus']\npanel.choose('talk')")
    chat.notebook.run("panel.clear()\npanel.say('')\nmodels.clear()\nmodels.refresh()")
    chat.log.get_by_text("cheaper").wait_for()


LIVE = """roots => {
  const inside = roots.flatMap(r => [...r.querySelectorAll('*')]).filter(e => !e.closest('mjx-container'));
  const ours = e => e.tagName === 'BUTTON' && e.closest('.claude-magic-code-tools');
  return inside.filter(e => !ours(e) && (
    /^(SCRIPT|STYLE|LINK|META|BASE|IFRAME|OBJECT|EMBED|FORM|INPUT|BUTTON|SVG|IMG|VIDEO|AUDIO|MATH)$/i.test(e.tagName)
    || [...e.attributes].some(a => /^on|^src|^action|commandlinker|^id$|^name$/.test(a.name))
    || (e.tagName === 'A' && !/^(https?:|mailto:|#)/.test(e.getAttribute('href') || '#'))))
    .map(e => e.outerHTML.slice(0, 200));
}"""


def take_picture(panel, name):
    """Save a panel for the README; the chat with its newest answer."""
    panel.page.set_viewport_size({"width": 1200, "height": 1400})
    panel.evaluate("""panel => {
      panel.style.padding = '8px';
      const log = panel.querySelector('.claude-magic-log');
      if (log) log.scrollTop = log.lastElementChild.offsetTop - log.offsetTop;
    }""")
    panel.page.mouse.move(0, 0)
    panel.screenshot(path=IMAGES / f"panel-{name}.png")
    panel.evaluate("panel => panel.style.padding = ''")
    panel.page.set_viewport_size({"width": 1200, "height": 900})


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_the_panels_pass_axe_and_fit_in_400_pixels(chat, axe, theme):
    """axe-core finds nothing in either theme, and nothing stands out of a panel of 400 px."""
    page = chat.notebook.page
    page.evaluate(f"() => window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})")
    dark = "Dark" in theme
    wanted = "document.body.dataset.jpThemeLight === arg"
    chat.notebook.wait_for(wanted, "false" if dark else "true")
    page.wait_for_timeout(300)
    page.evaluate(axe)
    for name in ("chat", "models"):
        panel = page.locator(".claude-magic-panel").filter(has=page.locator(f".claude-magic-{name}"))
        background = panel.evaluate("e => getComputedStyle(document.body).getPropertyValue('--jp-layout-color0')")
        assert (background.strip() in {"white", "#fff", "#ffffff"}) is not dark
        panel.evaluate("e => e.setAttribute('data-axe', '')")
        found = page.evaluate("() => axe.run('[data-axe]', {resultTypes: ['violations']})")
        panel.evaluate("e => e.removeAttribute('data-axe')")
        assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []
        assert len(found["passes"]) > 10
        panel.evaluate("e => e.style.width = '400px'")
        assert panel.evaluate(OVER_THE_EDGE) == []
        panel.evaluate("e => e.style.width = ''")
        if not dark and os.environ.get("CLAUDE_MAGIC_SCREENSHOTS") == "1" and chat.notebook.ui == "lab":
            take_picture(panel, name)


def test_closing_ends_the_threads_and_leaves_nothing(chat):
    """While an answer comes, Close takes the panel away and its threads end; the answer's part is in the thread."""
    chat.send(LONG)
    chat.begun()
    chat.button("Close").click()
    chat.out.locator(".claude-magic-panel").wait_for(state="detached")
    deadline = time.monotonic() + 10
    running = "[t.name for t in __import__('threading').enumerate() if t.name == 'claude_magic-chat']"
    while chat.kernel(running) and time.monotonic() < deadline:
        chat.notebook.page.wait_for_timeout(100)
    assert chat.kernel(running) == []
    assert re.match("stopped", chat.kernel("session.thread('talk').turns[-1].unfinished"))
    chat.notebook.run("models.close()\nsession.settings.model = 'sonnet'\nsession.current = 'main'")


def test_all_panels_open_as_tabs(chat):
    """`%claude panel` opens every panel as a tab that is filled when it is chosen."""
    at = chat.notebook.run("tabs = get_ipython().run_line_magic('claude', 'panel')\ntabs")
    out = chat.notebook.output(at)
    out.get_by_label("Message").wait_for()
    out.get_by_role("tab", name="Models").click()
    out.get_by_role("row").nth(5).wait_for()
    chat.notebook.run("tabs.close()")
    out.locator(".claude-magic-panel").first.wait_for(state="detached")
