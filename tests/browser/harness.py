"""A Jupyter server and notebooks in Chromium, for tests: what `conftest.py` makes its fixtures of.

Cells are run by command and everything is read from the notebook's model, not guessed from the page. A cell is done
when its execution count has changed and the kernel is idle (idle alone is also seen in between, while widgets talk).
The recipe was measured in front-ends.md, section 1.
"""

from __future__ import annotations

import contextlib
import http.server
import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# No name resolves, so whatever is asked for elsewhere fails at once; the requests are seen all the same.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
_PREFIX = {"lab": "/lab/tree/{name}?reset&token={token}", "notebook": "/notebooks/{name}?token={token}"}
_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/extensionmanager-extension:plugin": {"enabled": False},
    # Otherwise cells out of sight are not in the page, outputs after the 50th are cut, a dialog asks for the kernel.
    "@jupyterlab/notebook-extension:tracker": {
        "windowingMode": "none",
        "maxNumberOutputs": 10_000,
        "autoStartDefaultKernel": True,
    },
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}
# The notebook's panel is the one widget of the main area that has cells and a session, in Lab and Notebook 7 alike.
_PANEL = """() => { for (const w of window.jupyterapp.shell.widgets('main'))
  if (w.content && w.content.widgets && w.sessionContext) return w; return null; }"""


def load(name: str, path: Path):
    """Load a module by its path."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class JupyterServer:
    """A server with a home of its own: serves JupyterLab and Notebook 7, asks nothing of the internet."""

    def __init__(self, root: Path, home: Path, environment: dict[str, str] | None = None) -> None:
        self.root, self.home = root, home
        self.token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = home / "server.log"
        (home / "settings").mkdir(parents=True)
        (home / "settings" / "overrides.json").write_text(json.dumps(_SETTINGS))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command(),
                env=self._environment(environment or {}),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def _command(self) -> list[str]:
        settings = self.home / "settings"
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": self.root,
            "IdentityProvider.token": self.token,
            "LabApp.news_url": None,
            "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            "LabApp.extension_manager": "readonly",
            "LabApp.app_settings_dir": settings,
            "JupyterNotebookApp.app_settings_dir": settings,
            "LabApp.user_settings_dir": self.home / "user-settings",
            "LabApp.workspaces_dir": self.home / "workspaces",
            "LabApp.expose_app_in_browser": True,
            "JupyterNotebookApp.expose_app_in_browser": True,
        }
        return [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *(f"--{name}={value}" for name, value in options.items()),
        ]

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC_", "CLAUDE_MAGIC_"))
        }
        places = {
            "HOME": self.home,
            "JUPYTER_CONFIG_DIR": self.home / "config",
            "JUPYTER_DATA_DIR": self.home / "data",
            "JUPYTER_RUNTIME_DIR": self.home / "runtime",
            "IPYTHONDIR": self.home / "ipython",
            "CLAUDE_MAGIC_HOME": self.home / "claude-magic",
        }
        return {**kept, **{name: str(place) for name, place in places.items()}, **more}

    def _wait(self, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.base}/api/status?token={self.token}", timeout=2).close()
                return
            time.sleep(0.1)
        raise RuntimeError("the Jupyter server did not start:\n" + self.log.read_text()[-3000:])

    def write(self, name: str, cells: list[str] | nbformat.NotebookNode) -> str:
        """Write a notebook (sources of code cells, or a whole notebook) into the server's folder."""
        if isinstance(cells, list):
            kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
            cells = nbformat.v4.new_notebook(metadata=kernel, cells=[nbformat.v4.new_code_cell(c) for c in cells])
        nbformat.write(cells, self.root / name)
        return name

    def read(self, name: str) -> nbformat.NotebookNode:
        """Read a notebook as it was saved."""
        return nbformat.read(self.root / name, as_version=4)

    def stop(self) -> None:
        """End the server and its kernels."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)


class OpenNotebook:
    """One notebook open in one page.

    Attributes:
        page: Playwright's page.
        foreign: addresses asked for that are neither the server's nor inside the page.
        received: bytes that came over websockets.

    """

    def __init__(self, context, server: JupyterServer, name: str, ui: str, *, kernel: bool = True) -> None:
        self.server, self.name, self.ui = server, name, ui
        self.foreign: list[str] = []
        self.received = 0
        self.page = context.new_page()
        self.page.on("request", self._requested)
        self.page.on("websocket", lambda ws: ws.on("framereceived", self._framed))
        self.load(kernel=kernel)

    def load(self, *, kernel: bool = True) -> None:
        """Open the notebook, or open it again."""
        self.page.goto(self.server.base + _PREFIX[self.ui].format(name=self.name, token=self.server.token))
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        self.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored", timeout=90_000)
        self.page.evaluate("() => window.jupyterapp.restored.then(() => 0)")
        if kernel:
            self.wait_for("panel?.sessionContext.session?.kernel?.status === 'idle'", seconds=90)

    def _requested(self, request) -> None:
        if not request.url.startswith((self.server.base, "data:", "blob:", "about:")):
            self.foreign.append(request.url)

    def _framed(self, payload) -> None:
        self.received += len(payload)

    def js(self, expression: str, argument=None):
        """Evaluate JavaScript; `panel` is the notebook's panel, `nb` its cells, `arg` the argument."""
        body = (
            f"async (arg) => {{ const panel = ({_PANEL})(); const nb = panel?.content; return await ({expression}); }}"
        )
        return self.page.evaluate(body, argument)

    def wait_for(self, expression: str, argument=None, *, seconds: float = 60) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while not self.js(expression, argument):
            if time.monotonic() > end:
                raise TimeoutError(f"not in {seconds} s: {expression}")
            self.page.wait_for_timeout(50)

    def add(self, source: str) -> int:
        """Append a code cell; return its index."""
        cells = "nb.model.sharedModel"
        self.js(f"({cells}.insertCell({cells}.cells.length, {{cell_type: 'code', source: arg}}), 0)", source)
        return self.js("nb.widgets.length") - 1

    def start(self, at: int) -> None:
        """Start a cell and do not wait."""
        self.js("(nb.deselectAll(), nb.activeCellIndex = arg, 0)", at)
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell'); }")

    def run(self, source: str, *, seconds: float = 60) -> int:
        """Append a cell, run it to its end, return its index."""
        at = self.add(source)
        self.start(at)
        self.finish(at, seconds=seconds)
        return at

    def finish(self, at: int, *, seconds: float = 60) -> None:
        """Wait for the end of a cell that was started and had not run before."""
        done = "nb.widgets[arg].model.executionCount !== null && panel.sessionContext.session.kernel.status === 'idle'"
        self.wait_for(done, at, seconds=seconds)

    def outputs(self, at: int) -> list[dict]:
        """Return a cell's outputs as they would be saved."""
        return self.js("nb.widgets[arg].model.outputs.toJSON()", at)

    def output(self, at: int):
        """Return the locator of a cell's output area."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(at).locator(".jp-Cell-outputArea")

    def save(self) -> nbformat.NotebookNode:
        """Save, and read what was saved."""
        self.page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
        return self.server.read(self.name)

    def close(self) -> None:
        """Shut the kernel down and close the page."""
        with contextlib.suppress(Exception):
            self.js("panel.sessionContext.shutdown()")
        self.page.close()


class Beacon:
    """A listener on the loopback interface: counts the requests that should not come."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        seen = self.seen

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(self.path)
                self.send_response(200)
                self.end_headers()

            do_POST = do_HEAD = do_PUT = do_GET  # noqa: N815 - names http.server looks for

            def log_message(self, *_) -> None:
                """Stay silent."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the socket."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
