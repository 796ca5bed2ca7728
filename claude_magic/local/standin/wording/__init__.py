"""Figures to Markdown. Every number in an answer comes out of the `figures` that the program printed.

One function per intent: (step, figures) -> paragraphs. The first sentence carries the key figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_magic.local.standin.numbers import code, md, names
from claude_magic.local.standin.wording import groups, rows, shapes
from claude_magic.local.standin.wording.base import FIGURE, Figures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_magic.local.standin.plan import Filter, Plan, Step

WORDS: dict[str, Callable[[Step, Figures], str]] = {
    "compare": groups.compare,
    "correlation": shapes.correlation,
    "describe": rows.describe,
    "group": groups.group,
    "histogram": shapes.histogram,
    "histograms": shapes.histograms,
    "line": groups.line,
    "missing": rows.missing_values,
    "outliers": rows.outliers,
    "pivot": groups.pivot,
    "profile": rows.describe,
    "regression": shapes.regression,
    "rows": rows.rows,
    "scatter": shapes.scatter,
    "statistic": groups.statistic,
    "top": rows.top,
}
"""Intent -> the function that words its figures (step, figures)."""


def answer(plan: Plan, figures: Sequence[Figures]) -> str:
    """The whole answer to a prompt that was read, or the profile of a table when it was not."""
    parts = []
    for step, found in zip(plan.steps, figures, strict=False):
        words = WORDS[step.intent](step, found)
        if len(plan.steps) > 1:
            words = f"### {title(step)}\n\n{words}"
        parts.append(words)
    if plan.filters:
        parts.insert(0, f"Only rows with {' and '.join(map(condition, plan.filters))} are counted in.")
    if plan.unread:
        parts.append(
            "I could not read all of this, and left something out: "
            + "; ".join(f"“{md(u, 120)}”" for u in plan.unread)
            + "."
        )
    return "\n\n".join(p for p in parts if p)


def condition(given: Filter) -> str:
    """A filter as words."""
    values = " or ".join(md(v) for v in given.values)
    return f"{code(given.column)} {'in' if given.op == 'year' else '=' if given.op == '==' else md(given.op)} {values}"


def title(step: Step) -> str:
    """A step in a few words of Markdown."""
    what = {
        "compare": "comparison", "histograms": "histograms", "top": "smallest" if step.ascending else "largest",
        "group": " and ".join(FIGURE[a] for a in step.aggs), "pivot": "two-way table", "missing": "missing values",
        "statistic": " and ".join(FIGURE[a] for a in step.aggs) if step.values else FIGURE["count"],
        "describe": "description", "profile": "general profile", "regression": "regression line",
    }.get(step.intent, step.intent)  # fmt: skip
    values = names(step.values) if len(step.values) <= 4 else f"{len(step.values)} columns"  # noqa: PLR2004 - a heading is short
    link = " of " if values and step.intent != "top" else " by " if values else ""
    across = f" over {code(step.x)}" if step.intent == "line" and step.x else f" and {code(step.x)}" if step.x else ""
    words = f"{what}{link}{values}{across}" + (f" by {names(step.by)}" if step.by else "")
    words += f", coloured by {code(step.colour)}" if step.colour else ""
    return words[:1].upper() + words[1:]
