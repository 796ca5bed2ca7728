"""Painting while an answer arrives: in a real kernel as a notebook runs it, in a terminal, and with nobody looking."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path
from struct import pack

import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import KernelManager

from claude_magic.messages import Growing, Message
from claude_magic.rendering import Footer, bundle, painter

# In the kernel: an answer that arrives in `count` deltas, `pause` seconds apart.
STREAM = """
import time, resource
from claude_magic.messages import Growing
from claude_magic.rendering import Footer, bundle, painter

def stream(text, count, pause=0.0, images=()):
    growing, step = Growing(), max(1, len(text) // count)
    cpu = time.process_time()
    with painter(get_ipython()) as p:
        growing.feed({"type": "message_start", "message": {"model": "m"}})
        growing.feed({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        for at in range(0, len(text), step):
            delta = {"type": "text_delta", "text": text[at : at + step]}
            growing.feed({"type": "content_block_delta", "index": 0, "delta": delta})
            p.show(growing)
            time.sleep(pause)
        growing.feed({"type": "message_stop"})
        p.settle(bundle(growing.message(), footer=Footer(("m",))), images)
    return time.process_time() - cpu
"""
PARAGRAPHS = (
    "Here is **some** text about `columns` and \\(x^2\\), with $5 and a [link](https://example.org/a).\n\n"
    "- item one\n- item two with *emphasis*\n\n"
    "```python\nimport pandas as pd\ndf = pd.read_csv('x.csv')\nprint(df.groupby('a').sum())\n```\n\n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n"
)


def png(width, height):
    """Return a grey PNG of that size."""

    def chunk(kind, data):
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + b"\x80" * width for _ in range(height)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


class Kernel:
    """A kernel, and what a notebook's front end would see of a cell."""

    def __init__(self, client):
        self.client = client

    def run(self, code, *, cell=None):
        """Run a cell as JupyterLab does (with the id of its cell) or as nbclient does; return its iopub messages."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell} if cell else {})
        self.client.shell_channel.send(message)
        seen = []
        while True:
            got = self.client.get_iopub_msg(timeout=60)
            if got["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            seen.append(got)
            if got["msg_type"] == "error":
                raise AssertionError("\n".join(got["content"]["traceback"]))
            if got["msg_type"] == "status" and got["content"]["execution_state"] == "idle":
                return seen


def of_type(messages, *kinds):
    """Return the messages of these types."""
    return [m for m in messages if m["msg_type"] in kinds]


def size(messages):
    """Return the bytes of the messages as JSON, as the websocket carries them."""
    import json

    return sum(len(json.dumps(m["content"])) + len(json.dumps(m["header"], default=str)) for m in messages)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A running kernel with `stream` defined."""
    home = str(tmp_path_factory.mktemp("kernel"))
    manager = KernelManager(transport="ipc", connection_file=f"{home}/kernel.json")
    manager.start_kernel(env={**os.environ, "IPYTHONDIR": home}, cwd=str(Path(__file__).parents[2]))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    made = Kernel(client)
    made.run(STREAM)
    yield made
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def test_in_a_notebook_one_display_is_updated(kernel):
    """All paints go to one display id; the last is the whole bundle; nothing is cleared."""
    seen = kernel.run("stream('word ' * 400, 100, 0.01)", cell="c")
    displays = of_type(seen, "display_data", "update_display_data")
    assert [m["msg_type"] for m in displays[:2]] == ["display_data", "update_display_data"]
    assert len(of_type(seen, "display_data")) == 1
    assert len({m["content"]["transient"]["display_id"] for m in displays}) == 1
    assert 4 <= len(displays) <= 25  # one second and a little more, ten a second
    assert set(displays[-1]["content"]["data"]) == {"text/html", "text/plain"}
    assert of_type(seen, "clear_output", "stream") == []


def test_without_a_front_end_there_is_one_display(kernel):
    """Nbclient and nbval send no cell id: nothing is updated, so nothing differs from what was saved."""
    seen = kernel.run("stream('word ' * 400, 100, 0.002)")
    assert [m["msg_type"] for m in of_type(seen, "display_data", "update_display_data", "clear_output")] == [
        "display_data"
    ]


def test_charts_follow_the_text_one_output_each(kernel):
    """One text output, then one image/png per chart, with words for who cannot see it."""
    seen = kernel.run(f"stream('two charts', 2, images=[{png(3, 2)!r}, {png(5, 4)!r}])", cell="c")
    text, first, second = (m["content"]["data"] for m in of_type(seen, "display_data"))
    assert "image/png" not in text
    assert [first["text/plain"], second["text/plain"]] == ["[chart 1, 3 by 2 pixels]", "[chart 2, 5 by 4 pixels]"]
    assert "image/png" in first
    assert "image/png" in second


def test_a_fast_100_kb_answer_stays_below_a_megabyte_and_a_half(kernel):
    """2,000 deltas of 100 kB over about five seconds: at most 1.5 MB of messages; 0.5 s of CPU, 1.5 s when busy."""
    code = f"cpu = stream(({PARAGRAPHS!r} * 400)[:100_000], 2000, 0.0025)"
    seen = kernel.run(code, cell="c")
    assert size(seen) <= 1_500_000
    assert len(of_type(seen, "update_display_data")) >= 5
    cpu = float(of_type(kernel.run("print(cpu)"), "stream")[0]["content"]["text"])
    assert cpu < 1.5


def test_a_block_that_begins_is_shown_at_once(kernel):
    """A tool call's code is on the screen before the tool has run, however soon it came after the last paint."""
    code = """
growing = Growing()
piece = {"type": "content_block_delta", "index": 0}
call = {"type": "server_tool_use", "id": "a", "name": "bash_code_execution", "input": {}}
with painter(get_ipython()) as p:
    for event in (
        {"type": "content_block_start", "index": 0, "content_block": call},
        {**piece, "delta": {"type": "input_json_delta", "partial_json": '{"command":'}},
        {**piece, "delta": {"type": "input_json_delta", "partial_json": '"ls -l"}'}},
        {"type": "content_block_stop", "index": 0},
    ):
        growing.feed(event)
        p.show(growing)
"""
    displays = of_type(kernel.run(code, cell="c"), "display_data", "update_display_data")
    assert (
        "ls<span" in displays[-1]["content"]["data"]["text/html"]
        or "ls -l" in displays[-1]["content"]["data"]["text/html"]
    )


def test_a_defect_in_painting_does_not_cost_the_answer():
    """When a paint fails the cell goes on, and the end is shown; an interrupt passes."""

    class Publisher:
        def __init__(self):
            self.seen, self.error = [], OSError("socket is gone")

        def publish(self, **message):
            if self.error:
                raise self.error
            self.seen.append(message)

    class Kernel:
        def get_parent(self):
            return {"metadata": {"cellId": "c"}}

    class Shell:
        kernel, display_pub = Kernel(), Publisher()

    growing = answer("text")
    with painter(Shell) as p:
        p.show(growing)
        Shell.display_pub.error = None
        p.settle(bundle(growing.message(), footer=None))
        assert [m["data"]["text/plain"] for m in Shell.display_pub.seen] == ["text"]
    Shell.display_pub.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt), painter(Shell) as p:
        p.show(growing)


def answer(*pieces):
    """Return a growing message with one text block, made of these pieces."""
    growing = Growing()
    growing.feed({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    for piece in pieces:
        growing.feed({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}})
    return growing


def test_a_plain_shell_and_a_script_get_the_text_once(capsys):
    """Without a kernel the text is printed at the end, cleaned."""
    made = bundle(Message(content=({"type": "text", "text": "an \x1b[31manswer"},)), footer=Footer(("m",)))
    for shell in (InteractiveShell(), None):
        with painter(shell) as p:
            p.show(answer("an "))
            p.settle(made, [png(2, 2)])
        assert capsys.readouterr().out == "an answer\n\n— m\n[chart 1, 2 by 2 pixels]\n"


TERMINAL = """
import sys, time
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from claude_magic.messages import Growing
from claude_magic.rendering import Footer, bundle, painter
shell = TerminalInteractiveShell.instance()
growing = Growing()
with painter(shell) as p:
    growing.feed({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    for piece in ("one ", "two\\x1b", "]52;c;cm0gLXJmIH4", "=\\x07 three \\x1b[", "31m", "four ", "\\u202e"):
        growing.feed({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}})
        p.show(growing)
        print("|", end="", flush=True)
        time.sleep(0.15)
    growing.feed({"type": "content_block_stop", "index": 0})
    p.settle(bundle(growing.message(), footer=Footer(("m",))))
"""


def test_a_terminal_prints_what_is_new_and_no_split_sequence(tmp_path):
    """Deltas are printed as they come; a control sequence cut in two by the stream never gets through."""
    env = {**os.environ, "IPYTHONDIR": str(tmp_path), "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-c", TERMINAL], capture_output=True, text=True, timeout=60, env=env, check=True
    )
    assert done.stdout == "one| two|| three|| four||\n\n— m\n"
