"""The model's lines made a whole program: the table loaded before them, `result` and open figures kept after them.

Small models get files and paths wrong far more often than pandas; so the frame is there as `df`, and what they are to
hand back is a variable and a figure. The program is what runs and what the reply shows, so it runs elsewhere as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_magic.local.standin.table import READERS, TIME, ending

if TYPE_CHECKING:
    from claude_magic.local.standin.table import Table

_BEGIN = "# What the model wrote:"
_END = "# What the server adds: the result is printed and kept."
_MARK = "_END_OF_PROGRAM"
_OWN = re.compile(rf"^{re.escape(_BEGIN)}\n(.*?)\n\n{re.escape(_END)}$", re.MULTILINE | re.DOTALL)
_RESULT = re.compile(r"\bresult\b")
_DRAWS = re.compile(r"\bplt\b|\.plot\b|\.hist\(|\.boxplot\(|\bsns\b")

_KEEP_RESULT = """\
with pd.option_context("display.max_columns", None, "display.width", 160, "display.max_rows", 20):
    print(result)
if isinstance(result, (pd.Series, pd.DataFrame)):
    table = pd.DataFrame(result)
    table.to_csv(os.path.join(os.environ["OUTPUT_DIR"], "result.csv"), index=not isinstance(table.index, pd.RangeIndex))
"""
_KEEP_FIGURES = """\
for number in plt.get_fignums():
    plt.figure(number).savefig(os.path.join(os.environ["OUTPUT_DIR"], f"chart_{number}.png"), bbox_inches="tight")
"""


def command(table: Table, written: str) -> str:
    """The shell command that runs what the model wrote on the table."""
    chart, result = draws(written), _RESULT.search(written)
    lines = ["import os", ""]
    lines += ["import matplotlib.pyplot as plt"] if chart else []
    lines += ["import numpy as np"] if "np." in written else []
    lines += ["import pandas as pd", "", *_load(table), "", _BEGIN, written, "", _END]
    body = "\n".join(lines) + "\n" + (_KEEP_RESULT if result else "") + (_KEEP_FIGURES if chart else "")
    return piped(body)


def piped(body: str) -> str:
    """The shell command that gives a program to Python; its end mark is no part of the program."""
    mark = _MARK
    while mark in body:
        mark += "_"
    return f"python - <<'{mark}'\n{body}{mark}\n"


def draws(written: str) -> bool:
    """Whether what the model wrote seems to draw."""
    return _DRAWS.search(written) is not None


def written_in(ran: str) -> str:
    """What the model wrote of a command that `command` made; empty for other commands."""
    found = _OWN.search(ran)
    return found[1] if found else ""


def _load(table: Table) -> list[str]:
    """The lines that make the file the frame that the model was told of."""
    lines = [
        f'source = os.path.join(os.environ["INPUT_DIR"], {table.filename!r})',
        f"df = {READERS[ending(table.filename)]}",
    ]
    lines += ["df = df.reset_index()"] if table.indexed else []
    lines += [f"df.columns = {[c.name for c in table.columns]!r}"] if table.relabel else []
    for column in table.columns:
        if column.kind == TIME and column.convert:
            utc = ", utc=True" if column.convert == "time-utc" else ""
            lines.append(f'df[{column.name!r}] = pd.to_datetime(df[{column.name!r}], errors="coerce"{utc})')
    return lines
