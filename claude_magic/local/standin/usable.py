"""The columns of a clause by what they can be used for: measured, grouped by, time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_magic.local.standin.columns import core, listed, stems
from claude_magic.local.standin.phrases import BY, VALUE, Clause, X
from claude_magic.local.standin.table import BOOL, EMPTY, NUMBER, OTHER, TIME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claude_magic.local.standin.table import Table

_ADDITIVE = frozenset(
    listed(
        "sale revenue amount quantity order unit cost total visitor passenger count profit sold income spend expense "
        "volume turnover click visit rainfall precipitation death birth case ride trip "
    )
)
CALENDAR = frozenset(listed("year month day week date time quarter hour minute season period timestamp "))


def measured(clause: Clause, table: Table) -> tuple[str, ...]:
    """The named columns that can be measured."""
    return tuple(c for c in clause.role(VALUE, X) if table.kind(c) in {NUMBER, BOOL, OTHER, EMPTY})


def grouping(clause: Clause, table: Table) -> tuple[str, ...]:
    """The named columns that make groups: by their role, or because they hold categories."""
    by = list(clause.role(BY))
    by += [c for c in clause.role(VALUE, X) if table[c].groups and table.kind(c) != BOOL and c not in by]
    return tuple(by)


def numbers_of(names: Iterable[str], table: Table) -> tuple[str, ...]:
    """Those of the names whose columns hold numbers, or may."""
    return tuple(n for n in names if table.kind(n) in {NUMBER, OTHER, EMPTY})


def time_axis(clause: Clause, table: Table) -> str:
    """The column time runs along: a named one, else the table's first, else one called year, month…; or empty."""
    for candidates in (clause.role(X, BY, VALUE), [c.name for c in table.columns]):
        found = [c for c in candidates if table.kind(c) == TIME] or [
            c for c in candidates if table.kind(c) == NUMBER and _calendar(c)
        ]
        if found:
            return found[0]
    return ""


def _calendar(column: str) -> bool:
    """Whether numbers of that name are points in time: a `year` is, `delivery_days` are a duration."""
    return bool(CALENDAR & set(stems(column)[-1:])) and not column.strip("_ )").casefold().endswith("s")


def natural(column: str) -> tuple[str, ...]:
    """How values of one period are put together when nobody says: amounts add up, measurements are averaged."""
    return ("sum",) if _ADDITIVE & set(core(stems(column))[-1:]) else ("mean",)
