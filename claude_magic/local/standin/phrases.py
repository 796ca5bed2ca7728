"""One clause of a prompt taken apart: which columns it names in which role, aggregations, a number, a frequency.

A role comes from the words before a column ("by", "per", "coloured by", "versus", "over"); columns joined by "and" or
a comma share one. `clauses` cuts a prompt where a new request begins, and not inside "mean and median". All pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from claude_magic.local.standin.columns import listed, stems
from claude_magic.local.standin.conditions import conditions
from claude_magic.local.standin.everyday import adjectives, meant_for, mentions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_magic.local.standin.columns import Mention, Names
    from claude_magic.local.standin.plan import Filter
    from claude_magic.local.standin.table import Table

VALUE, BY, COLOUR, X = "value", "by", "colour", "x"

_I = re.IGNORECASE
_ROLES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (COLOUR, re.compile(r"(colou?r(ed|s|ing)?|hued?|shaded|tinted|painted|highlighted)\b[\w\s]{0,24}$", _I)),
    (
        BY,
        re.compile(
            r"\b(which|each|every|per|(group|split|separat|facet|break|broken|sort)\w*( \w+)? by)(\s+\w+)?\s*$", _I
        ),
    ),
    (
        X,
        re.compile(
            r"\b(vs\.?|versus|against|as a function of|on the x.?axis|depend\w* on|plotted over|from|with|and)\s+"
            r"(the\s+)?$",
            _I,
        ),
    ),
    (X, re.compile(r"\b(over|through|along)\s+(the\s+)?$", _I)),
    (BY, re.compile(r"\b(by|across|among|amongst|within|for|in|on|of different|between)\s+(the\s+)?(\w+\s+)?$", _I)),
)
_STRONG_BY = re.compile(r"\b(by|across|among|amongst|each|every|per|within|which)\b[^,;]*$", _I)
_JOINED = re.compile(r"\s*(,|and|&|\+|or|,\s*and|as well as|/)\s*(the\s+|their\s+)?", _I)

AGGREGATIONS: tuple[tuple[str, str], ...] = (
    ("mean", r"mean|means|averages?|avg\.?|on average|typical"),
    ("median", r"medians?"),
    ("sum", r"sums?|totals?|overall amount|altogether"),
    ("std", r"standard deviations?|std\.?|stdev|variability"),
    ("min", r"minimum|minima|min"),
    ("max", r"maximum|maxima|max"),
    ("nunique", r"distinct|unique|how many different"),
    ("share", r"shares?|percent(?:age)?s?|per cent|proportions?|fractions?"),
    (
        "count",
        r"counts?|counted|numbers? of|how (?:many|often)|frequenc(?:y|ies)|occurrences?|most (?:common|frequent)",
    ),
)
_AGGREGATIONS = tuple((name, re.compile(rf"(?<!\w)({words})(?!\w)", _I)) for name, words in AGGREGATIONS)

_FREQUENCIES = tuple(
    (
        alias,
        re.compile(
            rf"\b({word}|(by|per|each|every|over the|across( the)?|for each|which|what|best|worst|busiest)\s+"
            rf"({unit})s?)\b",
            _I,
        ),
    )
    for alias, word, unit in (
        ("h", "hourly", "hour"),
        ("D", "daily|day by day", "day"),
        ("W", "weekly|week by week", "week"),
        ("MS", "monthly|month by month", "month"),
        ("QS", "quarterly|quarter by quarter", "quarter"),
        ("YS", "yearly|annual(ly)?|year by year|year on year", "year"),
    )
)
_NUMBERS = {w: i for i, w in enumerate(listed("one two three four five six seven eight nine ten eleven twelve "), 1)}
_NUMBERS |= {"fifteen": 15, "twenty": 20, "fifty": 50, "a dozen": 12}
_COUNT = r"(\d{1,4}|" + "|".join(_NUMBERS) + ")"
_EXTREME = (
    r"largest|biggest|highest|greatest|heaviest|longest|tallest|oldest|newest|latest|best|most \w+|maximum|"
    r"smallest|lowest|earliest|worst|least|fewest|" + adjectives(2)
)
_SMALL = re.compile(
    r"\b(bottom|smallest|lowest|lightest|shortest|youngest|earliest|worst|least|fewest|cheapest|ascending|minimum)\b",
    _I,
)
_HOW_MANY = re.compile(
    rf"\b(?:top|bottom|first|last)[\s-]+(?:the\s+)?{_COUNT}\b|"
    rf"\b{_COUNT}\s+(?:rows? )?(?:of the\s+)?(?:the\s+)?(?:{_EXTREME})\b"
    # "the 7 orders with the highest …", "which 5 stores have the lowest …"; a year is no number of things.
    rf"|\b(?!(?:19|20)\d\d\b){_COUNT}\s+(?:\w+\s+){{1,3}}(?:with|of|have|has|had|having|are|were)\s+"
    rf"(?:the\s+)?(?:{_EXTREME})\b"
    rf"|\b(?:{_EXTREME})\s+{_COUNT}\b|\b{_COUNT}\s+(?:random\s+)?rows\b|\b(?:head|sample)\s+(?:of\s+)?{_COUNT}\b",
    _I,
)
_RELATIVE = re.compile(
    r"\b(?:(?:in|during|over|for|since) )?(?:the )?(?:(?:last|past|previous|this|current) (?:\w+ )?"
    r"(?:years?|months?|weeks?|quarters?|days?|summer|winter|spring|autumn)|yesterday|today|recently|lately|so far)\b",
    _I,
)
"""Times that depend on when the question is asked; no date of the table says which are meant."""
_THAN_REST = re.compile(rf"\s*(?:are|is|were|was)\b.*\b(?:{adjectives(1)}|(?:more|less) (?:{adjectives(0)}))\W*$", _I)
"""A group against the others that are not named: "are females lighter?"."""
EXTREME = re.compile(rf"\b({_EXTREME})\b", _I)

# What begins a request of its own, so that "… and a bar chart of …" is cut and "… and island" is not.
_BEGINS = (
    r"(?:(?:then|also|next|finally|please|can you|could you|show(?: me)?|draw|plot|make|create|give(?: me)?|add|do|run|"
    r"compute|"
    r"calculate|list|find|me|with|a|an|the|its|another|simple|by)\s+)*"
    r"(?:histograms?|bar[\s-]?(?:chart|plot|graph)s?|bars\b|scatter|line[\s-]?(?:chart|plot|graph)|"
    r"box[\s-]?plots?|heat[\s-]?maps?|"
    r"correlations?|pivot|cross[\s-]?tab|outliers?|missing|describe|summar|regress|regression|distributions?|top\s+\w+|"
    r"bottom\s+\w+|largest|smallest|how\s|which\s|what\s|compare\b|trend|pie|fit\s|detect\s|relationship|group\s"
    "{aggregations})"
)
_AGG_BEGINS = "|" + "|".join(rf"(?:{words})\b" for _, words in AGGREGATIONS)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+|;")
_BULLET = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.)])\s+")
_AND = (
    r"\s*(?:,\s*(?:and\s+|then\s+)?|\band\s+(?:then\s+)?|\bthen\s+|\bplus\s+|\bas well as\s+|\bfollowed by\s+|"
    r"\balong with\s+)"
)
_CUT_CHART = re.compile(_AND + rf"(?={_BEGINS.replace('{aggregations}', '')})", _I)
_CUT_ANY = re.compile(_AND + rf"(?={_BEGINS.replace('{aggregations}', _AGG_BEGINS)})", _I)
_AGG_WORD = re.compile("|".join(rf"\b(?:{words})\b" for _, words in AGGREGATIONS), _I)


@dataclass(frozen=True, slots=True)
class Named:
    """A column in its role; `options` are all columns that the words fit."""

    column: str
    role: str
    options: tuple[str, ...] = ()
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause, taken apart.

    `notes` say what a column was taken for (column, words), `left` are words that were not read, `focus` is the value
    whose share is asked for.
    """

    text: str
    named: tuple[Named, ...] = ()
    aggs: tuple[str, ...] = ()
    n: int = 0
    ascending: bool = False
    freq: str = ""
    filters: tuple[Filter, ...] = field(default=())
    notes: tuple[tuple[str, str], ...] = ()
    left: tuple[str, ...] = ()
    focus: str = ""

    def role(self, *roles: str) -> tuple[str, ...]:
        """The columns in any of `roles`, once each, in order."""
        return tuple(dict.fromkeys(n.column for n in self.named if n.role in roles))


def clauses(prompt: str) -> list[str]:
    """The prompt cut into requests."""
    found: list[str] = []
    for sentence in _SENTENCE.split(prompt):
        text = _BULLET.sub("", sentence).strip()
        if text:
            # "mean and median mass" is one request, "histogram of … and the mean mass by …" are two.
            found += _cut(text)
    return found


def _cut(text: str) -> list[str]:
    parts = [p.strip() for p in _CUT_CHART.split(text)]
    parts = [p for p in parts if p]
    out: list[str] = []
    for part in parts:
        head = _CUT_ANY.split(part)
        if (
            len(head) > 1
            and not _AGG_WORD.search(head[0])
            and re.search(_BEGINS.replace("{aggregations}", ""), head[0], _I)
        ):
            out += [h.strip() for h in head if h.strip()]
        else:
            out.append(part)
    return out


def take_apart(text: str, names: Names, table: Table) -> Clause:
    """Everything of a clause that a request can be built from."""
    filters, rest = conditions(text, names, table)
    left = tuple(m.group().strip() for m in _RELATIVE.finditer(rest))
    rest = _RELATIVE.sub(lambda m: " " * len(m.group()), rest)
    found, used = mentions(rest, names, table)
    aggs = _aggregations(rest, names)
    named = tuple(_roles(rest, found, {m.start for m in used}, table))
    one_of = "share" in aggs or (_THAN_REST.match(text) and not any(n.role == BY for n in named))
    column, focus = _asked_about(text, filters) if one_of else ("", "")
    return Clause(
        text=text,
        named=(*named, Named(column, BY)) if column else named,
        aggs=aggs,
        n=_how_many(text),
        ascending=bool(_SMALL.search(text)) or any(m.small for m in used),
        freq=next((alias for alias, pattern in _FREQUENCIES if pattern.search(text)), ""),
        filters=tuple(f for f in filters if f.column != column),
        notes=tuple(meant_for(m) for m in used if m.said),
        left=left,
        focus=focus,
    )


def _asked_about(text: str, filters: Sequence[Filter]) -> tuple[str, str]:
    """Column and value of "what share is female": no condition, but a group among others; two empty texts if none."""
    low = text.casefold()
    asked = [f for f in filters if f.op == "==" and len(f.values) == 1 and isinstance(f.values[0], str)]
    last = max(asked, key=lambda f: low.rfind(str(f.values[0]).casefold()), default=None)
    return (last.column, str(last.values[0])) if last else ("", "")


def _aggregations(text: str, names: Names) -> tuple[str, ...]:
    """Aggregations in the order of the text; a word that names a column ("number of `count`") is none."""
    taken = names.find(text)
    found = []
    for name, pattern in _AGGREGATIONS:
        for match in pattern.finditer(text):
            if not any(m.start < match.end() and match.start() < m.end for m in taken):
                found.append((match.start(), name))
                break
    return tuple(name for _, name in sorted(found))


def _how_many(text: str) -> int:
    match = _HOW_MANY.search(text)
    word = next((g for g in match.groups() if g), "") if match else ""
    return int(word) if word.isdigit() else _NUMBERS.get(word.casefold(), 0)


def _roles(text: str, mentions: Sequence[Mention], everyday: set[int], table: Table) -> list[Named]:
    found: list[Named] = []
    end = 0
    for mention in mentions:
        gap = text[end : mention.start]
        column, sure = _choose(mention.columns, found)
        if found and _JOINED.fullmatch(gap) and not _turns(found[-1], table, column, gap):
            role = found[-1].role
        else:
            role = _role(gap, text[mention.end :], table.kind(column), first=not found)
            role = VALUE if mention.start in everyday else role  # "which product sells" is not by sales
        found.append(Named(column, role, mention.columns, sure))
        end = mention.end
    return found


def _choose(columns: tuple[str, ...], found: list[Named]) -> tuple[str, bool]:
    """One of several columns that fit: the first not yet named ("bill length and depth")."""
    if len(columns) == 1:
        return columns[0], True
    taken = {n.column for n in found}
    # "bill length and depth": the word fits several; the one that shares a word with the column before is meant.
    if found:
        last = set(stems(found[-1].column))
        close = [c for c in columns if c not in taken and last & set(stems(c))]
        if close:
            close.sort(key=lambda c: -len(last & set(stems(c))))
            return close[0], len(close) == 1
    return next((c for c in columns if c not in taken), columns[0]), False


def _turns(before: Named, table: Table, column: str, gap: str) -> bool:
    """Whether "and" joins unlike things: "mass and species" after "by" is two groups, after a value it is not."""
    return "," in gap and before.role != VALUE and table.kind(before.column) != table.kind(column)


def _role(gap: str, tail: str, kind: str, *, first: bool) -> str:
    if re.match(r"\s*(on|as|along) the x.?axis", tail, _I):
        return X
    if re.match(r"\s*(as|for|in|by)?\s*(the\s+)?(colou?rs?|hue)\b(?!\s*(it\s+|them\s+)?(by|with|for|each))", tail, _I):
        return COLOUR
    for role, pattern in _ROLES:
        if not pattern.search(gap):
            continue
        if role == X and first and not re.search(r"over|through|along", gap[-12:], _I):
            return VALUE
        if role == BY and kind in {"number", "time"} and not _STRONG_BY.search(gap):
            return VALUE
        return role
    return BY if kind in {"category", "text", "bool"} and not first and _STRONG_BY.search(gap) else VALUE
