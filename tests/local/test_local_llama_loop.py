"""The loop around the language model, with a server that speaks llama.cpp's wire and says what the test wrote."""

from __future__ import annotations

import json
import select
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

from claude_magic import frames
from claude_magic.containers.instructions import Mounted, mount_blocks
from claude_magic.local.llama.engine import TRIES, Llama
from claude_magic.local.llama.process import Address

KEY = "sk-llama-test"
NAME = "llama.cpp (scripted)"
CODE = {"type": "code_execution_20260521", "name": "code_execution"}
RIGHT = 'First I add.\n```python\nresult = df["a"].sum()\n```\nThe output is 99.'
WRONG = '```python\nresult = df["wrong"].sum()\n```'


@dataclass
class Fake:
    """Speaks the part of llama.cpp's wire that the engine uses, one word a token; see `reply`."""

    replies: list = field(default_factory=list)
    asked: list = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    closed: bool = False

    def address(self):
        """Where it is, as the engine asks for it."""
        return Address(self.url, KEY)

    def close(self):
        """Note that the engine was closed."""
        self.closed = True


class Handler(BaseHTTPRequestHandler):
    """A reply is a text, a status with a body, ``"…forever"``, ``"…silence"`` or ``"…cut"``."""

    fake: Fake

    def log_message(self, *_):
        """Say nothing."""

    def do_POST(self):
        """Answer with the next reply."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert self.path == "/v1/chat/completions"
        assert self.headers["authorization"] == f"Bearer {KEY}"
        self.fake.asked.append(body)
        reply = self.fake.replies.pop(0)
        self.fake.begun.set()
        if isinstance(reply, tuple):
            self._start(reply[0], "application/json")
            self.wfile.write(json.dumps(reply[1]).encode())
            return
        self._start(200, "text/event-stream")
        try:
            self.wfile.write(b":\n\n")  # llama.cpp's sign of life
            {"…forever": self._forever, "…silence": self._silence, "…cut": self._cut}.get(reply, self._say)(reply, body)
        except OSError:
            self.fake.left.set()

    def _start(self, status, kind):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.end_headers()

    def _event(self, text, written, finish=None):
        choice = {"finish_reason": finish, "index": 0, "delta": {"content": text} if text else {}}
        timings = {"cache_n": 4, "prompt_n": 6, "predicted_n": written}
        self.wfile.write(b"data: " + json.dumps({"choices": [choice], "timings": timings}).encode() + b"\n\n")

    def _say(self, reply, body):
        words = reply.replace(" ", " \0").replace("\n", "\n\0").split("\0")
        said = words[: body["max_tokens"]]
        for number, word in enumerate(said, 1):
            self._event(word, number)
        self._event("", len(said), "stop" if len(said) == len(words) else "length")
        usage = {"prompt_tokens": 10, "completion_tokens": len(said)}
        self.wfile.write(b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\ndata: [DONE]\n\n")

    def _forever(self, _reply, _body):
        for number in range(1, 3000):
            self._event(f"word{number} ", number)
            time.sleep(0.01)

    def _silence(self, _reply, _body):
        if select.select([self.connection], [], [], 30)[0] and not self.connection.recv(1):
            self.fake.left.set()

    def _cut(self, _reply, _body):
        self._event("Half a", 2)


@pytest.fixture
def fake():
    """A running fake; what it shall say goes into `replies`."""
    fake = Fake()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"fake": fake}))
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def served(fake, serving, tmp_path):
    """The local server with the engine, and the fake behind it."""
    with serving(tmp_path, Llama(NAME, fake)) as server:
        yield server


def about(served, question, frame=None, **more):
    """A request about a frame, as our client writes it."""
    frame = pd.DataFrame({"a": [1, 2, 4], "b": ["x", "y", "z"]}) if frame is None else frame
    encoded = frames.encode(frame, "data")
    uploaded = served.upload(encoded.file.read(), encoded.filename, encoded.mime_type)
    told = frames.describe(frame, "data")
    blocks = mount_blocks([Mounted(uploaded["id"], encoded.filename, "data", told, encoded.load_code)])
    content = [*blocks, {"type": "text", "text": question}]
    return {"messages": [{"role": "user", "content": content}], "tools": [CODE], **more}


def kinds(message):
    """The types of a message's blocks."""
    return [block["type"] for block in message["content"]]


def texts(message):
    """The texts of a message's blocks."""
    return [block["text"] for block in message["content"] if block["type"] == "text"]


def results(message):
    """The results of a message's tool calls."""
    return [b["content"] for b in message["content"] if b["type"] == "bash_code_execution_tool_result"]


def test_a_program_in_a_fence_is_run_and_worded(fake, served):
    """Words, the call, its result, what was printed, the model's answer; what it says behind the fence is not used."""
    fake.replies = [RIGHT, "The sum is 7."]
    message = served.ask("", **about(served, "What is the sum of a?")).json()
    call = ["server_tool_use", "bash_code_execution_tool_result"]
    assert kinds(message) == ["text", *call, "text", "text"]
    assert results(message)[0]["return_code"] == 0
    assert results(message)[0]["stdout"] == "7\n"
    assert texts(message) == ["First I add.\n", "The program printed:\n\n```text\n7\n```\n\n", "The sum is 7."]
    assert message["stop_reason"] == "end_turn"
    assert not any(t for body in fake.asked for t in [m["content"] for m in body["messages"]] if "99" in t)


def test_the_model_sees_columns_and_question_only(fake, served):
    """No value of the frame, no file name, no word of our client's instructions goes into the small prompt."""
    fake.replies = ["I cannot."]
    served.ask("", **about(served, "Which?", pd.DataFrame({"mass": [41.5], "kind": ["Gentoo"]})))
    last = fake.asked[0]["messages"][-1]["content"]
    assert last == 'Columns of df: "mass" (number), "kind" (text)\nWhich?'
    assert sum(len(m["content"]) for m in fake.asked[0]["messages"]) < 2500


def test_an_error_is_fed_back_and_the_second_program_runs(fake, served):
    """The second request holds the failed program and its error; both calls are in the answer."""
    fake.replies = [WRONG, RIGHT, "Seven."]
    message = served.ask("", **about(served, "Sum of a?")).json()
    assert [r["return_code"] for r in results(message)] == [1, 0]
    said = fake.asked[1]["messages"][-1]["content"]
    assert said.startswith(fake.asked[0]["messages"][-1]["content"])
    assert 'df["wrong"]' in said
    assert "KeyError: 'wrong'" in said
    assert texts(message)[-1] == "Seven."
    assert fake.asked[0]["temperature"] < fake.asked[1]["temperature"]


def test_a_figure_that_was_not_printed_is_named(fake, served):
    """What the model makes up beside the program's figures does not pass unseen."""
    fake.replies = [RIGHT, "The sum is 7, the mean 2.33."]
    message = served.ask("", **about(served, "Sum of a?")).json()
    assert texts(message)[-1].strip() == "Not in what the program printed: 2.33."


def test_a_program_that_prints_nothing_is_told_so(fake, served):
    """Return code 0 without any output is no answer."""
    fake.replies = ["```python\ntotal = 1\n```", RIGHT, "Seven."]
    message = served.ask("", **about(served, "Sum of a?")).json()
    assert "printed nothing" in fake.asked[1]["messages"][-1]["content"]
    assert texts(message)[-1] == "Seven."


def test_tries_are_bounded(fake, served):
    """After the last failure nothing more is asked, and the answer says that there is no figure."""
    fake.replies = [WRONG] * (TRIES + 3)
    message = served.ask("", **about(served, "Sum of a?")).json()
    assert len(fake.asked) == len(results(message)) == TRIES
    assert "No program ran to its end" in texts(message)[-1]
    assert "KeyError: 'wrong'" in texts(message)[-1]


def test_giving_up_is_said(fake, served):
    """When the model answers a failure without another program, its words do not stand alone."""
    fake.replies = [WRONG, "The sum is 12."]
    message = served.ask("", **about(served, "Sum of a?")).json()
    assert len(results(message)) == 1
    assert texts(message)[-1].strip().startswith("No program ran to its end")


@pytest.mark.parametrize("reply", ["There is no such column.", "Try this:\n```sql\nSELECT 1\n```\nin a database.\n"])
def test_without_a_program_the_answer_is_what_it_says(fake, served, reply):
    """No Python fence, no call; another language's fence is words."""
    fake.replies = [reply]
    message = served.ask("", **about(served, "Sum of z?")).json()
    assert message["content"] == [{"type": "text", "text": reply, "citations": None}]


def test_without_the_tool_nothing_is_run(fake, served):
    """In a request without code execution a program is words, and the system prompt and history are the model's."""
    fake.replies = [RIGHT]
    messages = [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": [{"type": "text", "text": "How"}, {"type": "text", "text": "do I add?"}]},
    ]
    message = served.ask("", messages=messages, system="Be brief.").json()
    assert message["content"] == [{"type": "text", "text": RIGHT, "citations": None}]
    assert [(m["role"], m["content"]) for m in fake.asked[0]["messages"]] == [
        ("system", "Be brief."),
        ("user", "Hello."),
        ("assistant", "Good day."),
        ("user", "How\ndo I add?"),
    ]


def test_a_file_without_description_is_looked_into(fake, served):
    """A plain CSV is listed first, in the container, so that the model knows its columns and few values."""
    fake.replies = ["```python\nresult = df.day.dt.year.max()\n```", "2026."]
    uploaded = served.upload(b"day,kind\n" + b"2025-01-01,x\n2026-01-01,y\n" * 20, "days.csv")
    content = [{"type": "container_upload", "file_id": uploaded["id"]}, {"type": "text", "text": "Last year?"}]
    message = served.ask("", messages=[{"role": "user", "content": content}], tools=[CODE]).json()
    assert '"day" (time), "kind" (text: x, y)' in fake.asked[0]["messages"][-1]["content"]
    assert results(message)[1]["stdout"] == "2026\n"


def test_result_and_figures_come_home(fake, served):
    """A frame in `result` is a CSV and an open figure a PNG, though the program saves neither."""
    fake.replies = ['```python\nresult = df.groupby("b")["a"].sum()\nresult.plot(kind="bar")\n```', "Drawn."]
    message = served.ask("", **about(served, "Draw a by b.")).json()
    ids = [file["file_id"] for file in results(message)[0]["content"]]
    files = {f["filename"]: f["id"] for f in served.http.get("/v1/files").json()["data"] if f["id"] in ids}
    assert set(files) == {"result.csv", "chart_1.png"}
    assert served.http.get(f"/v1/files/{files['result.csv']}/content").text == "b,a\nx,1\ny,2\nz,4\n"
    assert "chart is drawn" in fake.asked[1]["messages"][-1]["content"]


def test_a_further_question_knows_the_program_before(fake, served):
    """The next request of a thread shows the model its last question and program, without our lines around it."""
    fake.replies = [RIGHT, "Seven.", "I cannot."]
    request = about(served, "Sum of a?")
    first = served.ask("", **request).json()
    more = [{"role": "assistant", "content": first["content"]}, {"role": "user", "content": "And of b?"}]
    served.ask("", **{**request, "messages": [*request["messages"], *more]})
    *_, asked, answered, now = [m["content"] for m in fake.asked[-1]["messages"]]
    assert asked.endswith("\nSum of a?")
    assert answered == '```python\nresult = df["a"].sum()\n```'
    assert now.endswith("\nAnd of b?")


def test_usage_is_the_models_own(fake, served):
    """All rounds together, also of a reply that was left when its program was complete."""
    fake.replies = [RIGHT, "The sum is 7."]
    usage = served.ask("", **about(served, "Sum of a?")).json()["usage"]
    assert usage["input_tokens"] == 20  # 10 in each of two rounds
    until_closed = RIGHT[: RIGHT.rindex("```") + 3].split()
    assert len(until_closed) + 4 <= usage["output_tokens"] <= len(RIGHT.split()) + 4


def test_max_tokens_is_the_models_own_count(fake, served):
    """The model is asked for no more than is left, and the answer says why it ends; block by block it is complete."""
    fake.replies = ["one two three four five six"]
    events = served.events("Count.", max_tokens=4)
    assert fake.asked[0]["max_tokens"] == 4
    assert [e["type"] for e in events][-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"
    assert events[-2]["usage"]["output_tokens"] == 4


def test_what_a_program_took_is_not_there_for_the_answer(fake, served):
    """Rounds share `max_tokens`."""
    fake.replies = [RIGHT, "The sum is seven, as computed."]
    message = served.ask("", **about(served, "Sum of a?", max_tokens=12)).json()
    assert message["stop_reason"] == "max_tokens"
    assert fake.asked[1]["max_tokens"] < 12
    assert message["usage"]["output_tokens"] == 12


def test_a_stop_sequence_ends_the_models_reply(fake, served):
    """The server cuts, and the model's server sees the connection closed."""
    fake.replies = ["…forever"]
    message = served.ask("Count.", stop_sequences=["word7 "]).json()
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "word7 ")
    assert texts(message)[0].endswith("word6 ")
    assert fake.left.wait(10)


@pytest.mark.parametrize("reply", ["…forever", "…silence"])
def test_a_client_that_leaves_ends_the_models_reply(fake, served, reply):
    """Also while the model is still reading its prompt and nothing comes that could be noticed."""
    fake.replies = [reply]
    body = served.body("Count.", stream=True)
    with served.http.stream("POST", "/v1/messages", json=body) as answer:
        coming = answer.iter_raw()  # whose end would close the connection
        next(coming)
        assert fake.begun.wait(10)
    assert fake.left.wait(10)


def test_deltas_are_the_models_pieces(fake, served):
    """A word at a time, as the model says it."""
    fake.replies = ["one two three"]
    events = served.events("Count.")
    assert [e["delta"]["text"] for e in events if e["type"] == "content_block_delta"] == ["one ", "two ", "three"]


def test_a_prompt_that_is_too_long_is_refused_in_one_line(fake, served):
    """What llama.cpp says of it becomes the API's words for it."""
    error = {"code": 400, "type": "exceed_context_size_error", "message": "m", "n_prompt_tokens": 9000, "n_ctx": 8192}
    fake.replies = [(400, {"error": error})] * 2
    assert served.ask("Long.").json()["error"] == {
        "type": "invalid_request_error",
        "message": "prompt is too long: 9000 tokens > 8192 maximum of the local model",
    }
    assert served.events("Long.")[-1]["error"]["type"] == "invalid_request_error"


def test_a_broken_model_server_is_a_failed_stream(fake, served):
    """What was said stays said, and an error event says in one line what happened."""
    fake.replies = ["…cut"]
    events = served.events("Count.")
    assert [e["delta"]["text"] for e in events if e["type"] == "content_block_delta"] == ["Half a"]
    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["type"] == "api_error"
    assert events[-1]["error"]["message"].startswith("llama.cpp broke off")


def test_the_engine_is_named_and_ends_with_the_server(fake, serving, tmp_path):
    """The header tells who answers, and the server's end is the engine's."""
    with serving(tmp_path, Llama(NAME, fake)) as server:
        assert server.http.get("/v1/models").headers["x-claude-magic-engine"] == NAME
        assert not fake.closed
    assert fake.closed
