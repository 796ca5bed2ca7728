"""Marked keys, everything that is run and everything that can fail; then a search for them wherever anything is left.

A real kernel, with logging at DEBUG and a folder of its own for all it writes, talks to a real local server that was
started with a marked key. Other marks stand in the environment, in URLs and in a proxy's address.
"""

from __future__ import annotations

import ast
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[1]
# What makes each mark unique: a part of it shown is a leak, too.
CORES = {
    "key": "7Qz2pVx9Lw4Tn8Rk",
    "environment": "Jd6mYb1Fc5Gh3Us0",
    "wrong": "Xe8aNo2Ki7Pt4Wv6",
    "password": "Hn5sWq8Zb3Cr1Ly9",
}
KEY, ENVIRONMENT, WRONG = (f"sk-MARKED-{CORES[name]}" for name in ("key", "environment", "wrong"))
PASSWORD = CORES["password"]

LOGGING = """
import logging, os, io, pandas as pd
logging.basicConfig(level=logging.DEBUG, filename="kernel-debug.log", force=True)
logging.getLogger().addHandler(logging.StreamHandler())
for name in ("httpx", "httpcore", "claude_magic", "asyncio"):
    logging.getLogger(name).setLevel(logging.DEBUG)
shell = get_ipython()
df = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
"""
SETUP = """
import claude_magic
session = claude_magic.session()
client = session.client
body = dict(model=session.resolve(), max_tokens=99, messages=[dict(role="user", content="hello")])
"""
BY_COMMAND = {
    "status": ["status"],
    "use": ["use {url} --key-env MARKED_KEY"],
    "login": ["login"],
    "logout": ["logout", "use {url} --key-env MARKED_KEY"],
    "ask": ["ask -o reply Who are you?"],
    "models": ["models", "models sonnet"],
    "model": ["model", "model opus", "model sonnet"],
    "count": ["count hello", "count df"],
    "upload": ["upload df"],
    "files": ["files", "files prune"],
    "download": ["download file_nothing"],
    "code": ["ask -u df -o sums mean of a", "code sums"],
    "container": ["container"],
    "thread": ["thread", "thread other", "thread main"],
    "show": ["show"],
    "reset": ["reset"],
    "panel": ["panel"],
    "help": ["help", "help use"],
    "version": ["version"],
}
FAILING = [
    "%%claude\n{{ 1 / 0 }}",
    "%%claude --upload nothing\nhello",
    "%%claude --nonsense\nhello",
    "%%claude --model claude-nothing\nhello",
    "%claude files show file_nothing",
    "%claude fils",
    "%%claude\nhello\n<fault>drop-mid:5",
    "%%claude\nhello\n<fault>truncate:5",
    "%%claude\nhello\n<fault>error-mid:6",
    "%%claude\nhello\n<fault>spend-cap",
    "%%claude\nhello\n<fault>html-413",
    # Defects and interrupts that come from inside an exchange, where frames of ours and of httpx are open.
    "client.messages.create({'model': object()})",
    "def boom(done, total): raise RuntimeError('a defect')",
    "client.files.upload(io.BytesIO(b'x' * 600_000), filename='a.txt', mime_type='text/plain', progress=boom)",
    "def stop(done, total): raise KeyboardInterrupt",
    "client.files.upload(io.BytesIO(b'x' * 600_000), filename='a.txt', mime_type='text/plain', progress=stop)",
    "class Broken(io.BytesIO):\n    def read(self, *_): raise RuntimeError('a defect')",
    "client.files.upload(Broken(b'x' * 600_000), filename='a.txt', mime_type='text/plain')",
    "with client.messages.stream(dict(model='sonnet', max_tokens=9, messages=[])) as events: list(events)",
    "with client.messages.stream(body) as events:\n    for event in events: raise RuntimeError(event)",
    "raise RuntimeError(client, session, session.backend, vars(session), f'{session.backend.key}')",
    "session.backend.key + 1",
    "import pickle; pickle.dumps(session.backend)",
    # Somebody else's key, or nobody's server.
    "%claude use {url} --key-env WRONG_KEY",
    "%%claude\nhello",
    "%claude use http://127.0.0.1:9 --key-env MARKED_KEY",
    "%%claude\nhello",
    "%%claude --no-stream\nhello",
    "%claude use {url} NOT --key-env",
    # Credentials where none belong; they come from variables, because what is typed is in the notebook anyway.
    "shell.run_line_magic('claude', 'use ' + os.environ['USERINFO_URL'])",
    "shell.run_line_magic('claude', 'use ' + os.environ['USERINFO_URL'].replace(':9/', ':99999/'))",
    "shell.run_line_magic('claude', 'use ' + os.environ['USERINFO_URL'].replace('http://', ''))",
    "shell.run_line_magic('claude', 'use ' + os.environ['USERINFO_URL'].replace('127.0.0.1', '[bad'))",
    "shell.run_line_magic('claude', 'use ' + os.environ['MARKED_KEY'])",
    "shell.run_line_magic('claude', 'use api ' + os.environ['MARKED_KEY'])",
    "shell.run_line_magic('claude', 'login ' + os.environ['MARKED_KEY'])",
    "shell.run_line_magic('claude', 'logout ' + os.environ['MARKED_KEY'])",
    "os.environ['ANTHROPIC_BASE_URL'] = os.environ['USERINFO_URL']\nshell.run_line_magic('claude', 'use api')",
    "del os.environ['ANTHROPIC_BASE_URL']\nos.environ['http_proxy'] = os.environ['USERINFO_URL']",
    "%claude use http://example.invalid --key-env MARKED_KEY",
    "%%claude\nhello",
    "del os.environ['http_proxy']",
    "%claude use {url} --key-env MARKED_KEY",
]
# Every living object and module of ours in every way one might look at it; those that carry requests as they show
# themselves (the request itself holds the key for as long as it is on its way).
WALK = """
import gc, pickle, pprint, sys
shown = {"repr": repr, "str": str, "format": format, "pformat": pprint.pformat}
ways = shown | {
    "vars": lambda o: repr(vars(o)),
    "pickle": lambda o: pickle.dumps(o).decode("latin-1"),
    "slots": lambda o: repr({s: getattr(o, s, None) for c in type(o).__mro__ for s in getattr(c, "__slots__", ())}),
}
rooms = {"claude_magic": ways, "httpx": shown, "httpcore": shown, "h11": shown}
seen = [(o, rooms.get(str(type(o).__module__).partition(".")[0], {})) for o in gc.get_objects()]
seen += [(m, ways) for name, m in list(sys.modules.items()) if name.partition(".")[0] == "claude_magic"]
with open("walk.txt", "w", errors="replace") as walk:
    for o, these in seen:
        for name, way in these.items():
            try:
                print(type(o), name, way(o), file=walk)
            except Exception as problem:
                print(type(o), name, problem, file=walk)
del seen
"""


def needles():
    """Return what must not be found: the marks, and how they look in base64 and in hex."""
    found = dict.fromkeys(CORES.values())
    for core in CORES.values():
        for shift in range(3):
            whole = base64.b64encode(b"x" * shift + core.encode()).decode().rstrip("=")
            found[whole[4:-4]] = None
        found[core.encode().hex()] = None
    return [re.compile(re.escape(needle.encode())) for needle in found]


def leaks(what, data):
    """Return where in `data` (bytes) a mark stands, with what is around it."""
    return [(what, data[max(0, m.start() - 100) : m.end()]) for n in needles() if (m := n.search(data))]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The one folder in which kernel and server write: notebooks, home, temporary files, logs, store."""
    made = tmp_path_factory.mktemp("secrets")
    shutil.copytree(ROOT / "notebooks", made / "work", ignore=shutil.ignore_patterns(".*", "__pycache__"))
    for name in ("home", "tmp", "server", "claude-magic"):
        (made / name).mkdir()
    return made


@pytest.fixture(scope="module")
def url(place):
    """The local server's address; it was started with the marked key, and logs at DEBUG."""
    start = (
        "import logging, os, sys; logging.basicConfig(level=logging.DEBUG);"
        "from claude_magic.local.serve import main; main(['--faults', '--data', sys.argv[1], '--key', os.environ['K']])"
    )
    environment = {**_environment(place), "K": KEY}
    with (place / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", start, str(place / "server")], stdout=subprocess.PIPE, stderr=log, env=environment
        )
    yield server.stdout.readline().decode().strip()
    server.terminate()
    server.wait(20)
    server.stdout.close()


def _environment(place):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANTHROPIC_", "CLAUDE_MAGIC_"))}
    return {
        **kept,
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "tmp"),
        "IPYTHONDIR": str(place / "home" / "ipython"),
        "CLAUDE_MAGIC_HOME": str(place / "claude-magic"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }


class Kernel:
    """A kernel; keeps every message it sends."""

    def __init__(self, place, url):
        self.url, self.messages, self.cells = url, [], []
        marks = {"MARKED_KEY": KEY, "WRONG_KEY": WRONG, "ANTHROPIC_API_KEY": ENVIRONMENT}
        marks["USERINFO_URL"] = f"http://user:{PASSWORD}@127.0.0.1:9/"
        self.manager = KernelManager(kernel_name="python3")
        self._log = (place / "kernel.log").open("wb")
        self.manager.start_kernel(
            cwd=str(place / "work"), env={**_environment(place), **marks}, stdout=self._log, stderr=self._log
        )
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, source):
        """Run a cell, asked-for input is the marked key; return its outputs."""
        source, _, fault = source.replace("{url}", self.url).partition("\n<fault>")
        if fault:
            self._queue(fault)
        outputs = []

        def keep(message):
            self.messages.append(message)
            if message["msg_type"] in {"display_data", "execute_result", "stream", "error"}:
                outputs.append(nbformat.v4.output_from_msg(message))

        reply = self.client.execute_interactive(
            source,
            allow_stdin=True,
            output_hook=keep,
            stdin_hook=lambda _: self.client.input(KEY),
            timeout=120,
            stop_on_error=False,
        )
        self.messages.append(reply)
        self.cells.append(nbformat.v4.new_code_cell(source, outputs=outputs))
        return reply["content"]

    def value(self, expression):
        """Return the value of a string expression, by a reply that is not kept with the others."""
        asked = self.client.execute(
            "", user_expressions={"value": expression}, store_history=False, reply=True, timeout=30
        )
        return ast.literal_eval(asked["content"]["user_expressions"]["value"]["data"]["text/plain"])

    def _queue(self, fault):
        asked = urllib.request.Request(f"{self.url}/_faults", json.dumps({"faults": [fault]}).encode(), method="POST")
        asked.add_header("x-api-key", KEY)
        asked.add_header("anthropic-version", "2023-06-01")
        urllib.request.urlopen(asked, timeout=10).close()

    def stop(self):
        """End it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel()
        self.manager.cleanup_resources()
        self.manager.context.destroy(linger=0)
        self._log.close()


def notebooks():
    """Return the sources of every notebook's code cells; the local server is the one with the marked key."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        found[path.name] = [c.replace("%claude use local", "%claude use {url} --key-env MARKED_KEY") for c in cells]
    return found


@pytest.fixture(scope="module")
def left(place, url):
    """Run everything; return what is left of it: the kernel's messages and the folder."""
    kernel = Kernel(place, url)
    ended = {}
    try:
        kernel.run(LOGGING)
        kernel.run("%load_ext claude_magic\n%claude use {url} --key-env MARKED_KEY")
        for name, cells in notebooks().items():
            ended[name] = [kernel.run(cell)["status"] for cell in cells]
        for name, lines in BY_COMMAND.items():
            ended[name] = [kernel.run(f"%claude {line}")["status"] for line in lines]
        for mode in ("Verbose", "Context"):
            kernel.run(f"%xmode {mode}")
            kernel.run(SETUP)
            ended[mode] = [kernel.run(cell)["status"] for cell in FAILING]
        kernel.run("%claude use local")
        kernel.run("%%claude\nWho are you?")
        kernel.own = kernel.value("claude_magic.session().backend.key.reveal()")
        ended["walk"] = [kernel.run(WALK)["status"]]
        nbformat.write(nbformat.v4.new_notebook(cells=kernel.cells), place / "work" / "saved.ipynb")
        shutil.copytree(place / "claude-magic", place / "while-it-runs")  # SQLite's -wal goes when the kernel does
    finally:
        kernel.stop()
    return kernel, place, ended


@pytest.mark.timeout(600)
def test_every_command_and_every_notebook_was_run(left):
    """The list above holds every command there is; notebooks and commands went through, and what should fail failed."""
    from claude_magic.magics.commands import COMMANDS

    _, _, ended = left
    assert set(BY_COMMAND) == set(COMMANDS)
    for name in (*notebooks(), *(set(BY_COMMAND) - {"download"}), "walk"):
        assert set(ended[name]) == {"ok"}, (name, ended[name])
    assert notebooks()
    assert ended["Verbose"] == ended["Context"]
    assert ended["Verbose"].count("error") >= len(FAILING) * 2 // 3


def test_no_message_of_the_kernel_holds_a_key(left):
    """Outputs, updates, widgets, replies, tracebacks of both modes: none of the marks is in any of them."""
    kernel, _, _ = left
    sent = [(m["msg_type"], json.dumps(m, default=str)) for m in kernel.messages]
    assert [leak for kind, text in sent for leak in leaks(kind, text.encode())] == []
    assert [kind for kind, text in sent if kernel.own in text] == []
    assert len(kernel.messages) > 500


def test_no_file_that_was_written_holds_a_key(left):
    """The store with its -wal, the saved notebook, logs at DEBUG, histories, what the server keeps, temporary files."""
    kernel, place, _ = left
    files = [p for p in place.rglob("*") if p.is_file()]
    names = {p.name for p in files}
    assert {"kernel.log", "server.log", "kernel-debug.log", "saved.ipynb", "walk.txt"} <= names
    assert {"claude_magic.sqlite3", "claude_magic.sqlite3-wal"} <= names
    assert [leak for p in files for leak in leaks(str(p), p.read_bytes())] == []
    assert [p for p in files if kernel.own.encode() in p.read_bytes()] == []
    assert kernel.own.startswith("sk-local-")
    debug = (place / "work" / "kernel-debug.log").read_text()
    assert "httpcore.http11" in debug
    assert "HTTP Request: POST" in debug
    walked = (place / "work" / "walk.txt").read_text()
    for kind in (
        "Session",
        "Backend",
        "Secret",
        "Client",
        "Reply",
        "Artifact",
        "Thread",
        "ClaudeMagics",
        "HTTPTransport",
    ):
        assert f".{kind}'> repr" in walked, kind


def test_the_search_finds_what_is_there():
    """Zero means zero: a mark is found as it is, in base64 wherever it begins, and in hex."""
    core = CORES["key"]
    assert leaks("", f"a {KEY} b".encode())
    assert leaks("", core.encode().hex().encode())
    for prefix in ("", "a", "ab", "Bearer "):
        assert leaks("", base64.b64encode(f"{prefix}{KEY}:x".encode()))
    assert not leaks("", b"sk-MARKED-")
