"""What `%load_ext claude_magic` costs: counted in a process of its own, never timed."""

import json
import os
import subprocess
import sys

LOAD = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "claude_magic")
print(json.dumps(sorted(set(sys.modules) - before)))
"""

WARM = """
import json, sys, threading
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
import socket
opened = []
connect = socket.socket.connect
socket.socket.connect = lambda self, address: (opened.append(str(address)), connect(self, address))[1]
assert not [t for t in threading.enumerate() if "claude_magic" in t.name]
shell.run_cell("%load_ext claude_magic\\nimport threading\\nduring = [t.name for t in threading.enumerate()]")
during = shell.user_ns["during"]
for thread in threading.enumerate():
    if "claude_magic" in thread.name:
        thread.join(30)
heavy = [m for m in ("pandas", "matplotlib", "ipywidgets", "pyarrow", "starlette") if m in sys.modules]
print(json.dumps({"during": during, "httpx": "httpx" in sys.modules, "markdown": "markdown_it" in sys.modules,
                  "opened": opened, "heavy": heavy}))
"""


def run(code, **environment):
    """Run code in a new interpreter and return the JSON it prints last."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_loading_imports_next_to_nothing():
    """At most 15 new modules, none of them heavy."""
    new = run(LOAD)
    assert len(new) <= 15, new
    assert not {"pandas", "httpx", "ssl", "matplotlib", "pydantic", "markdown_it", "pygments"} & set(new)


def test_the_warm_up_starts_after_the_loading_cell_and_only_imports():
    """The thread is not there while the loading cell runs, imports the client and the renderer, and opens no socket."""
    seen = run(WARM)
    assert not [name for name in seen["during"] if "claude_magic" in name]
    assert seen["httpx"]
    assert seen["markdown"]
    assert seen["opened"] == []
    assert seen["heavy"] == []


def test_the_warm_up_can_be_switched_off(tmp_path):
    """`c.ClaudeMagics.warm_up = False` in the configuration: nothing is imported."""
    code = WARM.replace(
        "shell = InteractiveShell.instance()",
        "from traitlets.config import Config\n"
        "shell = InteractiveShell.instance(config=Config({'ClaudeMagics': {'warm_up': False}}))",
    )
    assert not run(code)["httpx"]


def test_a_status_in_the_loading_cell_warms_up_in_silence_without_a_key():
    """The backend is chosen then, and has no key: that is for the first `%%claude` cell to say, not for a thread."""
    code = WARM.replace("import threading\\n", "%claude status\\nimport threading\\n")
    assert code != WARM
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert "warm-up" not in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["opened"] == []


def test_public_names_are_there():
    """Every name of `__all__` can be imported, and nothing else is promised."""
    import claude_magic

    assert all(getattr(claude_magic, name) is not None for name in claude_magic.__all__)
    assert sorted(claude_magic.__all__) == claude_magic.__all__
