"""The console script: the demo on a copy, in any folder; the server by itself; errors in one line."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import nbformat
import pytest

COMMAND = [sys.executable, "-c", "import sys; from claude_magic.cli import main; sys.exit(main())"]


def run(*words, cwd, **environment):
    """Run the console script to its end."""
    return subprocess.run(
        [*COMMAND, *words], cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def test_the_demo_runs_from_any_folder_on_a_copy(tmp_path):
    """Exit status 0, a notebook with three charts and no error, and the paths of both; a second run keeps the first."""
    done = run("demo", "--execute", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "claude-magic-demo"
    assert str(folder / "quickstart.ipynb") in done.stdout
    assert done.stdout.strip().endswith("quickstart.png")
    assert (folder / "quickstart.png").read_bytes().startswith(b"\x89PNG")
    cells = nbformat.read(folder / "quickstart.ipynb", as_version=4).cells
    outputs = [cell.outputs for cell in cells if cell.cell_type == "code"]
    assert sum(any("image/png" in o.get("data", {}) for o in of_cell) for of_cell in outputs) >= 3
    assert not [o for of_cell in outputs for o in of_cell if o.output_type == "error"]
    assert run("demo", "--execute", cwd=tmp_path).returncode == 0
    assert (folder / "quickstart-2.ipynb").exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    """No traceback, exit status 1, and what to do."""
    (tmp_path / "file").write_text("in the way")
    done = run("demo", "--execute", "--folder", "file/x", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("claude-magic: ")
    assert "--folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_says_where_it_is_and_answers(tmp_path):
    """Two lines, a base URL and a key that begins with sk-; the key is asked for; Ctrl-C ends it."""
    server = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        lines = [server.stdout.readline() for _ in range(2)]
        base_url = next(word for word in lines[0].split() if word.startswith("http://127.0.0.1:"))
        key = next(word for word in lines[1].split() if word.startswith("sk-"))
        headers = {"anthropic-version": "2026-10-21"}
        with urllib.request.urlopen(
            urllib.request.Request(f"{base_url}/v1/models", headers={**headers, "x-api-key": key})
        ) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(urllib.request.Request(f"{base_url}/v1/models", headers=headers))
        refused.value.close()
        server.send_signal(signal.SIGINT)
        assert server.wait(15) == 0
    finally:
        server.kill()
        server.communicate()


def test_serve_stays_on_loopback(tmp_path):
    """Another host is refused in one line: the server runs code that a model wrote."""
    done = run("serve", "--host", "0.0.0.0", cwd=tmp_path)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "loopback" in done.stderr or "127.0.0.1" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "70000"], "Port 70000 on 127.0.0.1 cannot be used: a port is a number from 0 to 65535."),
        (["--port", "-1"], "Port -1 on 127.0.0.1 cannot be used: a port is a number from 0 to 65535."),
        (["--data", "file"], "file cannot hold the server's data: "),
        (["--data", "file/x"], "file/x cannot hold the server's data: "),
        (["--data", "/proc"], "/proc cannot hold the server's data: "),
        (["--key", "abc"], "begins with `sk-`"),
        (["--engine", "none"], "no engine `none`"),
    ],
)
def test_what_serve_cannot_use_is_one_line(tmp_path, options, said):
    """No traceback, exit status 1, and nothing announced."""
    (tmp_path / "file").write_text("in the way")
    done = run("serve", *options, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("claude-magic: ")
    assert said in line


def test_serve_has_a_port_of_its_own_and_gives_way_where_it_is_taken(tmp_path):
    """Without `--port` it is 8765; a second server, or one beside whatever else is there, says which it took."""
    servers = [
        subprocess.Popen([*COMMAND, "serve"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        ports = [int(server.stdout.readline().rpartition(":")[2]) for server in servers]
        with socket.socket() as taken, contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", 8765))
            pytest.fail("nobody is at port 8765")
        assert len(set(ports)) == 2
    finally:
        for server in servers:
            server.kill()
            server.communicate()


# Stands for JupyterLab, which asks at Ctrl-C whether it is meant and takes a while to end its kernels.
SLOW_TO_END = """
import signal, time
def end(*_):
    time.sleep(1)
    print("ended its kernels", flush=True)
    raise SystemExit(0)
signal.signal(signal.SIGINT, end)
print("serving", flush=True)
time.sleep(60)
"""


def test_ctrl_c_lets_jupyterlab_end_by_itself(tmp_path):
    """The interrupt goes to both: the command waits for JupyterLab, without killing it and without a traceback."""
    (tmp_path / "jupyterlab").mkdir()
    (tmp_path / "jupyterlab" / "__init__.py").touch()
    (tmp_path / "jupyterlab" / "__main__.py").write_text(SLOW_TO_END)
    demo = subprocess.Popen(
        [*COMMAND, "demo"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        start_new_session=True,
    )
    while demo.stdout.readline().strip() not in {"serving", ""}:
        continue
    os.killpg(demo.pid, signal.SIGINT)  # as a terminal does
    said, errors = demo.communicate(timeout=30)
    assert (demo.returncode, said.strip(), errors) == (0, "ended its kernels", "")
