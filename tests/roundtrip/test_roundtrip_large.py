"""500 MB up, and 500 MB made in a container down, through a client whose memory is looked at from outside."""

import json
import subprocess
import sys

CLIENT = """
import json, sys
from pathlib import Path
from claude_magic.options import Options
from claude_magic.sessions import Session
from claude_magic.wire import Secret

def status(key):
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith(key))

def added(action):
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew (proc(5))
    before = status("VmRSS")
    made = action()
    return made, status("VmHWM") - before

url, key, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
source = folder / "big.bin"
with source.open("wb") as file:
    file.truncate(500_000_000)
session = Session(home=folder / "home")
session.use(url, key=Secret(key))
files = session.client.files
list(files.list())
sent, up = added(lambda: files.upload(source, filename="big.bin", mime_type="application/octet-stream"))
code = "import os; open(os.path.join(os.environ['OUTPUT_DIR'], 'made.bin'), 'wb').truncate(500_000_000)"
body = {"model": "claude-sonnet-5-5", "max_tokens": 1000, "messages": [{"role": "user", "content": code}],
        "tools": [{"type": "code_execution_20260521", "name": "code_execution"}]}
answer = session.client.messages.create(body).body
result = next(b["content"] for b in answer["content"] if b["type"] == "bash_code_execution_tool_result")
made = result["content"][0]["file_id"]
path, down = added(lambda: files.download(made, folder / "made.bin"))
print(json.dumps({"sent": sent.size_bytes, "got": path.stat().st_size, "up": up, "down": down}))
session.close()
"""


def test_memory_does_not_grow_with_the_file(runner_url, tmp_path):
    """500 MB go up, and 500 MB that code made come down, each with at most 8 MB of added memory."""
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, runner_url, "sk-roundtrip-test-key", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["sent"] == measured["got"] == 500_000_000
    assert measured["up"] <= 8, measured
    assert measured["down"] <= 8, measured
