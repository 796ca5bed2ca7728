"""Clauses about the most and the least: which group leads, which rows are largest, where most are.

Builders as in `claude_magic.local.standin.builders`: clause and table in, steps out.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from claude_magic.local.standin.builders import MOST_CHARTS, describe, group, line, rows
from claude_magic.local.standin.columns import Names, stems
from claude_magic.local.standin.everyday import MONEY, fitting, strange
from claude_magic.local.standin.phrases import BY, EXTREME, VALUE, Clause, Named, X
from claude_magic.local.standin.plan import Step
from claude_magic.local.standin.table import NUMBER, OTHER, TIME
from claude_magic.local.standin.usable import grouping, measured, natural, time_axis

if TYPE_CHECKING:
    from claude_magic.local.standin.table import Table

_I = re.IGNORECASE
_SORTED = re.compile(r"\b(sort|ordered|order by|in order)", _I)
_LISTED = re.compile(r"\b(top|bottom|sort|sorted|order by|in order|ordered|rank\w*)\b", _I)
_SEVERAL = re.compile(EXTREME.pattern + r"\s+(?!(?:is|was|has|does|this|species)\b)\w+[^su]s\b", _I)
_SELLS = re.compile(r"\b(most|least|more|less)\b", _I)
_BUSINESS = frozenset({"customer", "client", "product", "item", "article", "shop", "store", "seller", "brand", "buyer"})
_PLACES = ("island", "region", "country", "state", "city", "town", "district", "area", "location", "place", "site",
           "store", "shop", "branch", "habitat")  # fmt: skip


def which(clause: Clause, table: Table) -> list[Step]:
    """Answer "which species has the highest mean mass": groups in order; "which row …": the largest rows."""
    by = grouping(clause, table)
    values = [v for v in measured(clause, table) if v not in by]
    if not by and _in_time(clause, table):
        return line(clause, table)
    if not by:
        ordered = (EXTREME.search(clause.text) or _SELLS.search(clause.text)) and not clause.aggs
        if ordered:
            return [replace(s, assumed=(*s.assumed, *_no_such(clause.text, table))) for s in top(clause, table)]
        return group(clause, table) if clause.named else describe(clause, table)
    if not values and _lucrative(clause, by[0], table):
        return top(clause, table)
    if not values:
        return [Step("group", by=by[:2], aggs=("count",), ascending=clause.ascending)]
    aggs = tuple(a for a in clause.aggs if a not in {"count", "share", "nunique"})
    shown = values[:MOST_CHARTS]
    n = clause.n if clause.n > 1 else 0  # "which one …": all of them, in order
    return [Step("group", (v,), by=by[:2], aggs=aggs or natural(v), n=n, ascending=clause.ascending) for v in shown]


def top(clause: Clause, table: Table) -> list[Step]:
    """The largest or smallest rows by a number, or groups by their aggregate."""
    by = [c for c in grouping(clause, table) if table.kind(c) not in {NUMBER, TIME}]
    if not by and _in_time(clause, table):
        return line(clause, table)
    by += [c for c in clause.role(VALUE)[:1] if table[c].convert == "digits" and len(clause.named) > 1]
    values = [c for c in clause.role(VALUE, X, BY) if c not in by and table.kind(c) in {NUMBER, TIME, OTHER}]
    values.sort(key=lambda c: table.kind(c) == TIME)
    aggs = tuple(a for a in clause.aggs if a not in {"min", "max"})
    # A single extreme ("the largest body mass") needs one row; a list without a number gets five.
    n = clause.n or (5 if _LISTED.search(clause.text) or _SEVERAL.search(clause.text) else 1)
    if by and not values and (money := _lucrative(clause, by[0], table)):
        why = f"ranked by the total of {money}, as no figure was named"
        best = Step("group", (money,), by=tuple(by[:1]), aggs=("sum",), n=n, ascending=clause.ascending, assumed=(why,))
        return [best]
    if by and values and not aggs and _BUSINESS & set(stems(by[0])) and natural(values[0]) == ("sum",):
        aggs = ("sum",)  # the best customers are those with the largest total, not those with the largest row
    if by and (aggs or not values):
        chosen = tuple(a for a in aggs if a not in {"count", "share"})[:1] or ("mean",) if values else ("count",)
        n = n if clause.n or not _SORTED.search(clause.text) else 0  # all groups, in order
        return [Step("group", tuple(values[:1]), by=tuple(by[:1]), aggs=chosen, n=n, ascending=clause.ascending)]
    said: tuple[str, ...] = ()
    if not values:
        values = list(table.numbers()[:1])
        said = (f"ordered by {values[0]}, as no column was named",) if values else ()
    if not values:
        return rows(clause, table)
    return [Step("top", (values[0],), by=tuple(by[:1]), n=n, ascending=clause.ascending, assumed=said)]


def _no_such(text: str, table: Table) -> tuple[str, ...]:
    """Says that "which product" names no column, so that rows stand for products."""
    match = re.search(r"\b(?:which|what) (\w+)", text, _I)
    unknown = {word for word, _ in strange(text, Names(c.name for c in table.columns))}
    known = not match or match[1] not in unknown or EXTREME.fullmatch(match[1])
    return () if known or match is None else (f"no column is called “{match[1]}”, so single rows are ranked",)


def _in_time(clause: Clause, table: Table) -> bool:
    """Whether a clause asks for the best month or year, and the table has times and what to measure."""
    axis = time_axis(clause, table) if clause.freq else ""
    return bool(axis) and table.kind(axis) == TIME and bool(measured(clause, table))


def _lucrative(clause: Clause, by: str, table: Table) -> str:
    """The column of amounts that customers or products are ranked by when no figure is named; or empty."""
    if clause.aggs or not _BUSINESS & set(stems(by)):
        return ""
    return next(iter(fitting(MONEY, table)[0]), "")


def where(clause: Clause, table: Table) -> list[Step]:
    """Answer "where do most live": groups by the column of places."""
    named = grouping(clause, table)
    places = [c for word in _PLACES for c in table.categories() if word in stems(c)]
    if not named and not places:
        return []
    asked = clause if named else replace(clause, named=(*clause.named, Named(places[0], BY)))
    return [
        replace(s, assumed=(*s.assumed, f"{s.by[0]} as the place") if s.by else s.assumed) for s in which(asked, table)
    ]
