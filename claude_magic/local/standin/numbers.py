"""Figures and names as Markdown: rounded for reading, escaped because names and values are anybody's."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from claude_magic.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPECIAL = re.compile(r"([\\`*\[\]<>|$~&#!]|(?<!\w)_|_(?!\w))")
_SAFE_NAME = re.compile(r"[\w .,:%/()+\-]{1,60}")
_LONGEST = 60
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
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return moment(value)
    if isinstance(value, int):
        return f"{value:,}"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = abs(value)
    if value == int(value) and size < 1e15:  # noqa: PLR2004 - beyond it a float's last digits are not its own
        return f"{int(value):,}"
    for least, form in ((1e15, ".3e"), (10_000, ",.0f"), (1000, ",.1f"), (100, ".1f"), (1, ".2f"), (0.001, ".3g")):
        if size >= least:
            return format(value, form)
    return f"{value:.2e}"


def moment(value: Any) -> str:
    """A point in time without an empty time of day, or any other value as text."""
    return md(re.sub(r"[ T]00:00:00(\.0+)?(?:\+00:00|Z)?$", "", str(value)))


def p_value(p: Any) -> str:
    """A p-value as usual in print."""
    if missing(p):
        return "p is not defined"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"  # noqa: PLR2004 - the usual least value


def count(n: Any, word: str) -> str:
    """A count with its noun: "1 row", "344 rows"."""
    return f"{number(n)} {word}" + ("" if n == 1 else "s")


def cell(value: Any) -> str:
    """A group's name or any value of a table."""
    if isinstance(value, list | tuple):
        return ", ".join(cell(v) for v in value)
    return (
        number(value)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else "–"
        if missing(value)
        else moment(value)
    )


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], most: int = 12) -> str:
    """A Markdown table of at most `most` rows; says how many are left out."""
    if not rows:
        return ""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" + " ---: |" * (len(header) - 1)]
    lines += ["| " + " | ".join(cell(v) for v in row) + " |" for row in rows[:most]]
    more = f"\n\n… and {len(rows) - most:,} more." if len(rows) > most else ""
    return "\n".join(lines) + more
