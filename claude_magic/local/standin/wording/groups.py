"""Words for what was aggregated: one figure, groups, comparisons, two-way tables, lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic.local.standin.numbers import cell, code, count, missing, names, number, p_value, table
from claude_magic.local.standin.table import REST
from claude_magic.local.standin.wording.base import (
    FIGURE,
    SPREAD,
    Figures,
    caveats,
    figure,
    paragraphs,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_magic.local.standin.plan import Step

_FREQ = {"h": "hour", "D": "day", "W": "week", "MS": "month", "QS": "quarter", "YS": "year"}


def statistic(step: Step, f: Figures) -> str:
    """One figure."""
    if not step.values:
        return f"**{count(f['rows'], 'row')}**, {count(f['columns'], 'column')}."
    result = f["result"]
    said = [f"{FIGURE[a]} **{number(result[a])}**" for a in step.aggs if a in result and a != "count"]
    words = ", ".join(said) or f"**{number(result['count'])}** values"
    return paragraphs(f"{code(step.values[0])}: {words} (from {number(result['count'])} values).", caveats(step, f))


def group(step: Step, f: Figures) -> str:
    """Groups and their aggregate."""
    t = f["table"]
    if not t["index"]:
        return "There is no group with values: nothing to show."
    if len(step.by) > 1 and len(step.aggs) == 1:
        return _two_way(step, f)
    pairs = [(i, row[0]) for i, row in zip(t["index"], t["data"], strict=True) if not missing(row[0])]
    if not pairs:
        return "No group has a value to show."
    whole = f["groups"] <= len(t["index"])
    lead = _focused(step, pairs, f["rows"]) or _extremes(step, t["columns"][0], pairs, whole=whole)
    if not whole:
        lead += f" Of {count(f['groups'], 'group')} the table shows {number(len(t['index']))}."
    heads = ["values" if c == "count" and step.values else FIGURE.get(c, c) for c in t["columns"]]
    shown = table([" / ".join(code(b) for b in step.by), *heads], rows_of(t))
    return paragraphs(lead, shown, "The chart shows the groups as bars." if len(pairs) > 1 else "", caveats(step, f))


def _focused(step: Step, pairs: Sequence[tuple[Any, Any]], rows: int) -> str:
    """The share of the one group that was asked about; empty when none was."""
    share = next((v for i, v in pairs if step.focus and str(i) == step.focus), None)
    if share is None:
        return ""
    return f"**{cell(step.focus)}**: **{number(share)} %** of the {count(rows, 'row')}."


def _extremes(step: Step, agg: str, pairs: Sequence[tuple[Any, Any]], *, whole: bool) -> str:
    """Which group is highest and, where these are the whole of them, which lowest, in one sentence."""
    high, low = max(pairs, key=lambda p: p[1]), min(pairs, key=lambda p: p[1])
    most, least = ("most rows", "fewest") if agg == "count" else (f"highest {figure(step, agg)}", "lowest")
    if step.ascending:
        high, low = low, high
        most, least = ("fewest rows", "most") if agg == "count" else (f"lowest {figure(step, agg)}", "highest")
    unit = " %" if agg == "share" else ""
    name = step.by[0] if len(step.by) == 1 else ""
    if len(pairs) == 1 and not step.n:
        return f"The only group is **{cell(high[0], name)}**, {figure(step, agg)}: **{number(high[1])}{unit}**."
    lead = f"**{cell(high[0], name)}** has the {most}: **{number(high[1])}{unit}**"
    return f"{lead}." if step.n or not whole else f"{lead}; {cell(low[0], name)} the {least} ({number(low[1])}{unit})."


def _two_way(step: Step, f: Figures) -> str:
    t = f["table"]
    cells = [(i, c, v) for i, *row in rows_of(t) for c, v in zip(t["columns"], row, strict=True) if not missing(v)]
    if not cells:
        return "No combination of groups has a value to show."
    cells = [x for x in cells if REST not in x[:2]] or cells
    cells = [x for x in cells if str(x[1]) == step.focus] or cells
    i, c, v = max(cells, key=lambda x: x[2])
    unit = " %" if step.aggs[0] == "share" else ""
    at = f"{cell(i, step.by[0])} and {cell(c, step.by[-1])}" if len(step.by) > 1 else cell(i, step.by[0])
    shown = table([" / ".join(code(b) for b in step.by), *(cell(c, step.by[-1]) for c in t["columns"])], rows_of(t))
    lead = f"The highest {figure(step, step.aggs[0])} is **{number(v)}{unit}**, at {at}."
    return paragraphs(lead, shown, caveats(step, f))


def compare(step: Step, f: Figures) -> str:
    """Groups, their spread and the test."""
    t = f["table"]
    column = t["columns"].index("mean")
    pairs = [(i, row[column]) for i, row in zip(t["index"], t["data"], strict=True) if not missing(row[column])]
    if not pairs:
        return f"No group of {names(step.by)} has values of {code(step.values[0])}."
    pairs = [p for p in pairs if p[0] != REST] or pairs
    high, low = max(pairs, key=lambda p: p[1]), min(pairs, key=lambda p: p[1])
    lead = f"**{cell(high[0], step.by[0])}** has the highest mean {code(step.values[0])}: **{number(high[1])}**"
    if len(pairs) > 1:
        apart = number(float(high[1] - low[1]))
        lead += f"; {cell(low[0], step.by[0])} the lowest ({number(low[1])}), a difference of {apart}"
    test = f["test"]
    said = f"{test['name']}: statistic {number(test['statistic'])}, {p_value(test['p'])}." if test else ""
    shown = table([names(step.by), *SPREAD], rows_of(t))
    boxes = "The box plot shows median, quartiles and spread per group."
    return paragraphs(f"{lead}.", shown, said[:1].upper() + said[1:], boxes, caveats(step, f))


def line(step: Step, f: Figures) -> str:
    """A line: highest, lowest, first and last."""
    ends = f["ends"]
    if not ends["index"] or not f["highest"]:
        return "There is nothing to draw a line through."
    each = _FREQ.get(f["freq"], "") or (f"value of {code(step.x)}" if step.x else "row")
    high, low = (_place(step, f[end]) for end in ("highest", "lowest"))
    lead = (
        f"By {each}, over {count(f['points'], 'point')}: the {figure(step, step.aggs[0])} is highest at "
        f"**{high}** (**{number(f['highest'][2])}**) and lowest at {low} ({number(f['lowest'][2])})."
    )
    if step.by:
        rows = [[name, *(row[i] for row in ends["data"])] for i, name in enumerate(ends["columns"])]
        shown = table([names(step.by), *(cell(i, step.x) for i in ends["index"])], rows)
        return paragraphs(f"{lead} The chart has one line per {names(step.by)}.", shown, caveats(step, f))
    if len(ends["index"]) > 1 and not any(missing(row[0]) for row in ends["data"]):
        (a, b), (start, stop) = [row[0] for row in ends["data"]], [cell(i, step.x) for i in ends["index"]]
        lead += f" It goes from {number(a)} at {start} to {number(b)} at {stop}."
    return paragraphs(lead, caveats(step, f))


def _place(step: Step, found: Sequence[Any]) -> str:
    """Where on a chart of lines a value stands: (line, place, value) as words."""
    return (f"{cell(found[0], step.by[0])}, " if step.by else "") + cell(found[1], step.x)


def pivot(step: Step, f: Figures) -> str:
    """A two-way table with its heat map."""
    return paragraphs(_two_way(step, f), "The heat map shows the same table." if f["table"]["index"] else "")
