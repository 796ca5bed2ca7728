"""The server as a program: started, found, ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from claude_magic.errors import LocalServerError, UsageError
from claude_magic.local import child, serve
from claude_magic.local.standin import StandIn

VERSION = {"anthropic-version": "2026-10-21"}


def get(running, path="/v1/models"):
    """Ask a child server."""
    return httpx.get(running.base_url + path, headers={"x-api-key": running.key, **VERSION}, timeout=10)


def gone(pid, seconds=10.0):
    """Whether a process has ended (a zombie has) within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def running(tmp_path):
    """A child server with a data directory."""
    server = child.start(tmp_path / "data", faults=True)
    yield server
    server.stop()


def test_a_child_is_quickly_there_and_quickly_gone():
    """From start to the first answer it takes well under two seconds of its own CPU, and it stops by itself."""
    server = child.start()
    assert get(server).status_code == 200
    times = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    assert sum(map(int, times)) / os.sysconf("SC_CLK_TCK") < 1.5
    server.stop()
    assert server.process.returncode == 0
    assert not server.running
    server.stop()


def test_a_child_has_its_own_session_and_no_key_on_its_command_line(running, monkeypatch):
    """The kernel's interrupt does not reach it; its key shows nowhere."""
    pid = running.process.pid
    assert os.getsid(pid) == pid
    assert running.key.startswith("sk-")
    assert running.key not in Path(f"/proc/{pid}/cmdline").read_text()
    assert running.key not in repr(running)
    assert running.key not in Path(f"/proc/{pid}/environ").read_text(errors="replace")


def test_a_child_does_not_inherit_the_users_key(monkeypatch):
    """What runs in its containers could read it."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret-of-the-user")
    server = child.start()
    assert "sk-ant-secret" not in Path(f"/proc/{server.process.pid}/environ").read_text(errors="replace")
    server.stop()


def test_a_child_ends_when_its_parent_dies():
    """Also when the parent is killed and can tidy nothing up."""
    program = (
        "import sys, time\nfrom claude_magic.local import child\n"
        "server = child.start()\nprint(server.process.pid, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(pid)


def test_a_child_stops_with_streams_open(running):
    """SIGTERM ends open answers first, so nothing waits for a slow client."""
    headers = {"x-api-key": running.key, "x-claude-magic-fault": "slow:5", **VERSION}
    body = {"model": "claude-opus-5-5", "max_tokens": 500, "stream": True}
    body["messages"] = [{"role": "user", "content": "Tell me something long."}]
    begun = threading.Event()
    ended = []

    def read():
        try:
            with httpx.stream("POST", f"{running.base_url}/v1/messages", json=body, headers=headers, timeout=30) as r:
                begun.set()
                r.read()
        except httpx.HTTPError as error:
            ended.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(10)
    began = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    running.process.wait(10)
    reader.join(10)
    assert time.monotonic() - began < 9
    assert running.process.returncode == 0
    assert len(ended) == 1


def test_data_survives_a_restart(tmp_path):
    """Same directory: same workspace, same files; a new key each time."""
    seen = []
    for _ in range(2):
        server = child.start(tmp_path / "data")
        headers = {"x-api-key": server.key, **VERSION}
        answer = httpx.post(f"{server.base_url}/v1/files", files={"file": ("a.txt", b"x")}, headers=headers)
        seen.append(
            (answer.headers["anthropic-workspace-id"], len(get(server, "/v1/files").json()["data"]), server.key)
        )
        server.stop()
    (first, one, key), (second, two, other) = seen
    assert (first, one, two) == (second, 1, 2)
    assert key != other


def test_a_child_that_cannot_start_says_why(tmp_path):
    """One error, in the server's own words."""
    (tmp_path / "data").write_text("a file where a directory should be")
    with pytest.raises(LocalServerError, match=r"data cannot hold the server's data: File exists.*CLAUDE_MAGIC_HOME"):
        child.start(tmp_path / "data")


def test_uploads_do_not_pass_through_memory(running):
    """A hundred megabytes up cost the server less than ten."""
    piece = b"x" * 2**20
    head = b'--XX\r\ncontent-disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'
    size = len(head) + 100 * len(piece) + len(b"\r\n--XX--\r\n")

    def content():
        yield head
        for _ in range(100):
            yield piece
        yield b"\r\n--XX--\r\n"

    headers = {"x-api-key": running.key, "content-type": "multipart/form-data; boundary=XX", **VERSION}
    httpx.post(f"{running.base_url}/v1/files", headers=headers, content=head + b"x\r\n--XX--\r\n")  # imports are done
    before = peak(running.process.pid)
    answer = httpx.post(
        f"{running.base_url}/v1/files", headers={**headers, "content-length": str(size)}, content=content(), timeout=60
    )
    assert answer.json()["size_bytes"] == 100 * 2**20
    assert peak(running.process.pid) - before < 10_000


def peak(pid):
    """A process's peak resident memory, in kB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def test_as_a_program_it_tells_url_and_key(tmp_path):
    """Two lines, the second begins with `sk-`; a key that is given is kept; Ctrl-C ends it."""
    command = [sys.executable, "-m", "claude_magic.local", "--data", str(tmp_path), "--key", "sk-mine", "--host", "::1"]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    url, key = program.stdout.readline().strip(), program.stdout.readline().strip()
    assert key == "sk-mine"
    assert url.startswith("http://[::1]:")
    assert httpx.get(f"{url}/v1/models", headers={"x-api-key": key, **VERSION}).status_code == 200
    program.send_signal(signal.SIGINT)
    assert program.wait(10) == 0
    program.stdout.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.org"])
def test_it_listens_only_on_this_machine(host):
    """Another host is refused before anything listens."""
    with pytest.raises(UsageError, match="listens only on this machine"):
        serve.main(["--host", host])


def test_a_taken_port_is_named():
    """One sentence and what to do."""
    with serve._listening("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with (
            pytest.raises(LocalServerError, match=f"Port {port} .* Use --port 0"),
            serve._listening("127.0.0.1", port),
        ):
            pass


def test_a_key_looks_like_one():
    """What hides keys hides this one."""
    with pytest.raises(UsageError, match="begins with `sk-`"):
        serve.main(["--key", "password"])


def test_without_its_packages_it_says_what_to_install():
    """In an interpreter that has none of them, the line to type is in the error."""
    program = (
        "import sys\nsys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        f"sys.path.append({str(Path(child.__file__).parents[2])!r})\n"
        "from claude_magic.errors import LocalServerError\nfrom claude_magic.local import child\n"
        "try:\n    child.start()\nexcept LocalServerError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'claude-magic[local]'" in done.stdout
    assert json.dumps(done.stderr) == '""'


def test_the_notebooks_side_stays_light():
    """Starting the child imports none of the server's packages into the kernel, and the engine is named rightly."""
    program = (
        "import sys\nfrom claude_magic.local import child\n"
        "print([m for m in ('starlette', 'uvicorn', 'sqlite3', 'claude_magic.local.app') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_answer_says_that_the_stand_in_wrote_it(running):
    """The header carries the engine's own name, though the engine is imported later."""
    assert get(running).headers["x-claude-magic-engine"] == StandIn.name


def test_a_small_answer_does_not_wait(running):
    """Header and body go out at once: no forty milliseconds of delayed acknowledgement in each."""
    with httpx.Client(base_url=running.base_url, headers={"x-api-key": running.key, **VERSION}) as client:
        client.get("/v1/models?limit=1")
        took = []
        for _ in range(20):
            began = time.monotonic()
            client.get("/v1/models?limit=1")
            took.append(time.monotonic() - began)
    assert min(took) < 0.03
