"""Which rows a clause is about: "mass > 4000", `species is "Gentoo"`, "in 2008", "Adelie penguins"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_magic.local.standin.columns import stem, stems
from claude_magic.local.standin.everyday import meant, mentions
from claude_magic.local.standin.plan import Filter

if TYPE_CHECKING:
    from claude_magic.local.standin.columns import Names
    from claude_magic.local.standin.table import Column, Table

_I = re.IGNORECASE
_OPERATORS: tuple[tuple[str, str], ...] = (
    (">=", r">=|≥|at least|no less than"),
    ("<=", r"<=|≤|at most|no more than|up to"),
    ("!=", r"!=|≠|<>|not equal to|is not|isn't|not"),
    (">", r">|above|over|greater than|more than|larger than|bigger than|higher than|exceed(?:s|ing)?|after"),
    ("<", r"<|below|under|less than|smaller than|lower than|fewer than|before"),
    ("==", r"==|=|equals?(?: to)?|is|are|:"),
)
_VALUE = r"(?P<value>-?\d+(?:[.,]\d+)*(?![\w-])|\"[^\"]+\"|'[^']+'|“[^”]+”|`[^`]+`)"
_CONDITIONS = tuple(
    (op, re.compile(rf"\s*(?:(?:that )?(?:is|are|was)\s+)?(?:{words})\s*{_VALUE}", _I)) for op, words in _OPERATORS
)
CONDITIONAL = re.compile(
    r"\bwhere(?! (?:do|does|did|are|is|was|were|can)\b)"
    r"|\b(whose|only|excluding|except|without|ignor\w+|filter\w*|restrict\w*|having)\b|[<>≥≤]|=="
    r"|\bin (19|20)\d\d\b|\b\w+(?:er|re|ss) than\b"
    r"|\b(above|below|under|more than|less than|at least|at most|between)\s+-?\d",
    _I,
)


def conditions(text: str, names: Names, table: Table) -> tuple[list[Filter], str]:
    """Which rows a clause is about, and the clause without the words that say so.

    Read are comparisons with a number or a quoted text ("mass > 4000", `species is "Gentoo"`), and values of a
    column that are known from the file ("Adelie penguins").
    """
    found: list[Filter] = []
    cuts: list[tuple[int, int]] = []
    for mention in mentions(text, names, table)[0]:
        for op, pattern in _CONDITIONS:
            match = pattern.match(text, mention.end)
            if match:
                found.append(Filter(mention.columns[0], op, (_literal(match["value"]),)))
                cuts.append((mention.start, match.end()))
                break
    for match in _YEAR.finditer(text):
        column = next((c for c in table.columns if _is_year(c)), None)
        if column is not None and not any(a < match.end() and match.start() < b for a, b in cuts):
            found.append(Filter(column.name, "year" if column.kind == "time" else "==", (int(match[1] or match[2]),)))
            cuts.append(match.span())
    for match in _MORE.finditer(text):
        op, name = meant(match["word"], table)
        if name and not any(a < match.end() and match.start() < b for a, b in cuts):
            found.append(Filter(name, op, (_literal(match["number"]),)))
            cuts.append(match.span())
    known, more = _known_values(text, names, table, cuts)
    rest = text
    for start, end in sorted(cuts + more, reverse=True):
        rest = rest[:start] + " " * (end - start) + rest[end:]
    return found + known, rest


_YEAR = re.compile(
    r"\b(?:in|during|for|from|of|only) (?:the year )?((?:19|20)\d\d)\b(?!\s*(?:rows|-|to\b))|\b((?:19|20)\d\d) only\b",
    _I,
)
_MORE = re.compile(r"\b(?P<word>\w+er|(?:more|less) \w+) than\s+(?P<number>-?\d[\d,]*(?:\.\d+)?)", _I)


def _is_year(column: Column) -> bool:
    return column.kind == "time" or (column.kind == "number" and stems(column.name)[-1:] == ["year"])


def _literal(raw: str) -> str | float:
    if raw[0] in "\"'“`":
        return raw[1:-1]
    plain = raw.replace(",", "")
    return float(plain) if "." in plain else int(plain)


def _known_values(
    text: str, names: Names, table: Table, taken: list[tuple[int, int]]
) -> tuple[list[Filter], list[tuple[int, int]]]:
    blocked = taken + [(m.start, m.end) for m in names.find(text)]
    words = [(m.start(), m.end(), stem(m.group())) for m in re.finditer(r"[^\W_]+", text)]
    kept: dict[str, list[str]] = {}
    cuts: list[tuple[int, int]] = []
    for column in table.columns:
        for value in column.values if column.groups else ():
            key = stems(value)
            at = _run(words, key, blocked + cuts) if sum(map(len, key)) > 2 else None  # noqa: PLR2004 - "no", "a"
            if at is not None:
                kept.setdefault(column.name, []).append(value)
                cuts.append(at)
    return [Filter(c, "==", tuple(v)) for c, v in kept.items()], cuts


def _run(words: list[tuple[int, int, str]], key: list[str], blocked: list[tuple[int, int]]) -> tuple[int, int] | None:
    for i in range(len(words) - len(key) + 1):
        run = words[i : i + len(key)]
        if [w for _, _, w in run] == key:
            start, end = run[0][0], run[-1][1]
            if not any(a < end and start < b for a, b in blocked):
                return start, end
    return None
