"""Words for what was read off the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_magic.local.standin.numbers import cell, code, count, names, number, table
from claude_magic.local.standin.wording.base import (
    SUMMARY,
    Figures,
    caveats,
    paragraphs,
    rows_of,
    summary,
)

if TYPE_CHECKING:
    from claude_magic.local.standin.plan import Step


def describe(step: Step, f: Figures) -> str:
    """The table and its columns."""
    lead = (
        f"**{count(f['rows'], 'row')} and {count(f['columns'], 'column')}**; {count(f['missing'], 'missing value')}, "
        f"{count(f['complete'], 'complete row')}."
    )
    rows = rows_of(f["overview"])
    columns = table(["column", "type", "missing", "distinct"], rows, most=30, named=True)
    chart = f"The chart shows {names(f['drawn'])}." if f["drawn"] else ""
    return paragraphs(lead, columns, summary(f["summary"], SUMMARY), chart, caveats(step, f, dropped=False))


def missing_values(step: Step, f: Figures) -> str:
    """What is missing."""
    scope = f"{names(step.values)}: " if step.values else ""
    if not f["cells"]:
        return f"{scope}**no missing values** in {count(f['rows'], 'row')} and {count(f['columns'], 'column')}."
    rows = rows_of(f["table"])
    worst, n, percent = rows[0]
    lead = (
        f"{scope}**{count(f['cells'], 'missing value')}** in {number(f['with'])} of {count(f['columns'], 'column')}, "
        f"most in {code(worst)} ({number(n)}, {percent:.1f} % of the rows). {number(f['complete'])} of "
        f"{count(f['rows'], 'row')} are complete."
    )
    shown = table(["column", "missing", "% of rows"], [[i, n, f"{p:.1f}"] for i, n, p in rows], named=True)
    return paragraphs(lead, shown)


def outliers(step: Step, f: Figures) -> str:
    """Values outside the fences."""
    rows = rows_of(f["table"])
    total = sum(row[-1] for row in rows)
    worst = max(rows, key=lambda row: row[-1])
    lead = f"**{count(total, 'value') if total else 'No value'}** outside 1.5 interquartile ranges"
    lead += f", in {count(f['rows_outside'], 'row')} of {number(f['rows'])}" if total else ""
    lead += f"; most in {code(worst[0])} ({number(worst[-1])})." if total and len(rows) > 1 else "."
    heads = ["column", "lower fence", "upper fence", "below", "above", "outliers"]
    shown = table(heads, rows, most=30, alike=False, named=True)
    saved = "The rows are saved beside the box plots." if total else ""
    return paragraphs(lead, shown, saved, caveats(step, f, dropped=False))


def top(step: Step, f: Figures) -> str:
    """The largest or smallest rows."""
    t = f["table"]
    if not t["data"]:
        return f"{code(step.values[0])} holds no values."
    kind = "smallest" if step.ascending else "largest"
    lead = f"The {kind} {code(step.values[0])} is **{cell(t['data'][0][0])}** (row {cell(t['index'][0])})."
    shown = table(["row", *(code(c) for c in t["columns"])], rows_of(t), most=20)
    return paragraphs(lead, shown, caveats(step, f, dropped=False))


def rows(step: Step, f: Figures) -> str:
    """Some rows."""
    t = f["table"]
    lead = f"The {'last' if step.ascending else 'first'} {count(len(t['index']), 'row')} of {number(f['rows'])}:"
    return paragraphs(lead, table(["row", *(code(c) for c in t["columns"])], rows_of(t), most=20))
