"""What the stand-in's tests share: a process that runs programs quickly, and a way to ask.

Programs run for real, each in a process of its own: a helper process imports pandas and matplotlib once and forks for
every command, which saves a second a time.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from claude_magic.local.engine import Turn, UploadedFile
from claude_magic.local.standin import StandIn

_FORKER = """
import json, os, runpy, sys
import matplotlib; matplotlib.use("Agg")
import matplotlib.pyplot, numpy, pandas, scipy.stats, pandas.plotting
try:
    import pyarrow.parquet
except ImportError:
    pyarrow = None
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if not child:
        for name, fd in (("stdout", 1), ("stderr", 2)):
            os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), fd)
        os.environ.update(job["environment"])
        code = 0
        try:
            runpy.run_path(job["program"], run_name="__main__")
        except BaseException as error:
            import traceback
            traceback.print_exc()
            code = 1
        sys.stdout.flush(); sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="session")
def forker():
    """The helper process; `forker(program, environment)` runs a program and returns stdout, stderr, return code."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", _FORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )

    def run(program, environment, where):
        job = {
            "program": str(program),
            "environment": environment,
            "stdout": str(where / "out"),
            "stderr": str(where / "err"),
        }
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        code = int(process.stdout.readline())
        return (where / "out").read_text(), (where / "err").read_text(), code

    yield run
    process.stdin.close()
    process.stdout.close()
    process.wait(20)


@dataclass
class Answered:
    """What came of a question."""

    texts: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    results: list = field(default_factory=list)
    events: list = field(default_factory=list)
    outputs: dict = field(default_factory=dict)

    @property
    def text(self):
        """Everything said."""
        return "\n\n".join(self.texts)

    @property
    def figures(self):
        """The figures of the last program that printed some."""
        lines = [x for r in self.results for x in r.get("stdout", "").splitlines() if x.startswith("figures: ")]
        return json.loads(lines[-1].removeprefix("figures: "))

    @property
    def codes(self):
        """The return codes of the commands."""
        return [r["return_code"] for r in self.results if "return_code" in r]


def body(*prompts):
    """A request with these user messages, answers between them."""
    messages = []
    for prompt in prompts:
        messages += [{"role": "user", "content": prompt}, {"role": "assistant", "content": "…"}]
    return {"messages": messages[:-1]}


def collect(turn):
    """Ask the stand-in, and take its events apart."""
    answered = Answered()
    said = ""
    for event in StandIn().answer(turn):
        answered.events.append(event)
        block, delta = event.get("content_block", {}), event.get("delta", {})
        if block.get("type") == "server_tool_use":
            answered.calls.append(block["name"])
        if "content" in block:
            answered.results.append(block["content"])
        said += delta.get("text", "")
        if event["type"] == "content_block_stop" and said:
            answered.texts.append(said)
            said = ""
    return answered


@pytest.fixture
def ask(forker, tmp_path):
    """Upload a file (or frame) and ask: ``ask(path, "prompt", …)``; the tool writes and runs what it is told."""

    def _ask(path, *prompts):
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        outputs = {}

        def run(name, given):
            if name == "text_editor_code_execution":
                (home / given["path"]).write_text(given["file_text"])
                return {"type": "text_editor_code_execution_create_result", "is_file_update": False}
            return _command(given["command"], Path(path).parent, home, outputs, forker)

        file = UploadedFile("file_1", Path(path).name, "application/octet-stream", 1)
        answered = collect(Turn(body(*prompts), (file,), can_run=True, run=run))
        answered.outputs = outputs
        return answered

    return _ask


def _command(command, inputs, home, outputs, forker):
    program = home / "analysis.py"
    if command.startswith("python - <<"):
        program = home / "stdin.py"
        program.write_text(command.partition("\n")[2].rpartition("\n_END_OF_PROGRAM")[0] + "\n")
    output = home / f"output{len(outputs)}"
    while output.exists():
        output = output.with_name(output.name + "_")
    output.mkdir()
    stdout, stderr, code = forker(program, {"INPUT_DIR": str(inputs), "OUTPUT_DIR": str(output)}, home)
    outputs |= {path.name: path for path in sorted(output.iterdir())}
    return {
        "type": "bash_code_execution_result",
        "stdout": stdout,
        "stderr": stderr,
        "return_code": code,
        "content": [],
    }
