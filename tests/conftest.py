"""Fixtures for everybody: a clean environment, a running local server, a fresh IPython shell.

The local server is the real one, a process on a socket, one for the whole session; so is the client. What a test
needs of a stubborn server it asks for with the server's scripted faults.
"""

import atexit
import importlib.util
import json
import os
import signal
import urllib.request
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from claude_magic.local import child


def pytest_configure():
    """The local server of the session is the one that ships: whoever runs the tests may have chosen another engine."""
    os.environ.pop("CLAUDE_MAGIC_ENGINE", None)
    # A shell that starts the tests in the background lets them ignore SIGINT; some of them are about interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch, tmp_path):
    """No key, no setting and no store of the person who runs the tests comes in."""
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "CLAUDE_MAGIC_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLAUDE_MAGIC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


@pytest.fixture(scope="session")
def local_server(tmp_path_factory):
    """The local server, started as `%claude use local` starts it; scripted faults are on."""
    running = child.start(tmp_path_factory.mktemp("local-server"), faults=True)
    yield running
    running.stop()


@pytest.fixture
def fault(local_server):
    """`fault("slow:0.2")` queues faults at the local server, each for one request; returns how many wait."""

    def queue(*names):
        request = urllib.request.Request(
            f"{local_server.base_url}/_faults",
            data=json.dumps({"faults": list(names)}).encode(),
            headers={"x-api-key": local_server.key, "content-type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["waiting"]

    yield queue
    assert queue() == 0, "a fault that no request met would meet another test's"


@pytest.fixture(scope="session")
def serve_hostile():
    """`serve_hostile(beacon=…)` starts a server whose every word is a payload (rendering/hostile.py)."""
    parts = {}
    for name in ("payloads", "hostile"):
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "rendering" / f"{name}.py")
        parts[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(parts[name])
    running = []

    def serve(beacon="http://127.0.0.1:9"):
        corpus = parts["payloads"]
        running.append(parts["hostile"].Hostile(corpus.payloads(beacon), corpus.poisoned))
        return running[-1]

    yield serve
    for server in running:
        server.stop()


class Notebook:
    """A fresh shell with the extension loaded: `run` a cell as a user does, look at what it left."""

    def __init__(self, shell):
        self.shell = shell
        self.published = []
        shell.display_pub.publish = self._publish

    def _publish(self, data, _metadata=None, *, transient=None, update=False, **_):
        self.published.append({"data": data, "transient": transient or {}, "update": update})

    def run(self, source):
        """Run a cell; return its result. What it displayed is in `published`, an error is raised."""
        self.published.clear()
        result = self.shell.run_cell(source, store_history=True)
        result.raise_error()
        return result.result

    def error(self, source):
        """Run a cell that must fail; return the error."""
        self.published.clear()
        result = self.shell.run_cell(source, store_history=True)
        assert not result.success, "the cell did not fail"
        return result.error_in_exec or result.error_before_exec

    @property
    def texts(self):
        """The `text/plain` of every display that is text."""
        return [p["data"]["text/plain"] for p in self.published if "image/png" not in p["data"]]

    @property
    def images(self):
        """The charts displayed, as PNG bytes or base64, in order."""
        return [p["data"]["image/png"] for p in self.published if "image/png" in p["data"]]

    @property
    def magics(self):
        """The ClaudeMagics object of the shell."""
        from claude_magic.magics import find

        return find(self.shell)

    @property
    def ns(self):
        """The user's namespace."""
        return self.shell.user_ns


@pytest.fixture
def bare_notebook():
    """A notebook in which the extension is loaded and nobody has chosen who answers."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    notebook = Notebook(shell)
    shell.run_line_magic("load_ext", "claude_magic")
    notebook.magics.warm_up = False
    yield notebook
    shell.run_line_magic("unload_ext", "claude_magic")
    shell._atexit_once()  # now: at the interpreter's own end the folder of its history is gone
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()


@pytest.fixture
def notebook(bare_notebook, local_server):
    """A notebook that the local server answers."""
    from claude_magic.wire import Secret

    bare_notebook.magics.session.use(local_server.base_url, key=Secret(local_server.key))
    return bare_notebook
