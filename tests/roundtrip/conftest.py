"""A local server whose engine runs the code a test gives it, and a session that asks it: the whole way, up and back."""

from __future__ import annotations

import contextlib
import pickle
import socket
import threading
from pathlib import Path

import pytest
import uvicorn

from claude_magic.frames.naming import variable
from claude_magic.local.app import create_app
from claude_magic.options import Options
from claude_magic.sessions import Session
from claude_magic.wire import Secret

KEY = "sk-roundtrip-test-key"


class Runner:
    """Runs the last text of the prompt as Python in the container; says what it printed."""

    name = "runner"

    def answer(self, turn):
        """Write the code to a file, run it, and say what came out."""
        content = turn.request["messages"][-1]["content"]
        code = content if isinstance(content, str) else content[-1]["text"]
        command = f"cat > code.py <<'END-OF-CODE'\n{code}\nEND-OF-CODE\npython code.py"
        result = yield from turn.call("bash_code_execution", {"command": command})
        yield from turn.text(result.get("stdout") or result.get("stderr") or result.get("error_code") or "nothing")


@contextlib.contextmanager
def serving(data):
    """A server on a socket of its own, over the directory `data`."""
    app = create_app(data, key=KEY, engine=Runner(), faults=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
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
    with serving(tmp_path_factory.mktemp("roundtrip")) as url:
        yield url


@pytest.fixture(scope="session")
def trip(runner_url, tmp_path_factory):
    """A session at that server, with a store of its own."""
    session = Session(home=Path(tmp_path_factory.mktemp("roundtrip-home")))
    session.use(runner_url, key=Secret(KEY))
    yield Trip(session)
    session.close()
