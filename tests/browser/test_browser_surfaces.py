"""Everything but the answer's own cell: what commands, reprs, tables and errors show of a server that means ill.

The server is a real one on a socket, and the cells are those a user would write; `hostile.py` says what it answers.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

BEGIN = """
%load_ext claude_magic
import pandas as pd
pd.set_option("display.max_rows", None, "display.max_columns", None)  # all payloads, not the first and last of them
%claude use {base_url}
shell, count = get_ipython(), {count}
"""
CELLS = {
    "an answer, streamed": "%%claude --run -o reply --thread '{name}'\nanswer all",
    "Out[n] of a reply": "reply",
    "artifacts": "display(*reply.files.values())\nlist(reply.files.values())",
    "reply.frame()": "reply.frame('table.csv')",
    "a frame made from it": "reply.frame('table.csv').head(30)",
    "files": "%claude files",
    "a file's facts": "for n in range(0, count, 9):\n"
    "    display(shell.run_line_magic('claude', f'files show file_{{n}}'))",
    "models": "%claude models",
    "model": "%claude model",
    "thread": "%claude thread '{name}'",
    "container": "%claude container",
    "status": "%claude status",
    "count": "%claude count reply",
    "errors": (
        "from claude_magic.errors import ClaudeMagicError\n"
        "for n in range(0, count, 2):\n"
        "    try:\n"
        "        shell.run_cell_magic('claude', '--no-history --no-stream', f'refuse {{n}}')\n"
        "    except ClaudeMagicError:\n"
        "        shell.showtraceback()\n"
    ),
    "a stream that breaks": "%%claude --no-history\nbreak {broken}",
    "a name that is not there": "reply.frame('nothing')",
    "a file that cannot be fetched": "%claude download file_nothing '{name}'",
}
# Those that are printed: the tables of 273 rows would be a hundred pages.
FEW = (
    *("Out[n] of a reply", "a stream that breaks", "a name that is not there", "a file's facts", "thread", "container"),
    *("status", "count"),
)
ALPHABET = r"""
from claude_magic.messages import Message
from claude_magic.rendering import bundle
formula = r"\(\alpha\beta\gamma\delta\epsilon\zeta\eta\theta\phi\chi\sin x\)"
display(bundle(Message(content=({"type": "text", "text": formula},)), footer=None), raw=True)
"""
OUTPUTS = ".jp-Notebook .jp-Cell .jp-OutputArea-output"
GOOGLE = r"https?://([a-z0-9-]+\.)*(google|googleapis|gvt1|gstatic)\.com/"
# The fragments' own style element is pandas'; nothing else of the kind may be there.
PANDAS = ".dataframe tbody tr th:only-of-type"


@pytest.fixture(scope="session")
def untrusted(harness):
    """The module with what counts live elements and clicks."""
    return harness.load("untrusted_scripts", Path(__file__).with_name("test_browser_untrusted.py"))


@pytest.fixture(scope="session")
def hostile(serve_hostile, beacon):
    """The server, its payloads aimed at the beacon."""
    return serve_hostile(beacon.address)


@pytest.fixture(scope="session")
def shown(open_notebook, hostile):
    """`shown(ui)`: a notebook in which every surface has been shown, with the glyphs of a formula before."""
    made = {}

    def show(ui):
        if ui not in made:
            page = open_notebook(ui)
            listen = "window.jupyterapp.commands.commandExecuted.connect((_, command) => window.ran.push(command.id))"
            page.js(f"(window.ran = [], {listen}, 0)")
            first = page.run(ALPHABET)
            page.run(BEGIN.format(base_url=hostile.base_url, count=len(hostile.payloads)))
            fill = {
                "name": "<img src=x onerror=alert(1)> $x$",
                "broken": hostile.payloads.index("\x1b[2J\x1b[H cleared"),
            }
            cells = {what: page.run(source.format(**fill), seconds=120) for what, source in CELLS.items()}
            made[ui] = (page, first, cells)
        return made[ui]

    return show


def dead(page, untrusted, area=OUTPUTS):
    """Return what is live among a page's outputs, pandas' own style aside."""
    return [e for e in page.locator(area).evaluate_all(untrusted.LIVE) if not (e.startswith("<style") and PANDAS in e)]


@pytest.mark.parametrize("ui", ["lab", "notebook"])
def test_what_commands_and_reprs_show_is_dead(shown, ui, untrusted, beacon, hostile):
    """Tables, facts, errors, reprs: no script, no request, no command, and another cell's formula is what it was."""
    page, first, cells = shown(ui)
    untrusted.settle(page)
    for what, at in cells.items():
        kinds = {o["output_type"] for o in page.outputs(at)}
        fails = what in {"errors", "a stream that breaks", "a name that is not there", "a file that cannot be fetched"}
        assert ("error" in kinds) is fails, (what, page.outputs(at)[:1])
        assert "stream" not in kinds, (what, page.outputs(at))
    assert len(page.outputs(cells["errors"])) == (len(hostile.payloads) + 1) // 2
    assert page.output(cells["files"]).locator("tbody tr").count() == len(hostile.payloads)
    assert dead(page.page, untrusted) == []
    tables = page.page.locator(f"{OUTPUTS} table.dataframe, {OUTPUTS} table.mathjax_ignore")
    assert tables.count() > 30
    assert tables.locator("mjx-container").count() == 0
    page.js("(window.ran.length = 0)")
    assert page.page.locator(OUTPUTS).evaluate_all(untrusted.CLICK) > 5000
    page.page.wait_for_timeout(300)
    assert [c for c in page.js("window.ran") if c.startswith(("notebook:insert", "notebook:run"))] == []
    assert page.js("window.claudeMagicFired ?? 0") == 0
    assert beacon.seen == []
    assert page.foreign == []
    after = page.run(ALPHABET)
    untrusted.settle(page)
    assert untrusted.glyphs(page, after) == untrusted.glyphs(page, first) != []


def test_a_links_destination_is_beside_it_and_only_a_click_goes_there(shown, untrusted):
    """Every link an answer shows is absolute, opens elsewhere without telling from where, and says where it goes."""
    page, _, cells = shown("lab")
    links = page.output(cells["Out[n] of a reply"]).locator("a[href]")
    said = links.evaluate_all(
        "all => all.map(a => [a.getAttribute('href'), a.textContent, a.nextElementSibling?.textContent ?? '', a.rel])"
    )
    assert len(said) > 20
    for address, text, beside, rel in said:
        assert re.match("https?://|mailto:", address), address
        assert "noopener" in rel
        shown_there = beside.strip(" ()").removesuffix("…")
        told = text in {address, address.partition("://")[2], address.removeprefix("mailto:")}
        assert told or (shown_there and address.startswith(shown_there)), (address, text, beside)


@pytest.fixture(scope="session")
def export(shown, jupyter_server):
    """`export(file, few=False)`: HTML that nbconvert makes of that notebook, or of its shorter cells."""
    from nbconvert import HTMLExporter

    page, _, cells = shown("lab")
    page.save()

    def convert(name, *, few=False):
        notebook = jupyter_server.read(page.name)
        if few:
            notebook.cells = [notebook.cells[cells[what]] for what in FEW]
        exporter = HTMLExporter(mathjax_url="", require_js_url="", mermaid_js_url="", jquery_url="")
        source, _ = exporter.from_notebook_node(notebook)
        file = jupyter_server.home / name
        # What is left is nbconvert's own module for diagrams: the count shall be of what is in the outputs.
        file.write_text(re.sub(r'<script type="module">.*?</script>', "", source, flags=re.DOTALL), encoding="utf-8")
        return file

    return convert


def test_an_export_of_all_that_is_dead(export, browser_context, untrusted, beacon):
    """HTML by nbconvert: no script of theirs, no request."""
    page = browser_context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(export("surfaces.html").as_uri())
    page.wait_for_timeout(300)
    assert page.evaluate("window.claudeMagicFired ?? 0") == 0
    assert dead(page, untrusted, ".jp-OutputArea-output") == []
    assert [a for a in asked if not a.startswith(("file:", "data:"))] == []
    assert beacon.seen == []
    page.close()


def test_a_pdf_printed_from_it_asks_for_nothing_and_holds_the_text(export, harness, beacon, tmp_path):
    """Debian's Chromium prints it without a request; answers, tables and errors are in the PDF, as text."""
    from pypdf import PdfReader

    out, log = tmp_path / "out.pdf", tmp_path / "net.json"
    command = [harness.CHROMIUM, "--headless", *harness.CHROMIUM_ARGUMENTS, f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--print-to-pdf={out}", "--no-pdf-header-footer", f"--log-net-log={log}"]
    subprocess.run([*command, export("few.html", few=True).as_uri()], check=True, capture_output=True, timeout=120)
    asked = set(re.findall(r'"url":"((?:https?|wss?|ftp)://[^"]*)"', log.read_text(errors="replace")))
    assert {a for a in asked if not re.match(GOOGLE, a)} == set()  # the browser's own errands, which reach nobody here
    assert beacon.seen == []
    text = "".join(page.extract_text() for page in PdfReader(out).pages)
    for said in ("$5 and $6", "FileProblem:", "StreamFailed:", "Ran a shell command", "input tokens for"):
        assert said in text, said
