"""Parts that the answers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic.local.standin.numbers import code, count, md, number, table

if TYPE_CHECKING:
    from claude_magic.local.standin.plan import Step

Figures = dict[str, Any]

FIGURE = {
    "mean": "mean", "median": "median", "sum": "total", "std": "standard deviation", "min": "minimum", "max": "maximum",
    "count": "number of rows", "share": "share of rows", "nunique": "number of distinct values",
}  # fmt: skip
SPREAD = ("rows", "mean", "median", "standard deviation")
SUMMARY = {"mean": "mean", "std": "std", "min": "min", "50%": "median", "max": "max"}


def figure(step: Step, agg: str) -> str:
    """An aggregation of a step's column as words: "mean `mass`", "number of rows"."""
    if not step.values or agg in {"count", "share"}:
        return FIGURE[agg]
    return f"{FIGURE[agg]}{' of' if agg in {'std', 'nunique'} else ''} {code(step.values[0])}"


def caveats(step: Step, f: Figures, *, dropped: bool = True) -> str:
    """What to know about the figures: rows left out, assumptions."""
    notes = []
    if dropped and f.get("missing"):
        # A share is of all rows, so that those without a group are in the whole.
        share = step.aggs == ("share",) and len(step.by) == 1
        why = "without a value are counted in the whole" if share else "left out because of missing values"
        notes.append(f"{count(f['missing'], 'row')} of {number(f['rows'])} {why}")
    notes += [md(a, 160) for a in step.assumed]
    return f"*Note: {'; '.join(notes)}.*" if notes else ""


def paragraphs(*parts: str) -> str:
    """The parts that say something, as paragraphs."""
    return "\n\n".join(p for p in parts if p)


def rows_of(split: Figures) -> list[list[Any]]:
    """The rows of a table in pandas' "split" form, each led by its index."""
    return [[i, *row] for i, row in zip(split["index"], split["data"], strict=True)]


def summary(split: Figures, heads: dict[str, str]) -> str:
    """A table of `describe`'s figures, one row per column."""
    kept = [(split["columns"].index(c), head) for c, head in heads.items() if c in split["columns"]]
    rows = [[i, *(row[k] for k, _ in kept)] for i, row in zip(split["index"], split["data"], strict=True)]
    return table(["column", *(head for _, head in kept)], rows, most=30, alike=False, named=True)
