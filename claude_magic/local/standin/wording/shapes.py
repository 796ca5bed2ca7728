"""Words for the shape of numbers: distributions, pairs, lines through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic.local.standin.numbers import cell, code, count, missing, names, number, p_value, table, two
from claude_magic.local.standin.wording.base import (
    SPREAD,
    SUMMARY,
    Figures,
    caveats,
    paragraphs,
    rows_of,
    summary,
)

if TYPE_CHECKING:
    from claude_magic.local.standin.plan import Step

_SYMMETRIC = 0.5  # of skewness; the usual rule of thumb  # of skewness; the usual rule of thumb
_STRENGTH = ((0.8, "a very strong"), (0.6, "a strong"), (0.4, "a moderate"), (0.2, "a weak"), (0, "hardly any"))


def histogram(step: Step, f: Figures) -> str:
    """One distribution."""
    if step.by:
        return _histogram_by(step, f)
    s = f["summary"]
    if not s.get("count"):
        return f"{code(step.values[0])} holds no values."
    spread = f", standard deviation {number(s['std'])}" if not missing(s["std"]) else ""
    lead = (
        f"{code(step.values[0])} has median **{number(s['50%'])}** and mean **{number(s['mean'])}**{spread}; it ranges "
        f"from {number(s['min'])} to {number(s['max'])}, half of it between {number(s['25%'])} and {number(s['75%'])}."
    )
    a, b, n = f["tallest"]
    tallest = f"The tallest bar holds {count(int(n), 'row')} between {number(a)} and {number(b)}."
    return paragraphs(" ".join(p for p in (lead, _lean(f["skew"]), tallest) if p), caveats(step, f))


def _histogram_by(step: Step, f: Figures) -> str:
    rows = rows_of(f["table"])
    found = [r for r in rows if not missing(r[2])]
    if not found:
        return f"{code(step.values[0])} holds no values in any group."
    high, low = (pick(found, key=lambda r: r[2]) for pick in (max, min))
    lead = (
        f"The mean of {code(step.values[0])} lies between **{number(low[2])}** ({cell(low[0], step.by[0])}) "
        f"and **{number(high[2])}** ({cell(high[0], step.by[0])})."
    )
    shown = table([names(step.by), *SPREAD], rows)
    return paragraphs(lead, shown, "The histograms of the groups lie over each other in one chart.", caveats(step, f))


def _lean(skew: Any) -> str:
    if missing(skew):
        return ""
    side = "roughly symmetric" if abs(skew) < _SYMMETRIC else f"skewed to the {'right' if skew > 0 else 'left'}"
    return f"The distribution is {side} (skewness {skew:.2f})."


def histograms(step: Step, f: Figures) -> str:
    """Several distributions."""
    shown = summary(f["table"], {"count": "values", **SUMMARY})
    lead = f"Distributions of **{count(len(f['table']['index']), 'numeric column')}**."
    return paragraphs(lead, shown, caveats(step, f, dropped=False))


def scatter(step: Step, f: Figures) -> str:
    """Two numbers and their correlation."""
    r = f["r"]
    if missing(r):
        said = "the correlation is not defined (one of them does not vary, or there are too few rows)"
    else:
        strength = next(words for least, words in _STRENGTH if abs(r) >= least)
        sign = ("positive " if r > 0 else "negative ") if abs(r) >= _STRENGTH[-2][0] else ""
        said = f"{strength} {sign}linear relationship, **r = {two(r)}**"
    within = [f"{cell(g)} {two(v)}" for g, v in f.get("within", {}).items() if not missing(v)]
    lead = f"{code(step.values[0])} and {code(step.x)}: {said}, over {count(f['used'], 'row')}."
    return paragraphs(lead + (f" Within the groups: {', '.join(within)}." if within else ""), caveats(step, f))


def regression(step: Step, f: Figures) -> str:
    """A straight line."""
    y, x = code(step.values[0]), code(step.x)
    if missing(f["r2"]):
        return paragraphs(f"A line through {y} and {x} says nothing: one of them does not vary.", caveats(step, f))
    sign = "+" if f["slope"] >= 0 else "-"
    across = f"days since the first {x}" if f["days"] else x
    lead = (
        f"{y} = {number(f['intercept'])} {sign} **{number(abs(f['slope']))}** · {across}, with **r² = {f['r2']:.3f}**"
    )
    more = f"Per {'day' if f['days'] else f'unit of {x}'} the line changes by {number(f['slope'])}"
    more += f" (standard error {number(f['stderr'])}, {p_value(f['p'])})" if "stderr" in f else ""
    chart = "The chart shows the rows as points and the line through them."
    return paragraphs(f"{lead} ({count(f['used'], 'row')}). {more}.", chart, caveats(step, f))


def correlation(step: Step, f: Figures) -> str:
    """The strongest pairs."""
    pairs = f["pairs"]
    if not pairs:
        return "No two numeric columns vary together enough for a correlation."
    one, other, r = pairs[0]
    lead = f"The strongest correlation is between {code(one)} and {code(other)}: **r = {two(r)}**."
    shown = table(["pair", "r"], [[[a, b], two(r)] for a, b, r in pairs], most=8, named=True)
    rows = "*Note: each pair uses the rows where both values are present.*" if f.get("missing") else ""
    every = f"The heat map shows all {len(step.values)} columns."
    return paragraphs(lead, shown, every, rows, caveats(step, f, dropped=False))
