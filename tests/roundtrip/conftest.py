"""A local server whose engine runs the code a test gives it, and a session that asks it: the whole way, up and back."""

from __future__ import annotations

import contextlib
import pickle
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from claude_magic.frames.naming import variable
from claude_magic.local.app import App, create_app
from claude_magic.local.containers import ContainerPool
from claude_magic.options import Options
from claude_magic.sandbox import Limits
from claude_magic.sessions import Session
from claude_magic.wire import Secret

KEY = "sk-roundtrip-test-key"


class Runner:
    """Runs the last text of the prompt as Python in the container; says what it printed.

    A prompt of `#files ID…` gets a result that lists these files, whatever they are called: not what a well-behaved
    server does.
    """

    name = "runner"

    def answer(self, turn):
        """Write the code to a file, run it, and say what came out."""
        content = turn.request["messages"][-1]["content"]
        code = content if isinstance(content, str) else content[-1]["text"]
        if code.startswith("#files "):
            yield from _listing(code.split()[1:])
            return
        command = f"cat > code.py <<'END-OF-CODE'\n{code}\nEND-OF-CODE\npython code.py"
        result = yield from turn.call("bash_code_execution", {"command": command})
        yield from turn.text(result.get("stdout") or result.get("stderr") or result.get("error_code") or "nothing")


def _listing(ids):
    """The result of a command that lists the files of these ids."""
    listed = [{"type": "bash_code_execution_output", "file_id": file_id} for file_id in ids]
    result = {"type": "bash_code_execution_result", "stdout": "", "stderr": "", "return_code": 0, "content": listed}
    call = {"type": "server_tool_use", "id": "srvtoolu_01x", "name": "bash_code_execution", "input": {"command": "ls"}}
    for block in (call, {"type": "bash_code_execution_tool_result", "tool_use_id": call["id"], "content": result}):
        yield {"type": "content_block_start", "content_block": block}
        yield {"type": "content_block_stop"}


@dataclass
class Serving:
    """A running server: its address, and the application behind it."""

    url: str
    app: App

    def blobs(self):
        """The names of all contents in its store, arriving ones too."""
        return {path.name for path in self.app.files.blobs.iterdir()}


@contextlib.contextmanager
def serving(data, limits=None):
    """A server on a socket of its own, over the directory `data`; `limits` of what a command may use."""
    app = create_app(data, key=KEY, engine=Runner(), faults=True)
    if limits is not None:
        app._pool = ContainerPool(data / "containers", app.files, limits=limits)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield Serving(f"http://127.0.0.1:{listener.getsockname()[1]}", app)
        app.stop()
        server.should_exit = True
        thread.join()
        app.close()


class Trip:
    """A session that sends variables up, runs code beside them, and has what the code made."""

    def __init__(self, session):
        self.session = session

    def ask(self, code, namespace, upload=None, **options):
        """Upload every variable of `namespace` (or those of `upload`), run `code`; the reply."""
        given = Options(upload=tuple(upload or namespace), model="claude-sonnet-5-5", **options)
        blocks = [{"type": "text", "text": code}]
        with self.session.turn(self.session.prepare(blocks, given, namespace)) as answer:
            for _ in answer:
                pass
        answer.reply.raise_for_error()
        return answer.reply

    def loaded(self, namespace):
        """What the container has after running the loading code it was told, exactly: each frame pickled there."""
        told = self.instructions(namespace)
        reply = self.ask("\n".join(_pickling(name, code) for name, code in told.items()), namespace, history=False)
        made = {name: reply.files.get(f"{name}.pickle") for name in namespace}
        assert all(made.values()), reply.text
        return {name: pickle.loads(artifact.bytes()) for name, artifact in made.items()}

    def back(self, namespace, ending, write):
        """Each frame loaded there, written by `write` (code about `df` and `out`), and read by `reply.frame()`."""
        told = self.instructions(namespace)
        code = [f"{load}\ndf, out = {variable(name)}, os.environ['OUTPUT_DIR'] + '/{name}.{ending}'\n{write}" for
                name, load in told.items()]  # fmt: skip
        reply = self.ask("\n".join(code), namespace, history=False)
        assert set(reply.files) == {f"{name}.{ending}" for name in namespace}, reply.text
        return {name: reply.frame(f"{name}.{ending}") for name in namespace}

    def instructions(self, namespace, upload=None):
        """The loading code that the prompt gives for each variable, between its fences."""
        options = Options(upload=tuple(upload or namespace), model="claude-sonnet-5-5", history=False)
        prepared = self.session.prepare([], options, namespace)
        (told,) = [block["text"] for block in prepared.asked if block["type"] == "text"]
        fenced = [part.partition("\n```")[0] for part in told.split("```python\n")[1:]]
        return dict(zip(upload or namespace, fenced, strict=True))


def _pickling(name, code):
    return f"{code}\n{variable(name)}.to_pickle(os.environ['OUTPUT_DIR'] + '/{name}.pickle')"


@pytest.fixture(scope="session")
def runner_url(tmp_path_factory):
    """The address of a server that runs the code it is given."""
    with serving(tmp_path_factory.mktemp("roundtrip")) as running:
        yield running.url


@pytest.fixture(scope="session")
def trip(runner_url, tmp_path_factory):
    """A session at that server, with a store of its own."""
    session = Session(home=Path(tmp_path_factory.mktemp("roundtrip-home")))
    session.use(runner_url, key=Secret(KEY))
    yield Trip(session)
    session.close()


@pytest.fixture(scope="session")
def strict(tmp_path_factory):
    """A server whose containers stop a command after three seconds."""
    with serving(tmp_path_factory.mktemp("strict"), Limits(seconds=3)) as running:
        yield running


@pytest.fixture
def runner_notebook(bare_notebook, strict):
    """A notebook whose cells are run as Python in the container of that server."""
    bare_notebook.magics.session.use(strict.url, key=Secret(KEY))
    bare_notebook.magics.session.settings.model = "claude-sonnet-5-5"
    return bare_notebook
