"""A server that answers as it was told, event by event, so that a test can act between two of them."""

import http.server
import json
import threading

import pytest

from claude_magic.sessions import Session
from claude_magic.wire import Secret

MODEL = "claude-sonnet-4-6"


def begin(text=None, **message):
    """The events that begin an answer; with a text, its first block too."""
    usage = {"input_tokens": 1_000_000, "output_tokens": 1}
    yield {"type": "message_start", "message": {"id": "msg_1", "model": MODEL, "usage": usage, **message}}
    if text is not None:
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": text}}


def end(stop_reason="end_turn", **delta):
    """The events that end it."""
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": {"stop_reason": stop_reason, **delta}, "usage": {"output_tokens": 5}}
    yield {"type": "message_stop"}


class Told:
    """The server. `answers`: lists of events, and of functions that are called in between; `asked`: the bodies.

    An answer may also be a status: refused with it, try again in 50 seconds; `refused` is set then.
    """

    def __init__(self):
        self.answers, self.asked = [], []
        self.refused = threading.Event()
        told = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                told.asked.append(json.loads(body))
                answer = told.answers.pop(0)
                if isinstance(answer, int):
                    self.send_response(answer)
                    self.send_header("retry-after", "50")
                    self.end_headers()
                    told.refused.set()
                    return
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                for event in answer:
                    if callable(event):
                        event()
                    else:
                        self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

            def log_message(self, *_):
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """Close the socket."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def told():
    """A server to be told what to answer."""
    server = Told()
    yield server
    server.stop()


@pytest.fixture
def session(told, tmp_path):
    """A session that it answers."""
    made = Session(home=tmp_path / "home")
    made.use(told.base_url, key=Secret("sk-test-0000"))
    yield made
    made.close()


@pytest.fixture
def script():
    """`begin` and `end`."""
    return begin, end
