"""Plan and table in, readable pandas and matplotlib out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_magic.local.standin.scripts import groups, rows, shapes
from claude_magic.local.standin.scripts.frame import (
    BINS,
    END,
    GROUPS,
    NAMES,
    SHORT,
    STYLE,
    digits_as_names,
    file_name,
    imports,
    label,
    load,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_magic.local.standin.plan import Plan, Step
    from claude_magic.local.standin.table import Table

__all__ = ["SECTIONS", "script"]

SECTIONS: dict[str, Callable[[Step, Table, str], str]] = {
    "compare": groups.compare,
    "correlation": shapes.correlation,
    "describe": rows.describe,
    "group": groups.group,
    "histogram": shapes.histogram,
    "histograms": shapes.histograms,
    "line": groups.line,
    "missing": rows.missing,
    "outliers": rows.outliers,
    "pivot": groups.pivot,
    "profile": rows.describe,
    "regression": shapes.regression,
    "rows": rows.rows,
    "scatter": shapes.scatter,
    "statistic": groups.statistic,
    "top": rows.top,
}
"""Intent -> the function that writes its part of the script (step, table, file name without ending)."""


def script(plan: Plan, table: Table) -> str:
    """The program that carries out `plan`; its last line of output begins with ``figures: `` and is JSON."""
    sections, used = [], set()
    table = digits_as_names(plan, table)
    for step in plan.steps:
        name = base = file_name(step)
        number = 1
        while name in used:
            number += 1
            name = f"{base}_{number}"
        used.add(name)
        sections.append(f"# {heading(step)}\n{SECTIONS[step.intent](step, table, name)}\n")
    body = "\n".join(sections)
    helpers = [
        h
        for h, called in ((GROUPS, "groups"), (NAMES, "names"), (SHORT, "short"), (BINS, "bins"))
        if re.search(rf"(?<![\w.]){called}(?=[(,])", body)
    ]
    start = load(table, plan)
    style = STYLE if "plt." in body else ""
    parts = [imports(body + start), start + style, *(f"\n{h}\n" for h in helpers), body, END]
    return "\n".join(p for p in parts if p)


def heading(step: Step) -> str:
    """A step in a few words, for a comment in the script."""
    words = [step.intent, *map(label, step.values)]
    words += ["over" if step.intent == "line" else "against", label(step.x)] if step.x else []
    words += ["by", " and ".join(map(label, step.by))] if step.by else []
    line = "".join(c if c.isprintable() else " " for c in " ".join(words))
    return line[:1].upper() + line[1:]
