"""Smoke test of the wheel: `python tests/smoke/wheel.py FOLDER` installs the wheel in FOLDER and runs the demo.

The environment is new, the folder empty, the repository out of reach: what runs is what the wheel holds.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path


def main() -> None:
    """Install, run, look."""
    (wheel,) = Path(sys.argv[1]).resolve().glob("*.whl")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        binaries = folder / "venv" / "bin"
        subprocess.run([binaries / "pip", "install", "--quiet", f"{wheel}[demo]"], check=True)
        empty = folder / "empty"
        empty.mkdir()
        environment = {
            **os.environ,
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "CLAUDE_MAGIC_HOME": str(folder / "home"),
        }
        said = subprocess.run(
            [binaries / "claude-magic", "demo", "--execute"],
            cwd=empty,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        print(said)
        check(empty / "claude-magic-demo" / "quickstart.ipynb")


def check(path: Path) -> None:
    """Fail unless at least three cells hold a PNG and none holds an error."""
    cells = json.loads(path.read_text())["cells"]
    outputs = [cell.get("outputs", []) for cell in cells]
    charts = sum(any("image/png" in o.get("data", {}) for o in of_cell) for of_cell in outputs)
    errors = [o for of_cell in outputs for o in of_cell if o["output_type"] == "error"]
    if errors or charts < 3:
        sys.exit(f"{charts} cells with a chart, errors: {errors}")
    print(f"{charts} cells with a chart, no error")


if __name__ == "__main__":
    main()
