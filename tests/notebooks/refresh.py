"""Run notebooks and keep only the outputs that do not differ from run to run.

`python tests/notebooks/refresh.py notebooks/quickstart.ipynb …`: cells marked `#NBVAL_CHECK_OUTPUT` keep the output
that nbval will compare, every other cell is committed without one.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

MARK = "#NBVAL_CHECK_OUTPUT"


def refresh(path: Path) -> None:
    """Execute the notebook in its own folder and write it back, clean."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    ).execute()
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            checked = cell.source.startswith(MARK)  # nbval takes outputs without a number for a mistake
            cell.execution_count = cell.execution_count if checked else None
            cell.outputs = cell.outputs if checked else []
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        refresh(Path(name))
