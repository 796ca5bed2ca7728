"""Figures and names as Markdown: rounded for reading, escaped because names and values are anybody's."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from claude_magic.errors import one_line
from claude_magic.local.standin.columns import stems

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPECIAL = re.compile(r"([\\`*\[\]<>|$~&#!]|(?<!\w)_|_(?!\w))")
_SAFE_NAME = re.compile(r"[^`|<>\\]{1,60}")
_LONGEST = 60
_FORMS = ((1e15, ".3e"), (10_000, ",.0f"), (100, ",.1f"), (1, ".2f"), (0.001, ".3g"))
_PLAIN = frozenset({"year", "id", "code", "zip", "postcode", "no"})
DASH = "\u2013"
"""What stands for a missing figure."""
_FIGURE = re.compile(rf"[-\d.,e+∞{DASH}]+")
_MISSING = {"nan", "NaN", "None", "NaT", "<NA>"}


def md(text: object, longest: int = _LONGEST) -> str:
    """Any text as one line of Markdown that shows itself and does nothing else."""
    line = one_line(text)
    line = line if len(line) <= longest else line[: longest - 1] + "…"
    return _SPECIAL.sub(r"\\\1", line)


def code(name: object) -> str:
    """A column or file name, as a code span when nothing in it could end one."""
    line = one_line(name)
    return f"`{line}`" if _SAFE_NAME.fullmatch(line) and line.strip() else md(name)


def names(columns: Sequence[str]) -> str:
    """Several names: "`a`, `b` and `c`"."""
    shown = [code(c) for c in columns]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def missing(value: Any) -> bool:
    """Whether a figure is none."""
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or (isinstance(value, str) and value in _MISSING)
    )


def number(value: Any) -> str:
    """A figure for reading: thousands separated, three to five significant digits."""
    if missing(value):
        return DASH
    if not _number(value):
        return moment(value)
    if isinstance(value, int):
        return f"{value:,}"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = abs(value)
    if value == int(value) and size < 1e15:  # noqa: PLR2004 - beyond it a float's last digits are not its own
        return f"{int(value):,}"
    return format(value, next((form for least, form in _FORMS if size >= least), ".2e"))


def moment(value: Any) -> str:
    """A point in time without an empty time of day, or any other value as text."""
    return md(re.sub(r"[ T]00:00:00(\.0+)?(?:[+-]\d\d:\d\d|Z)?$", "", str(value)))


def two(value: float) -> str:
    """Two decimals, and no minus before zero."""
    return f"{round(value, 2) + 0.0:.2f}"


def p_value(p: Any) -> str:
    """A p-value as usual in print."""
    if missing(p):
        return "p is not defined"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"  # noqa: PLR2004 - the usual least value


def count(n: Any, word: str) -> str:
    """A count with its noun: "1 row", "344 rows"."""
    return f"{number(n)} {word}" + ("" if n == 1 else "s")


def cell(value: Any, name: str = "") -> str:
    """A group's name or any value of a table; years and codes, known by their column's name, stay without commas."""
    if isinstance(value, list | tuple):
        return ", ".join(cell(v) for v in value)
    if missing(value):
        return DASH
    if not _number(value):
        return moment(value)
    whole = (
        isinstance(value, int) or value == int(value) if not isinstance(value, float) or math.isfinite(value) else False
    )
    return str(int(value)) if whole and stems(name)[-1:] and stems(name)[-1] in _PLAIN else number(value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def table(
    header: Sequence[str], rows: Sequence[Sequence[Any]], most: int = 12, *, alike: bool = True, named: bool = False
) -> str:
    """A Markdown table of at most `most` rows; says how many are left out.

    Args:
        header: column headings, as Markdown.
        rows: the values.
        most: rows to show.
        alike: the figures of a column measure one thing and get the same number of decimals.
        named: the first column holds names of columns.

    """
    if not rows:
        return ""
    shown = rows[:most]
    columns = [_column([row[i] for row in shown], name, alike=alike) for i, name in enumerate(header)]
    if named:
        columns[0] = [names(row[0]) if isinstance(row[0], list) else code(row[0]) for row in shown]
    rule = "".join(" ---: |" if i and all(map(_FIGURE.fullmatch, c)) else " --- |" for i, c in enumerate(columns))
    body = ("| " + " | ".join(cells) + " |" for cells in (header, *zip(*columns, strict=True)))
    lines = [next(body), "|" + rule, *body]
    more = f"\n\n… and {len(rows) - most:,} more." if len(rows) > most else ""
    return "\n".join(lines) + more


def _column(values: Sequence[Any], name: str, *, alike: bool) -> list[str]:
    plain = name.strip("`")
    numbers = [v for v in values if _number(v) and math.isfinite(v)]
    whole = all(isinstance(v, int) or v == int(v) for v in numbers)
    if not alike or whole or not numbers or max(map(abs, numbers)) < 1:
        return [cell(v, plain) for v in values]
    size = max(map(abs, numbers))
    form = next((form for least, form in _FORMS if size >= least), ".3g")
    return [format(float(v), form) if _number(v) and math.isfinite(v) else cell(v, plain) for v in values]
