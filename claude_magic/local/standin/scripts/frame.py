"""Source that loads the table and prepares the columns a plan touches, and the helpers that charts share.

Names of columns and files enter the source only as `repr`, so whatever they contain they stay text.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from claude_magic.local.standin.table import BOOL, FEW, NUMBER, OTHER, READERS, REST, TEXT, TIME, ending

if TYPE_CHECKING:
    from claude_magic.local.standin.plan import Filter, Plan, Step
    from claude_magic.local.standin.table import Column, Table

# Okabe and Ito's palette: eight colours that people with any colour vision tell apart.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")

STYLE = f"""\
plt.rcParams.update({{
    "figure.constrained_layout.use": True,
    "figure.figsize": (7, 4.2),
    "savefig.dpi": 110,
    "axes.prop_cycle": plt.cycler(color={list(PALETTE)!r}),
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # a "$" in a name is a "$"
}})
"""

GROUPS = f'''\
def groups(column, most={FEW}):
    """The column as groups: many numbers or times in ten bins, rare categories together as "{REST}"."""
    values = df[column]
    if values.nunique() <= most:
        return values
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return pd.cut(values, 10)
    values = values.astype(object)
    return values.where(values.isna() | values.isin(values.value_counts().index[:most]), {REST!r})
'''

NAMES = '''\
def names(values, longest=28):
    """Short labels for an axis."""
    texts = [", ".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in values]
    return [t if len(t) <= longest else t[: longest - 1] + "…" for t in texts]
'''

SHORT = '''\
def short(number):
    """A number for a label, without an exponent where it is large."""
    for size, letter in ((1e9, "B"), (1e6, "M")):
        if size <= abs(number) < 1e4 * size:
            return f"{number / size:,.4g}{letter}"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
'''

BINS = '''\
def bins(values, most):
    """Edges of about `most` bars; each holds equally many whole numbers."""
    if not len(values) or values.min() == values.max() or not (values % 1 == 0).all():
        return most
    low, high = int(values.min()), int(values.max())
    width = -(-(high - low + 1) // most)
    return [low - 0.5 + width * i for i in range(-(-(high - low + 1) // width) + 1)]
'''

END = """\
print("figures:", json.dumps(figures, default=lambda v: v.item() if hasattr(v, "item") else str(v)))
"""

_LONGEST_LABEL = 40


def label(name: str) -> str:
    """`name` as it stands in a title: one line, at most 40 characters."""
    line = " ".join(name.split())
    return line if len(line) <= _LONGEST_LABEL else line[: _LONGEST_LABEL - 1] + "…"


def slug(text: str) -> str:
    """`text` as a part of a file name: ASCII letters, digits and underscores, at most 40."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")[:_LONGEST_LABEL] or "column"


def key(column: Column, most: int = FEW) -> str:
    """Source of what `groupby` gets: the column's name, or `groups(…)` when it may have too many values."""
    few = column.kind == BOOL or (column.unique is not None and column.unique <= most)
    limit = "" if most == FEW else f", {most}"
    return repr(column.name) if few else f"groups({column.name!r}{limit})"


def digits_as_names(plan: Plan, table: Table) -> Table:
    """`table` with texts of digits taken as names wherever the plan does not measure them."""
    measured = {v for s in plan.steps for v in (*s.values, s.x)}
    for column in table.columns:
        if column.convert == "digits" and column.name not in measured:
            table = table.as_kind(column.name, TEXT)
    return table


def imports(body: str) -> str:
    """The import lines that `body` needs."""
    lines = ["import json", "import os", "from pathlib import Path", ""]
    lines += ["import matplotlib.pyplot as plt"] if "plt." in body else []
    lines += ["import numpy as np"] if "np." in body else []
    return "\n".join([*lines, "import pandas as pd", ""])


def load(table: Table, plan: Plan) -> str:
    """Source that reads the file into `df`, converts the columns the plan touches and keeps the rows it is about."""
    lines = [
        f'source = Path(os.environ["INPUT_DIR"]) / {table.filename!r}',
        'output = Path(os.environ["OUTPUT_DIR"])',
        f"df = {READERS[ending(table.filename)]}",
    ]
    lines += ["df = df.reset_index()  # the index holds a column"] if table.indexed else []
    if table.relabel:
        lines.append(f"df.columns = {[c.name for c in table.columns]!r}  # labels as unique text")
    touched = [table[name] for name in plan.columns()]
    valued = {v for s in plan.steps for v in (*s.values, s.x)}
    lines += [line for c in touched if (line := _conversion(c, valued=c.name in valued))]
    numbers = (
        [c.name for c in touched if c.kind in {NUMBER, OTHER} and not c.finite]
        if plan.steps[0].intent != "profile"
        else []
    )
    if numbers:
        lines.append(
            f"df[{numbers!r}] = df[{numbers!r}].replace([np.inf, -np.inf], np.nan)  # infinite counts as missing"
        )
    lines += [f"df = df[{condition(f, table)}]" for f in plan.filters]
    return "\n".join([*lines, "figures = []", ""])


def _conversion(column: Column, *, valued: bool) -> str:
    target = f"df[{column.name!r}]"
    if column.kind == TIME and column.convert:
        more = ", utc=True" if column.convert == "time-utc" else ""
        return f'{target} = pd.to_datetime({target}, errors="coerce"{more})'
    if column.convert == "seconds":
        return f"{target} = {target}.dt.total_seconds()"
    if column.convert == "number" or (valued and (column.convert == "digits" or column.kind == OTHER)):
        return f'{target} = pd.to_numeric({target}, errors="coerce")'
    if column.kind == BOOL and valued:
        return f"{target} = {target}.astype(float)  # the mean is the share of True"
    if column.kind == NUMBER and not column.plain:
        return f"{target} = {target}.astype(float)  # missing as NaN"
    return ""


def condition(given: Filter, table: Table) -> str:
    """Source of a mask of the rows to keep."""
    column, values = f"df[{given.column!r}]", list(given.values)
    kind = table.kind(given.column)
    if given.op == "year" or (kind == TIME and all(isinstance(v, int) for v in values)):
        column, op = f"{column}.dt.year", "==" if given.op == "year" else given.op
        return f"{column} {op} {values[0]!r}"
    if given.op in {"==", "!="} and all(isinstance(v, str) for v in values) and kind != TIME:
        texts = f"{column}.astype(str)" if kind == BOOL else column
        return f"{'~' if given.op == '!=' else ''}{texts}.isin({values!r})"
    return f"{column} {given.op} {values[0]!r}"


def file_name(step: Step) -> str:
    """A speaking file name for what a step makes, without ending."""
    parts = (
        [*step.aggs, *step.values[:2]] if step.intent in {"group", "line", "pivot"} else [step.intent, *step.values[:2]]
    )
    if step.intent in {"correlation", "histograms", "outliers", "describe", "missing"} and len(step.values) != 1:
        parts = [step.intent]
    parts += ["vs", step.x] if step.intent in {"scatter", "regression"} else ["over", step.x] if step.x else []
    parts += ["by", *step.by] if step.by else []
    return "_".join(slug(p) for p in parts)[:100]
