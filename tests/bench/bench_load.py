"""What loading and the first cell cost, beside jupyter-ai-magics and Anthropic's SDK, measured in one run.

Prints Markdown. Every figure is the median of several samples; every sample is a new process; the samples of a round
take turns, so that a busy machine is busy for all. CPU time is the process's own, all its threads, not its children's
(`time.process_time`): the local server was started beforehand and answers everybody from a process of its own.
Targets are printed beside what was measured, and nothing fails when one is missed: `tests/magics` counts modules.

jupyter-ai-magics lives in an environment of its own, made by uv under `.nox` (pip does not finish resolving it).
"""

from __future__ import annotations

import argparse
import ast
import importlib.metadata
import json
import os
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from claude_magic.errors import ClaudeMagicError
from claude_magic.local import child

PEER_ENVIRONMENT = Path(__file__).resolve().parents[2] / ".nox" / "bench-peers"
PEERS = ("jupyter-ai-magics==2.31.7", "langchain-anthropic==0.3.22")
SAME = ("ipython", "ipykernel")  # in the versions of this environment, so that both start from the same modules
MODEL = "claude-sonnet-5-5"
PROMPT = "Show what Markdown can do."
PAUSE = 1.0  # seconds a user takes before the first prompt (issue 2)
PATIENCE = 120.0

# One sample of loading: `{step}` in an IPython that has started.
LOAD = """
import json, os, resource, sys, time
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()


def memory():
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # not Linux: the peak stands for the present
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


modules, resident, began = len(sys.modules), memory(), time.process_time()
{step}
spent = time.process_time() - began
print(json.dumps({{"cpu": spent * 1e3, "modules": len(sys.modules) - modules, "rss": (memory() - resident) / 2**20}}))
"""
LOAD_EXT = 'shell.run_line_magic("load_ext", "{}")'
SDK_CLIENT = """
import anthropic
client = anthropic.Anthropic(api_key="sk-none", base_url="http://127.0.0.1:9")
"""
# The first cell of each kernel, unmeasured: from here on every cell notes CPU time at its beginning and end.
WATCH = """
def _watch():
    import sys, time
    marks = []
    events = get_ipython().events
    events.register("pre_run_cell", lambda info: marks.append([time.process_time(), len(sys.modules)]))
    events.register("post_run_cell", lambda result: marks.append([time.process_time(), len(sys.modules)]))
    return marks
_marks = _watch()
"""
# What a first request over TLS takes beyond one without: the context, if it is not there yet, and a refused connection.
TLS_CELL = """
from claude_magic.wire import Client
Client(base_url="https://127.0.0.1:9").connect()
"""
SDK_CELL = f"""
import anthropic
from IPython.display import Markdown, display
_client = anthropic.Anthropic()
_stream = _client.messages.create(
    model="{MODEL}", max_tokens=1024, stream=True, messages=[{{"role": "user", "content": "{PROMPT}"}}]
)
_text = "".join(e.delta.text for e in _stream if e.type == "content_block_delta" and e.delta.type == "text_delta")
display(Markdown(_text))
"""


@dataclass
class Case:
    """Something to measure: `step` in `LOAD`, or `cells` in a fresh kernel: loading, asking, TLS where it is extra."""

    name: str
    step: str = ""
    cells: tuple[str, ...] = ()
    pause: float = 0.0
    options: tuple[str, ...] = ()
    python: str = sys.executable
    samples: list[dict[str, float]] = field(default_factory=list)

    def median(self, what: str) -> float:
        """The middle sample."""
        return statistics.median(sample[what] for sample in self.samples)

    def span(self, what: str) -> str:
        """The median with the least and the most."""
        values = [sample[what] for sample in self.samples]
        return f"**{_figure(self.median(what))}** ({_figure(min(values))} to {_figure(max(values))})"


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=5, help="samples of each figure (default: %(default)s)")
    rounds = options.parse_args().rounds
    peer, notes = peer_python()
    loads, cells = load_cases(peer), cell_cases(peer)
    server = child.start()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-load-", ignore_cleanup_errors=True) as scratch:
            notes += measure([*loads, *cells], environment(server, scratch), rounds)
    finally:
        server.stop()
    loads, cells = ([case for case in cases if case.samples] for cases in (loads, cells))
    sys.stdout.write("\n".join([*head(rounds), *load_table(loads), *cell_table(cells), *targets(loads, cells)]) + "\n")
    sys.stdout.write("".join(f"\n* {note}" for note in (*NOTES, *notes)) + "\n")
    return 0


def measure(cases: list[Case], environ: dict[str, str], rounds: int) -> list[str]:
    """Take the samples in turn; return a note for each case that does not work here."""
    able, notes = [], []
    for case in cases:  # once unmeasured: compiles, and brings files into the page cache
        try:
            sample(case, environ)
        except (RuntimeError, subprocess.SubprocessError, queue.Empty) as problem:
            notes.append(f"{case.name} could not be measured, so it is left out: {problem}")
        else:
            able.append(case)
    for _ in range(rounds):
        for case in able:
            case.samples.append(sample(case, environ))
    return notes


def environment(server: child.Child, scratch: str) -> dict[str, str]:
    """The environment of all samples: where to ask, and a place for compiled modules that they share.

    What pip installs is compiled; so it is here, also where the environment or uv says not to. An IPython reads the
    packages of `VIRTUAL_ENV` before its own, which would give the peers ours.
    """
    unset = {"PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "PYTHONPATH", "CLAUDE_MAGIC_BACKEND", "ANTHROPIC_AUTH_TOKEN"}
    return {
        **{name: value for name, value in os.environ.items() if name not in unset},
        "ANTHROPIC_API_KEY": server.key,
        "ANTHROPIC_BASE_URL": server.base_url,
        "ANTHROPIC_API_URL": server.base_url,
        "NO_PROXY": "127.0.0.1",
        "PYTHONPYCACHEPREFIX": scratch,
        "PYTHONWARNINGS": "ignore",
    }


def load_cases(peer: str) -> list[Case]:
    """What loading is compared with."""
    ours = Case("`%load_ext claude_magic`", LOAD_EXT.format("claude_magic"))
    sdk = Case("`import anthropic`, a client made", SDK_CLIENT)
    theirs = Case("`%load_ext jupyter_ai_magics`", LOAD_EXT.format("jupyter_ai_magics"), python=peer)
    return [ours, sdk, *([theirs] if peer else [])]


def cell_cases(peer: str) -> list[Case]:
    """What the first cell is compared with."""
    ours = ("%load_ext claude_magic", f"%%claude\n{PROMPT}", TLS_CELL)
    cold = "--ClaudeMagics.warm_up=False"
    theirs = ("%load_ext jupyter_ai_magics", f"%%ai anthropic-chat:{MODEL}\n{PROMPT}")
    return [
        Case("`%%claude`, warm-up switched off", cells=ours, options=(cold,)),
        Case("`%%claude` right after loading", cells=ours),
        Case(f"`%%claude` {PAUSE:g} s after loading", cells=ours, pause=PAUSE),
        Case("SDK `messages.create(stream=True)` + `display(Markdown)`", cells=("pass", SDK_CELL)),
        *([Case("`%%ai` of jupyter-ai-magics", cells=theirs, python=peer)] if peer else []),
    ]


def sample(case: Case, environ: dict[str, str]) -> dict[str, float]:
    """Measure once, in a new process with an empty home.

    Raises:
        RuntimeError: what was to be measured failed.

    """
    with tempfile.TemporaryDirectory(prefix="bench-load-", ignore_cleanup_errors=True) as home:
        environ = {**environ, "CLAUDE_MAGIC_HOME": home, "IPYTHONDIR": home}
        return _loaded(case, environ, home) if case.step else _in_kernel(case, environ, home)


def _loaded(case: Case, environ: dict[str, str], home: str) -> dict[str, float]:
    code = LOAD.format(step=case.step)
    done = subprocess.run(
        [case.python, "-c", code],
        env=environ,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def _in_kernel(case: Case, environ: dict[str, str], home: str) -> dict[str, float]:
    """Run the cells of a case in a kernel of its own: first loading, then asking."""
    path, _ = write_connection_file(str(Path(home) / "kernel.json"))
    command = [case.python, "-m", "ipykernel_launcher", "-f", path, "--HistoryManager.enabled=False", *case.options]
    client = BlockingKernelClient(connection_file=path)
    client.load_connection_file()
    with subprocess.Popen(
        command, env=environ, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as kernel:
        client.start_channels(hb=False)  # a kernel that is slow to start counts as alive
        try:
            client.wait_for_ready(timeout=PATIENCE)
            _run(client, WATCH)
            load, ask, *more = case.cells
            _run(client, load)
            time.sleep(case.pause)
            shown = _run(client, ask)["outputs"]
            for code in more:
                _run(client, code)
            marks = _run(client, "", silent=True, user_expressions={"marks": "_marks"})["marks"]
        finally:
            client.stop_channels()
            kernel.terminate()
    if not shown:
        raise RuntimeError("the cell showed nothing")
    return _differences(ast.literal_eval(marks))


def _differences(marks: list[tuple[float, int]]) -> dict[str, float]:
    """CPU ms and modules from the notes of `WATCH`: its own end, then beginning and end of each cell."""
    (load, modules), _, (ask, _), (end, modules_then) = marks[1:5]
    tls = (marks[6][0] - marks[5][0]) * 1e3 if len(marks) > 6 else 0.0
    cell = (end - ask) * 1e3
    return {"cpu": (end - load) * 1e3, "cell": cell, "modules": modules_then - modules, "over_tls": cell + tls}


def _run(client: BlockingKernelClient, code: str, *, silent: bool = False, **more: object) -> dict[str, object]:
    """Run a cell as JupyterLab does, with the cell's id; its outputs, and its user expressions by name."""
    content = {"code": code, "silent": silent, "store_history": not silent, "allow_stdin": False, **more}
    message = client.session.msg("execute_request", content, metadata={"cellId": "bench"})
    client.shell_channel.send(message)
    reply = client.get_shell_msg(timeout=PATIENCE)
    while reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:
        reply = client.get_shell_msg(timeout=PATIENCE)
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"{reply['content'].get('ename')}: {reply['content'].get('evalue')}")
    outputs = 0
    while True:
        told = client.get_iopub_msg(timeout=PATIENCE)
        if told["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        outputs += told["msg_type"] in {"display_data", "update_display_data", "execute_result"}
        if told["msg_type"] == "status" and told["content"]["execution_state"] == "idle":
            break
    values = reply["content"].get("user_expressions") or {}
    return {"outputs": outputs, **{name: value["data"]["text/plain"] for name, value in values.items()}}


def peer_python() -> tuple[str, list[str]]:
    """The interpreter of the peers' environment, made when it is not there; empty, and why, when it cannot be."""
    same = [f"{name}=={importlib.metadata.version(name)}" for name in SAME]
    wanted = "\n".join((*PEERS, *same, sys.version))
    python = PEER_ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    made = PEER_ENVIRONMENT / "made-for.txt"
    if python.exists() and made.exists() and made.read_text() == wanted:
        return str(python), []
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        return "", ["jupyter-ai-magics is left out: uv is not on the path."]
    try:
        for command in (
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(PEER_ENVIRONMENT)],
            [uv, "pip", "install", "--quiet", "--python", str(python), *PEERS, *same],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.CalledProcessError as problem:
        return "", [f"jupyter-ai-magics is left out, uv says: {problem.stderr.strip()[-300:]}"]
    except subprocess.TimeoutExpired:
        return "", [f"jupyter-ai-magics is left out: not installed within {PATIENCE:g} s."]
    made.write_text(wanted)
    return str(python), []


def head(rounds: int) -> list[str]:
    """What was measured with."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("anthropic", *SAME))
    python = ".".join(str(part) for part in sys.version_info[:3])
    return [f"## Loading and the first cell\n\nPython {python}, {versions}, {PEERS[0]}; {rounds} rounds, CPU time.\n"]


def load_table(cases: list[Case]) -> list[str]:
    """Loading, beside the peers."""
    rows = [
        f"| {c.name} | {c.span('cpu')} | {c.median('modules'):.0f} | {c.median('rss'):.1f} | {_times(c, cases[0])} |"
        for c in cases
    ]
    titles = "| in an IPython that has started | CPU ms | new modules | added RSS, MiB | times ours |"
    return [titles, "| --- | ---: | ---: | ---: | ---: |", *rows, ""]


def cell_table(cases: list[Case]) -> list[str]:
    """The first cell, beside the peers."""
    rows = [
        f"| {c.name} | {c.span('cpu')} | {c.span('cell')} | {_figure(c.median('over_tls'))} |"
        f" {c.median('modules'):.0f} | {_times(c, cases[0])} |"
        for c in cases
    ]
    titles = (
        "| first answer of a fresh kernel | CPU ms from loading on | of it in the cell | in the cell, over `https:` |"
        " new modules | times ours |"
    )
    return [titles, "| --- | ---: | ---: | ---: | ---: | ---: |", *rows, ""]


def targets(loads: list[Case], cells: list[Case]) -> list[str]:
    """What issue 2 asks for, beside what was measured."""
    found = {case.name: case for case in (*loads, *cells)}
    load, cold = found["`%load_ext claude_magic`"], found["`%%claude`, warm-up switched off"]
    warm = found[f"`%%claude` {PAUSE:g} s after loading"]
    rows = (
        ("loading, CPU ms", 5, load.median("cpu")),
        ("loading, new modules", 15, load.median("modules")),
        ("first cell with loading, rendering included, CPU ms", 200, cold.median("cpu")),
        ("the same over `https:`", 200, cold.median("cpu") + cold.median("over_tls") - cold.median("cell")),
        (f"in the cell, after a pause of {PAUSE:g} s, CPU ms", 50, warm.median("cell")),
        ("the same over `https:`", 50, warm.median("over_tls")),
    )
    lines = [
        f"| {what} | ≤ {most} | {f'{value:.1f}'.removesuffix('.0')} | {'met' if value <= most else 'missed'} |"
        for what, most, value in rows
    ]
    return ["| target (issue 2) | | measured | |", "| --- | ---: | ---: | --- |", *lines]


NOTES = (
    "All ask one local server, started beforehand, for the same short Markdown answer: heading, lists, table, code.",
    "claude_magic renders it in the kernel, live; with `display(Markdown)` the front end does, which is not counted.",
    "jupyter-ai-magics does not stream.",
    "The cells speak plain HTTP; for `https:`, a TLS context and a refused connection are added to `%%claude`.",
    "The SDK makes a TLS context in any case. A handshake is in none of the figures.",
)


def _times(case: Case, ours: Case) -> str:
    ratio = case.median("cpu") / ours.median("cpu")
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2f}"


def _figure(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ClaudeMagicError as problem:
        sys.exit(str(problem))
