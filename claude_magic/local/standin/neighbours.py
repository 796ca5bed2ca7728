"""What a clause takes from the clauses beside it: columns, groups, and the chart that is already there.

"Which species is heaviest? Draw a bar chart of the mean body mass." is one analysis: the second clause has the groups
of the first. All pure.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from claude_magic.local.standin.phrases import BY, COLOUR, VALUE, Clause, Named, X
from claude_magic.local.standin.usable import grouping, measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_magic.local.standin.plan import Step
    from claude_magic.local.standin.table import Table

_I = re.IGNORECASE
_DRAW = re.compile(r"\b(bars?|box|violin|plot|chart|graph)\w*\b", _I)
_POINTS = re.compile(
    r"^\W*(?:please |also |and |then |can you |could you )*(?:draw|plot|show|make|give|create|add|"
    r"visuali[sz]e|chart|graph)"
    r"(?: me)?(?: (?:it|this|that|them|these|the result|the answer))?"
    r"(?:,? ?(?:in|as|with)? ?\b(?:a|an|the|one)?(?: nice| simple| suitable| fitting)? ?"
    r"(?P<bars>bar )?(?:chart|plot|graph|diagram|figure|picture))?(?: of (?:it|this|that|them))?(?: please)?\W*$",
    _I,
)
_DRAWN = frozenset(
    {"compare", "correlation", "group", "histogram", "histograms", "line", "pivot", "regression", "scatter"}
)


def lacks(clause: Clause, kind: str, needs: int, table: Table) -> bool:
    """Whether a clause names fewer columns than its request needs."""
    if kind == "histogram" and clause.named and not clause.role(VALUE, X, COLOUR):
        return True
    if kind in {"group", "line", "plot"} and not clause.named and not {"count", "share"} & set(clause.aggs):
        return True
    if kind in {"group", "group-which"} and clause.aggs and not {"count", "share", "nunique"} & set(clause.aggs):
        return not measured(clause, table)
    return len(measured(clause, table)) < needs


def borrow(clause: Clause, donors: Sequence[Clause], table: Table) -> Clause:
    """`clause` with the columns it lacks from the first donor that has some."""
    for donor in donors:
        if not clause.named and donor.named:
            aggs, freq = clause.aggs or donor.aggs, clause.freq or donor.freq
            return replace(clause, named=donor.named, aggs=aggs, freq=freq)
        if not measured(clause, table) and (values := measured(donor, table)):
            return replace(clause, named=(*(Named(v, VALUE) for v in values), *clause.named))
    return clause


def as_clause(step: Step) -> Clause:
    """A step as the clause that would ask for it."""
    named = [Named(v, VALUE) for v in step.values]
    named += [Named(step.x, X)] if step.x else []
    named += [Named(b, BY) for b in step.by] + ([Named(step.colour, COLOUR)] if step.colour else [])
    return Clause("", tuple(named), step.aggs)


def grouped(clause: Clause, kind: str, beside: Sequence[Clause], table: Table) -> Clause:
    """A chart clause that names a number and no groups, with the groups of the nearest clause that has some."""
    if kind not in {"group", "compare"} or not _DRAW.search(clause.text) or clause.filters:
        return clause
    if grouping(clause, table) or clause.role(COLOUR) or not measured(clause, table):
        return clause
    for donor in beside:
        by = [c for c in grouping(donor, table) if c not in clause.role(VALUE, X)]
        if by:
            named = (*clause.named, *(Named(c, BY) for c in by))
            aggs = clause.aggs or donor.aggs
            return replace(clause, named=named, aggs=aggs, ascending=clause.ascending or donor.ascending)
    return clause


def points_back(clause: Clause, before: Sequence[Step]) -> bool:
    """Whether a clause such as "draw a chart of it" asks only for the chart that the step before makes anyway."""
    match = _POINTS.match(clause.text)
    if not match or not before or clause.named or clause.filters:
        return False
    return before[-1].intent == "group" if match["bars"] else before[-1].intent in _DRAWN


def noted(step: Step, clause: Clause) -> Step:
    """The step with what the clause's words were taken for, where they are about its columns."""
    notes = tuple(words for column, words in clause.notes if column in step.columns())
    return replace(step, assumed=(*step.assumed, *notes)) if notes else step
