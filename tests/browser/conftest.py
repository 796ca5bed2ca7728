"""JupyterLab and Notebook 7 in Debian's Chromium, for tests of outputs, of the extension and of panels.

Fixtures, for the whole session (a server starts in 3 s, a page opens in 5 to 10 s, a cell takes 0.2 s):

* `jupyter_server`: one `JupyterServer` with `.base`, `.token`, `.root`, `.write(name, cells)`, `.read(name)`.
* `browser_context`: one Chromium context. Its cache makes every later page load cheap, so do not use `route()`, which
  turns it off. No host name resolves; 127.0.0.1 is reachable.
* `open_notebook(ui, cells=[], name=None, kernel=True)`: opens a notebook ("lab" or "notebook") in a page of its own and
  returns an `OpenNotebook`, closed at the session's end; for what must not share a kernel or a page.
* `lab`, `notebook7`: one `OpenNotebook` each, shared; append cells with `run(source)`, which is the cheap way.
* `beacon`: a `Beacon` with the `.address` of a loopback listener and `.seen`, the paths that were asked of it.

And `ui_page`: a test that asks for it runs twice, with `lab` and with `notebook7`.

Of an `OpenNotebook`: `run(source) -> index`, `start(index)`, `finish(index)`, `outputs(index)`, `output(index)` (a
Playwright locator), `js(expression, arg)` with `panel` and `nb`, `wait_for(expression)`, `page`, `save()`, `foreign`
(addresses asked for elsewhere), `received` (bytes over websockets). An environment variable for the server's kernels is
set in the notebook itself; the server's own environment holds no key.

Without Chromium (or Playwright) the tests here skip and say so; with CLAUDE_MAGIC_REQUIRE_BROWSER=1 they fail.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
from pathlib import Path

import pytest

_missing = [name for name in ("playwright", "jupyterlab", "notebook") if importlib.util.find_spec(name) is None]
_chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
if shutil.which(_chromium) is None:
    _missing.append(_chromium)


@pytest.fixture(scope="session")
def harness():
    """The module `harness`, if a browser can be had."""
    if _missing:
        reason = f"the browser tests need {', '.join(_missing)} (Debian: apt-get install chromium)"
        if os.environ.get("CLAUDE_MAGIC_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    # By its path: --import-mode=importlib keeps the folders of tests off sys.path.
    spec = importlib.util.spec_from_file_location(
        "claude_magic_browser_harness", Path(__file__).with_name("harness.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def payloads_path():
    """The file of the corpus, which kernels run by its path."""
    return Path(__file__).parents[1] / "rendering" / "payloads.py"


@pytest.fixture(scope="session")
def jupyter_server(harness, tmp_path_factory):
    """A running Jupyter server for JupyterLab and Notebook 7."""
    server = harness.JupyterServer(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter-home"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser_context(harness):
    """One Chromium context for the session."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium, args=harness.CHROMIUM_ARGUMENTS)
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        context.set_default_timeout(30_000)
        yield context
        context.close()
        browser.close()


@pytest.fixture(scope="session")
def open_notebook(harness, jupyter_server, browser_context):
    """`open_notebook(ui, cells=[], name=None, kernel=True)` opens a notebook in a page of its own."""
    opened = []

    def opener(ui, cells=(), *, name=None, kernel=True):
        if name is None:
            name = jupyter_server.write(f"test-{secrets.token_hex(4)}.ipynb", list(cells) or [""])
        opened.append(harness.OpenNotebook(browser_context, jupyter_server, name, ui, kernel=kernel))
        return opened[-1]

    yield opener
    for notebook in opened:
        notebook.close()


@pytest.fixture(scope="session")
def lab(open_notebook):
    """One notebook in JupyterLab, shared by the session."""
    return open_notebook("lab")


@pytest.fixture(scope="session")
def notebook7(open_notebook):
    """One notebook in Notebook 7, shared by the session."""
    return open_notebook("notebook")


@pytest.fixture(params=["lab", "notebook7"])
def ui_page(request):
    """The shared notebook of JupyterLab, then that of Notebook 7, in front: a page behind another one is slow."""
    notebook = request.getfixturevalue(request.param)
    notebook.page.bring_to_front()
    return notebook


@pytest.fixture(scope="session")
def beacon(harness):
    """A loopback listener that counts requests."""
    listener = harness.Beacon()
    yield listener
    listener.stop()


@pytest.fixture(scope="session")
def open_panel_in(harness, local_server):
    """`open_panel_in(notebook, name)` opens a panel there, answered by the local server; returns a `PanelPage`."""
    kit = harness.load("claude_magic_panelkit", Path(__file__).with_name("panelkit.py"))

    def opener(notebook, name, before=""):
        notebook.run(
            f"%load_ext claude_magic\nimport os\nos.environ['LOCAL_KEY'] = {local_server.key!r}\n"
            f"%claude use {local_server.base_url} --key-env LOCAL_KEY\n"
            f"from claude_magic.magics import find\nsession = find(get_ipython()).session\n{before}"
        )
        return kit.PanelPage(notebook, name)

    return opener
