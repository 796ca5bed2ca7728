"""Clause to steps, one function per intent: which named column plays which part, and what is assumed for the rest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_magic.local.standin.columns import stems
from claude_magic.local.standin.phrases import BY, COLOUR, VALUE, Clause, X
from claude_magic.local.standin.plan import Step
from claude_magic.local.standin.table import BOOL, EMPTY, NUMBER, OTHER, TIME
from claude_magic.local.standin.usable import CALENDAR, grouping, measured, natural, numbers_of, time_axis

if TYPE_CHECKING:
    from claude_magic.local.standin.table import Table

MOST_CHARTS = 4
"""Columns that get a chart of their own; more are drawn together."""

_NORMAL = "skewness and chart only hint at whether it is normal; no test of normality was made"
_PAIR = 2
_I = re.IGNORECASE
_CHART = re.compile(r"\b(bars?|pie|plot|chart|graph)\b", _I)
_EACH = re.compile(r"\b(weigh|cost)\w*\b", _I)  # "how much does … weigh" asks for no total
_AMOUNTS = re.compile(r"\b(more|less)\b.* than\b", _I)  # "sell more in the north than …" is about totals
_PREDICTS = re.compile(
    r"\b(?:does|do|did|can|could|will|would)\b.+\bpredict\b(?!\W*$)|\bpredicts\b|"
    r"\bto predict\b(?!.*\b(?:from|using|by|with)\b)",
    _I,
)
_TABLED = re.compile(r"\b(cross|contingency|two[\s-]way)", _I)


def describe(clause: Clause, table: Table) -> list[Step]:
    """Describe the named columns, or all; a category alone is counted."""
    named = clause.role(VALUE, BY, X, COLOUR)
    if len(named) == 1 and table[named[0]].groups:
        return [Step("group", by=named, aggs=("count",))]
    return [Step("describe", values=named)]


def missing(clause: Clause, table: Table) -> list[Step]:  # noqa: ARG001 - the table's part is to have been asked
    """Count missing values."""
    return [Step("missing", values=clause.role(VALUE, X))]


def outliers(clause: Clause, table: Table) -> list[Step]:
    """Find values beyond 1.5 interquartile ranges in the named numbers, or in all."""
    values = numbers_of(clause.role(VALUE, X, BY), table) or table.numbers()[:12]
    return [Step("outliers", values=values)] if values else [Step("profile")]


def histogram(clause: Clause, table: Table) -> list[Step]:
    """One histogram per named number, counts for a category, a line of counts for a time."""
    by = (*clause.role(BY), *clause.role(COLOUR))
    values = [c for c in clause.role(VALUE, X) if c not in by]
    if not values and by:
        values, by = list(by), ()
    if not values:
        everything = table.numbers()[:12]
        return [Step("histograms", values=everything)] if everything else [Step("profile")]
    numbers = [v for v in values if table.kind(v) in {NUMBER, OTHER}]
    categories = [v for v in values if table[v].groups or table.kind(v) == EMPTY]
    if numbers and categories and not by:
        by, categories = tuple(categories), []
    steps = [Step("group", by=(c, *by[:1]), aggs=("count",)) for c in categories]
    steps += [Step("line", x=c, by=by[:1], aggs=("count",)) for c in values if table.kind(c) == TIME]
    if len(numbers) > MOST_CHARTS and not by:
        return [*steps, Step("histograms", values=tuple(numbers[:12]))]
    said = (_NORMAL,) if re.search(r"\b(normal\w*|gaussian)\b", clause.text, _I) and not by else ()
    return steps + [Step("histogram", values=(v,), by=by[:1], assumed=said) for v in numbers[:12]]


def group(clause: Clause, table: Table) -> list[Step]:
    """Aggregate by groups; without a group, one figure."""
    if clause.freq and not clause.role(BY) and time_axis(clause, table):
        return line(clause, table)
    by = grouping(clause, table)
    values = [v for v in measured(clause, table) if v not in by]
    if "nunique" in clause.aggs and clause.named:
        return [Step("group", by=(c,), aggs=("count",)) for c in clause.role(VALUE, BY, X)]
    measuring = tuple(a for a in clause.aggs if a not in {"count", "share", "nunique"})
    if measuring and not values and (by or re.search(r"\b(all|every|each)\b", clause.text, _I)):
        values = [c for c in table.numbers() if c not in by][:MOST_CHARTS]
    shares = "share" in clause.aggs and [v for v in values if table.kind(v) == BOOL]
    if not values or (not shares and not measuring and {"count", "share"} & set(clause.aggs)):
        return _counts(clause, table, by, tuple(values))
    if not by and _CHART.search(clause.text):
        return [s for v in values for s in histogram(Clause(clause.text, clause.named), table) if v in s.values]
    said: tuple[str, ...] = ()
    if any(table.kind(v) == BOOL for v in values):
        said = ("the mean of a yes/no column is the share of yes",)
    elif not measuring:
        weighed = not re.search(r"how much", clause.text, _I) or _EACH.search(clause.text)
        measuring = natural(values[0]) if weighed else ("sum",)
        said = (f"the {measuring[0]}, as no other figure was asked for",)
    measuring = measuring or ("mean",)
    kind = "group" if by else "statistic"
    return [
        Step(kind, (v,), by=by[:2], aggs=measuring, n=clause.n, ascending=clause.ascending, assumed=said)
        for v in values[:MOST_CHARTS]
    ]


def _counts(clause: Clause, table: Table, by: tuple[str, ...], values: tuple[str, ...]) -> list[Step]:
    share = "share" in clause.aggs or "pie" in clause.text.casefold().split()
    if not by and re.search(r"\b(bar|bars|pie|group\w*)\b", clause.text, _I):
        by = values or table.categories()[:1]
    if not by and len(values) == 1 and table.kind(values[0]) == BOOL:
        by = values
    if not by:
        return [Step("statistic", values[:1], aggs=("count",))]
    aggs = ("share",) if share else ("count",)
    focus = clause.focus if share else ""
    return [Step("group", by=by[:2], aggs=aggs, n=clause.n, ascending=clause.ascending, focus=focus)]


def rows(clause: Clause, table: Table) -> list[Step]:  # noqa: ARG001 - the table's part is to have been asked
    """Show some rows."""
    return [Step("rows", n=clause.n or 5, ascending=bool(re.search(r"\b(last|tail)\b", clause.text, _I)))]


def line(clause: Clause, table: Table) -> list[Step]:
    """A line over time, or over another ordered column."""
    x, across = time_axis(clause, table), [c for c in clause.role(X) if not table[c].groups]
    if across and (not x or table.kind(x) != TIME):
        x = across[0]
    by = tuple(c for c in dict.fromkeys((*clause.role(COLOUR), *grouping(clause, table))) if c != x)[:1]
    values = [v for v in numbers_of(clause.role(VALUE, X), table) if v != x and v not in by]
    if not x and not values:
        values = list(table.numbers()[:1])
    if not values and not x:
        return [Step("profile")]
    freq = clause.freq if x and table.kind(x) == TIME else ""
    said = () if x else ("there is no time column, so the line follows the order of the rows",)
    if not values:
        return [Step("line", x=x, by=by, aggs=("count",), freq=freq)]
    asked = tuple(a for a in clause.aggs if a in {"mean", "median", "sum", "min", "max", "std"})[:1]
    return [
        Step("line", (v,), x=x, by=by, aggs=asked or natural(v), freq=freq, assumed=said) for v in values[:MOST_CHARTS]
    ]


def _pair(clause: Clause, table: Table) -> tuple[str, str, tuple[str, ...]]:
    """The vertical and the horizontal column of two numbers, and what was assumed for it."""
    named = [c for c in clause.role(VALUE, X, BY) if table.kind(c) in {NUMBER, OTHER, TIME}]
    if len(named) > _PAIR:
        named.sort(key=lambda c: table.kind(c) == TIME)
    across = [c for c in clause.role(X) if c in named]
    if len(named) >= _PAIR:
        x = across[-1] if across and across[-1] != named[0] else named[1]
        return next(c for c in named if c != x), x, ()
    pair = [*named, *(c for c in table.numbers() if c not in named)][:_PAIR]
    if len(pair) < _PAIR:
        return "", "", ()
    said = f"{pair[1]} as the other column" if named else f"{pair[0]} and {pair[1]}"
    return pair[0], pair[1], (f"{said}, as no other was named",)


def scatter(clause: Clause, table: Table) -> list[Step]:
    """Two numbers against each other; with a category instead of a number, a comparison of groups."""
    named = clause.role(VALUE, X, BY)
    groups = [c for c in named if table[c].groups]
    numbers = [c for c in named if table.kind(c) in {NUMBER, OTHER, TIME}]
    groups += [f.column for f in clause.filters if len(f.values) > 1 and table[f.column].groups]
    if groups and len(numbers) == 1 and not clause.role(COLOUR):
        return compare(clause, table)
    if len(groups) >= _PAIR and not numbers:
        return pivot(clause, table)
    y, x, said = _pair(clause, table)
    colour = (*clause.role(COLOUR), *groups, "")[0]
    return [Step("scatter", (y,), x=x, colour=colour, assumed=said)] if y else [Step("profile")]


def regression(clause: Clause, table: Table) -> list[Step]:
    """A straight line through two numbers; "predict y from x" and "y on x" say which is which."""
    y, x, said = _pair(clause, table)
    if _PREDICTS.search(clause.text) and not said:  # "does x predict y"
        y, x = x, y
    return [Step("regression", (y,), x=x, assumed=said)] if y else [Step("profile")]


def correlation(clause: Clause, table: Table) -> list[Step]:
    """A matrix of all numbers, or of the named; two named numbers are a scatter plot with r."""
    named = tuple(c for c in clause.role(VALUE, X, BY) if table.kind(c) in {NUMBER, BOOL, OTHER})
    if len(named) == _PAIR and not re.search(r"heat|matrix", clause.text, _I):
        return scatter(clause, table)
    said = (f"the other numeric columns beside {named[0]}, as no other was named",) if len(named) == 1 else ()
    chosen = named if len(named) > 1 else tuple(dict.fromkeys((*named, *table.numbers())))
    return [Step("correlation", chosen[:30], assumed=said)] if len(chosen) > 1 else [Step("profile")]


def compare(clause: Clause, table: Table) -> list[Step]:
    """Spread of a number across groups; box plots of several numbers when no groups are meant."""
    filtered = tuple(f.column for f in clause.filters if table[f.column].groups)
    by = grouping(clause, table) or clause.role(COLOUR) or filtered
    values = [v for v in measured(clause, table) if v not in by]
    boxes = re.search(r"\bbox|violin", clause.text, _I)
    if not by and values and (boxes or len(values) > 1):
        return [Step("outliers", values=tuple(values))] if boxes else [Step("describe", tuple(values))]
    said: tuple[str, ...] = ()
    if not by:
        by = table.categories()[:1]
        said = (f"grouped by {by[0]}, as no groups were named",) if by else ()
    if not values:
        values = [v for v in table.numbers() if not CALENDAR & set(stems(v))][:MOST_CHARTS]
        said = (*said, "these measures, as none was named")
    if not by or not values:
        return [Step("profile")]
    if len(values) == 1 and natural(values[0]) == ("sum",) and _AMOUNTS.search(clause.text):
        return [Step("group", tuple(values), by=by[:1], aggs=("sum",), assumed=said)]
    return [Step("compare", (v,), by=by[:1], assumed=said) for v in values[:MOST_CHARTS]]


def pivot(clause: Clause, table: Table) -> list[Step]:
    """A two-way table of counts or of one aggregate."""
    by = grouping(clause, table) or clause.role(X)
    if _TABLED.search(clause.text) and not clause.aggs:  # a table of counts, whatever the columns hold
        by = clause.role(VALUE, X, BY)
    values = [v for v in measured(clause, table) if v not in by]
    if len(by) == 1 and len(values) > 1:  # "pivot of mass by island and year"
        by, values = (*by, values[-1]), values[:-1]
    more = [c for c in table.categories() if c not in by][: max(0, _PAIR - len(by))]
    said = (f"{' and '.join(more)} for the side that was not named",) if more else ()
    by = (*by, *more)
    if not by:
        return [Step("profile")]
    aggs = tuple(a for a in clause.aggs if a in {"mean", "median", "sum", "min", "max", "std"})[:1] or ("mean",)
    return [Step("pivot", tuple(values[:1]), by=by[:2], aggs=aggs if values else ("count",), assumed=said)]


def plot(clause: Clause, table: Table) -> list[Step]:
    """A chart of the named columns, chosen by what they hold."""
    named = clause.role(VALUE, X, BY)
    if not named:
        return []
    if any(table.kind(c) == TIME or (c in clause.role(X) and CALENDAR & set(stems(c))) for c in named):
        return line(clause, table)
    numbers = numbers_of(clause.role(VALUE, X), table)
    groups = grouping(clause, table)
    if len(numbers) > 1 and not groups:
        return scatter(clause, table)
    if numbers and groups:
        return group(clause, table) if clause.aggs or natural(numbers[0]) == ("sum",) else compare(clause, table)
    if groups:
        return [Step("group", by=groups[:2], aggs=("count",))]
    return histogram(clause, table)
