"""The console script: `claude-magic demo` and `claude-magic serve`."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from claude_magic._version import __version__
from claude_magic.errors import ClaudeMagicError, FileProblem, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUICKSTART = "quickstart.ipynb"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console script and return its exit status: 0, or 1 with one line on standard error."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["serve"]:  # has its own options, shared with `python -m claude_magic.local`
        return _serve(words[1:])
    given = _parser().parse_args(words)
    try:
        _choose(given.engine, given.model)
        return _demo(Path(given.folder), execute=given.execute)
    except ClaudeMagicError as problem:
        print(f"claude-magic: {problem}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="claude-magic", description="%%claude cells for Jupyter over the Claude API.")
    parser.add_argument("--version", action="version", version=f"claude-magic {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="open the quickstart notebook on the local server: no key, no network")
    demo.add_argument("--execute", action="store_true", help="run it without a browser and say where the result is")
    demo.add_argument("--folder", default="claude-magic-demo", help="where the copy goes (default: %(default)s)")
    demo.add_argument("--engine", help="who answers there: stand-in (default) or llama, a model run by llama.cpp")
    demo.add_argument("--model", help="the GGUF file of the engine llama")
    commands.add_parser("serve", help="run the local server alone", add_help=False)
    return parser


def _serve(words: list[str]) -> int:
    from claude_magic.local.serve import main as serve

    try:
        return serve(words)
    except ClaudeMagicError as problem:
        print(f"claude-magic: {problem}", file=sys.stderr)
        return 1


def _choose(engine: str | None, model: str | None) -> None:
    """Let the notebook's kernel, and the local server it starts, inherit who answers; what cannot run is said here.

    Raises:
        UsageError: there is no such engine.
        LocalServerError: it cannot run.

    """
    from claude_magic.local.serve import ENGINE, ENGINES, MODEL, chosen

    if engine:
        os.environ[ENGINE] = engine
    if model:  # the kernel works in the notebook's folder
        os.environ[MODEL] = str(Path(model).expanduser().resolve())
    chosen(os.environ.get(ENGINE) or ENGINES[0], os.environ.get(MODEL))


def _demo(folder: Path, *, execute: bool) -> int:
    _require("starlette", "uvicorn", "nbclient", "ipykernel", *([] if execute else ["jupyterlab"]))
    notebook = _copy(folder)
    # The notebook's kernel inherits this: nobody needs a key to see the demo.
    os.environ["CLAUDE_MAGIC_BACKEND"] = "local"
    if execute:
        return _execute(notebook)
    print(f"Opening {notebook}; stop with Ctrl-C.", flush=True)
    # In a container everybody is root, and Jupyter asks whether that is meant; its own token guards it all the same.
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    command = [sys.executable, "-m", "jupyterlab", *as_root, str(notebook)]
    with subprocess.Popen(command) as lab:  # noqa: S603 - this environment's own
        while True:
            try:
                return lab.wait()
            except KeyboardInterrupt:  # it reached JupyterLab too, which asks whether it is meant and ends its kernels
                continue


def _require(*modules: str) -> None:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"The demo needs {', '.join(missing)}.", advice="Run `pip install 'claude-magic[demo]'`.")


def _sources() -> Path:
    """Return the folder of the quickstart: in the wheel beside this file, in a checkout under `notebooks`."""
    here = Path(__file__).parent
    for folder in (here / "demo", here.parent / "notebooks"):
        if (folder / _QUICKSTART).is_file():
            return folder
    raise FileProblem("The quickstart notebook is not installed.", advice="Install claude-magic again.")


def _copy(folder: Path) -> Path:
    """Copy notebook and data into `folder`, never over an earlier copy of the notebook, and return the notebook."""
    source = _sources()
    try:
        shutil.copytree(source / "data", folder / "data", dirs_exist_ok=True)
        target, number = folder / _QUICKSTART, 1
        while target.exists():
            number += 1
            target = folder / f"quickstart-{number}.ipynb"
        shutil.copyfile(source / _QUICKSTART, target)
    except OSError as problem:
        raise FileProblem(f"{folder} cannot be written: {problem.strerror}.", advice="Use --folder.") from None
    return target.resolve()


def _execute(notebook: Path) -> int:
    """Run every cell; the executed notebook replaces the copy, and its last chart is written beside it."""
    import base64

    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    content = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        content, timeout=600, kernel_name="python3", resources={"metadata": {"path": notebook.parent}}
    )
    failed = None
    try:
        client.execute()
    except CellExecutionError as problem:
        failed = problem
    nbformat.write(content, notebook)
    print(f"notebook: {notebook}")
    if failed is not None:
        print(f"claude-magic: a cell failed: {failed.ename}: {failed.evalue}", file=sys.stderr)
        return 1
    outputs = [output for cell in content.cells for output in cell.get("outputs", [])]
    charts = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    if charts:
        chart = notebook.with_suffix(".png")
        chart.write_bytes(base64.b64decode(charts[-1]))
        print(f"chart:    {chart}")
    return 0
