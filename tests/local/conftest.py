"""A local server on a socket, answered by an engine that does what the prompt's script says."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn

from claude_magic.local.app import App

KEY = "sk-local-test-key"
VERSION = "2026-10-21"
MODEL = "claude-opus-5-5"
OLD_MODEL = "claude-haiku-4-5"
CODE = {"type": "code_execution_20260521", "name": "code_execution"}


class Scripted:
    """Does what the last user message says, when that is a JSON list of steps; repeats it otherwise.

    Steps: ``["text", S]``, ``["bash", COMMAND]``, ``["edit", INPUT]``, ``["event", EVENT]``, ``["sleep", SECONDS]``,
    ``["raise", MESSAGE]``, ``["files"]`` (say the names of the uploads), ``["use", NAME, INPUT]`` (a client's tool).
    """

    name = "scripted"

    def answer(self, turn):
        """Carry the steps out."""
        content = turn.request["messages"][-1]["content"]
        said = content if isinstance(content, str) else "".join(b.get("text", "") for b in content)
        try:
            steps = json.loads(said)
        except ValueError:
            steps = [["text", f"You said: {said}"]]
        for step in steps:
            yield from self._step(turn, *step)

    def _step(self, turn, kind, *rest):
        match kind:
            case "text":
                yield from turn.text(*rest)
            case "bash":
                result = yield from turn.call("bash_code_execution", {"command": rest[0]})
                yield from turn.text(f"stdout: {result.get('stdout', result.get('error_code'))}.")
            case "edit":
                yield from turn.call("text_editor_code_execution", rest[0])
            case "event":
                yield rest[0]
            case "files":
                yield from turn.text(" ".join(f"{f.filename}:{f.mime_type}:{f.size}" for f in turn.files) or "none")
            case "use":
                block = {
                    "type": "tool_use",
                    "id": "toolu_01x",
                    "name": rest[0],
                    "input": {},
                    "caller": {"type": "direct"},
                }
                yield {"type": "content_block_start", "content_block": block}
                delta = {"type": "input_json_delta", "partial_json": json.dumps(rest[1])}
                yield {"type": "content_block_delta", "delta": delta}
                yield {"type": "content_block_stop"}
            case "sleep":
                time.sleep(rest[0])
            case "raise":
                raise RuntimeError(rest[0])


@dataclass
class Local:
    """A running server and a plain HTTP client for it."""

    base_url: str
    http: httpx.Client = field(repr=False)
    app: App = field(repr=False)
    key: str = KEY
    code: dict = field(default_factory=lambda: dict(CODE))

    def body(self, prompt, **more):
        """A message request; a list of steps becomes a script."""
        return body(prompt, **more)

    def parse(self, content):
        """The events of a stream's bytes."""
        return parse(content)

    def ask(self, prompt, **more):
        """POST a message; `more` adds to or replaces keys of the body, None removes one."""
        return self.http.post("/v1/messages", json=body(prompt, **more))

    def events(self, prompt, headers=None, **more):
        """The events of a streamed answer."""
        with self.http.stream("POST", "/v1/messages", json=body(prompt, stream=True, **more), headers=headers) as r:
            r.read()
        return parse(r.content)

    def upload(self, content=b"a,b\n1,2\n", name="data.csv", mime="text/csv", **form):
        """Upload a file; its metadata."""
        answer = self.http.post("/v1/files", files={"file": (name, content, mime)}, data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()


def body(prompt, **more):
    """A message request; a list of steps becomes a script."""
    text = prompt if isinstance(prompt, str) else json.dumps(prompt)
    whole = {"model": MODEL, "max_tokens": 1000, "messages": [{"role": "user", "content": text}], **more}
    return {key: value for key, value in whole.items() if value is not None}


def parse(content):
    """Server-sent events, read by the rule book: frames end with a blank line, `data` is JSON."""
    events = []
    for frame in content.decode().replace("\r\n", "\n").split("\n\n"):
        lines = [line for line in frame.split("\n") if line and not line.startswith(":")]
        if lines:
            name, data = lines
            event = json.loads(data.removeprefix("data: "))
            assert name == f"event: {event['type']}"
            events.append(event)
    return events


@contextlib.contextmanager
def running(app):
    """Run an application on a loopback socket in a thread."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        headers = {"x-api-key": KEY, "anthropic-version": VERSION}
        with httpx.Client(base_url=base_url, headers=headers, timeout=30) as http:
            yield Local(base_url, http, app)
        app.stop()
        server.should_exit = True
        thread.join()
        app.close()


@pytest.fixture(scope="session")
def local(tmp_path_factory):
    """A server with faults switched on; shared, so a test leaves nothing behind that another could meet."""
    with running(App(tmp_path_factory.mktemp("data"), key=KEY, engine=Scripted(), faults=True)) as server:
        yield server


@pytest.fixture
def fresh(tmp_path):
    """A server with an empty data directory."""
    with running(App(tmp_path, key=KEY, engine=Scripted(), faults=True)) as server:
        yield server


@pytest.fixture
def serving():
    """Servers with other settings, each a context manager made from a directory and the settings."""
    return lambda data, engine=None, **settings: running(App(data, key=KEY, engine=engine or Scripted(), **settings))


@pytest.fixture
def plain(tmp_path):
    """A server as users have it: no faults."""
    with running(App(tmp_path, key=KEY, engine=Scripted())) as server:
        yield server
