"""Everyday words for measures: "heaviest" is about a mass, "how expensive" about a price, "sells" about sales.

A family is one row of `FAMILIES`. Its words stand for the numeric columns whose names hold one of its nouns, the
earlier nouns before the later. Words that are vague ("biggest", "best") count only where a clause names no number
itself, and the answer says what they were taken for. All pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from claude_magic.local.standin.columns import Mention, core, listed, stem, stems
from claude_magic.local.standin.table import TIME

if TYPE_CHECKING:
    from claude_magic.local.standin.columns import Names
    from claude_magic.local.standin.table import Column, Table

_VOWELS = "aeiou"


@dataclass(frozen=True, slots=True)
class Family:
    """Words of one measure.

    Attributes:
        more: adjectives for much of it.
        less: adjectives for little of it.
        nouns: words of column names, likeliest first; after "-" a small number is much ("fast" with a time).
        words: verbs and nouns for it, as they are written.
        vague: fits many measures, so that it is only taken when no number is named.

    """

    more: str
    less: str
    nouns: str
    words: str = ""
    vague: bool = False


FAMILIES: tuple[Family, ...] = (
    Family("heavy", "light", "mass weight", "weigh weighs weighed weighing"),
    Family("long", "short", "length duration distance"),
    Family("tall", "", "height stature"),
    Family("old", "young", "age"),
    Family("deep", "shallow", "depth"),
    Family("wide broad", "narrow", "width breadth"),
    Family("thick", "thin", "thickness diameter"),
    Family("expensive costly pricey", "cheap inexpensive", "price cost fare fee rent",
           "cost costs costing costed priced affordable"),
    Family("fast quick", "slow", "speed velocity pace mph -duration -time -second"),
    Family("hot warm", "cold cool", "temperature temp"),
    Family("wet rainy", "dry", "rainfall precipitation rain humidity"),
    Family("rich wealthy", "poor", "income wealth salary gdp"),
    Family("strong", "weak", "strength force power alcohol"),
    Family("far distant", "near close", "distance"),
    Family("bright", "dark dim", "brightness luminosity intensity"),
    Family("loud noisy", "quiet", "loudness volume noise"),
    Family("profitable lucrative", "unprofitable", "profit margin"),
    Family("popular", "unpopular", "popularity rating vote download view"),
    Family("crowded populous", "", "population density"),
    Family("", "", "sale revenue turnover amount total quantity",
           "sell sells sold selling sales revenue turnover money earn earns earned earnings spend spends spent bought"),
    Family("big large", "small little tiny", "size mass weight area volume population length", vague=True),
    Family("", "", "score rating grade sale revenue turnover profit amount quantity", "best worst better worse",
           vague=True),
)  # fmt: skip
"""Everyday words -> words of column names."""

MONEY = FAMILIES[-3]
"""What customers, products and shops are ranked by when nothing is said."""

_LESS = frozenset({"worst", "worse"})
_NOT_AFTER = r"(?<!as )(?<!so )(?<!no )"  # "as long as", "so far", "no longer": no measure
_NOT_BEFORE = r"(?![\s-](?:fit|charts?|plots?|graphs?|figures?|fonts?|texts?|pictures?|bars?|points?|labels?))"
_ASKED = re.compile(
    r"\b(how|more|most|less|least)( very| really)?\s+$|^\s*(do|does|did|are|is|were|was)\b", re.IGNORECASE
)
"""Where a plain adjective is about a measure: "how short", not "a short summary"."""


def _forms(adjective: str) -> tuple[str, ...]:
    """An adjective, its comparative and its superlative as one word: "big", "bigger", "biggest"."""
    if adjective.endswith("y"):
        return adjective, adjective[:-1] + "ier", adjective[:-1] + "iest"
    if adjective.endswith("e"):
        return adjective, adjective + "r", adjective + "st"
    short = len(adjective) <= 4 and adjective[-1] in "gntdm" and adjective[-2] in _VOWELS  # noqa: PLR2004 - big, thin
    twice = adjective[-1] if short and (len(adjective) < 3 or adjective[-3] not in _VOWELS) else ""  # noqa: PLR2004
    return adjective, f"{adjective}{twice}er", f"{adjective}{twice}est"


@cache
def _known() -> dict[str, tuple[Family, bool, int]]:
    """Word -> its family, whether it means little, and its degree (0 plain, 1 comparative, 2 superlative)."""
    known: dict[str, tuple[Family, bool, int]] = {}
    for family in FAMILIES:
        for less, words in ((False, family.more), (True, family.less)):
            for adjective in words.split():
                known |= {form: (family, less, degree) for degree, form in enumerate(_forms(adjective))}
        known |= {w: (family, w in _LESS, 0) for w in family.words.split()}
    return known


@cache
def adjectives(*degrees: int) -> str:
    """A regular expression for all adjectives in these degrees (0 plain, 1 comparative, 2 superlative)."""
    words = sorted((w for w, (_, _, d) in _known().items() if d in degrees), key=len, reverse=True)
    return "|".join(words)


@dataclass(frozen=True, slots=True)
class Meaning:
    """An everyday word in a sentence: the columns it fits, and whether small numbers are meant by it."""

    start: int
    end: int
    word: str
    columns: tuple[str, ...]
    small: bool
    vague: bool
    wide: bool = False

    @property
    def said(self) -> bool:
        """Whether the answer must say what the word was taken for: it might have been something else."""
        return self.vague or len(self.columns) > 1 or (self.wide and "sale" not in stems(self.columns[0]))


def meanings(text: str, table: Table) -> list[Meaning]:
    """The everyday words of `text`, also those that fit no column of `table`."""
    found = []
    for match in re.finditer(rf"\b{_NOT_AFTER}({adjectives(0, 1, 2)})\b{_NOT_BEFORE}", text, re.IGNORECASE):
        word = match[1].casefold()
        family, less, degree = _known()[word]
        if not degree and word not in family.words.split() and not _ASKED.search(text[: match.start()]):
            continue
        columns, turned = fitting(family, table)
        least = bool(re.search(r"\b(least|less)\s+$", text[: match.start()], re.IGNORECASE))
        small = (less != turned) != least
        found.append(Meaning(*match.span(), match[1], columns, small, family.vague, family is MONEY))
    return found


def fitting(family: Family, table: Table) -> tuple[tuple[str, ...], bool]:
    """The numeric columns of the family's likeliest noun that any has, and whether little of it is much."""
    for noun in family.nouns.split():
        bare = noun.removeprefix("-")
        fits = [c.name for c in table.columns if c.numeric and not c.identifier and bare in stems(c.name)]
        # A column that is called so and nothing else is meant before one that has a word of it.
        whole = [n for n in fits if "".join(core(stems(n))) == bare]
        if fits:
            return tuple(whole or fits), noun != bare
    return (), False


def meant(word: str, table: Table) -> tuple[str, str]:
    """The comparison and the column of "heavier" or "more expensive"; two empty texts when no single one fits."""
    found = [m for m in meanings(word, table) if not m.vague]
    if len(found) != 1 or len(found[0].columns) != 1:
        return "", ""
    return ("<" if found[0].small else ">"), found[0].columns[0]


def mentions(text: str, names: Names, table: Table) -> tuple[list[Mention], list[Meaning]]:
    """The columns that `text` names, by name or by an everyday word, and the words that were taken for one.

    "Longer flippers" is one column; "how long are the bills" picks the length of several columns of bills.
    """
    found = [f for f in names.find(text) if not _thing(text[f.start : f.end], f, table)]
    used: list[Meaning] = []
    said = any(table[f.columns[0]].numeric for f in found)  # "which shop sells the most units" is about units alone
    words = [m for m in meanings(text, table) if not any(f.start < m.end and m.start < f.end for f in found)]
    for meaning in sorted(words, key=lambda m: m.vague):
        near = sorted(found, key=lambda f: min(abs(f.start - meaning.end), abs(f.end - meaning.start)))
        shared = next((f for f in near if set(f.columns) & set(meaning.columns)), None)
        if shared is not None:
            fits = tuple(c for c in shared.columns if c in meaning.columns)
            found[found.index(shared)] = replace(shared, columns=fits)
            used += [] if meaning.vague else [replace(meaning, columns=fits)]
            continue
        numeric = [f.start for f in found if table[f.columns[0]].numeric]
        # "Do bigger penguins have deeper bills" is about two numbers, "the biggest bill depth" about one.
        paired = numeric and meaning.start < numeric[0] and _PAIRED.match(text)
        named = meaning.vague and ((numeric and not paired) or _COUNTED.search(text))
        if meaning.columns and not named and not (meaning.wide and said):
            found.append(Mention(meaning.start, meaning.end, meaning.columns))
            used.append(meaning)
    return sorted(found, key=lambda f: f.start), used


def _thing(words: str, mention: Mention, table: Table) -> bool:
    """Whether words name the things of the table, not a column.

    So do "orders" where there is an `order_date`, and "wines" where there is an `od280_of_diluted_wines`.
    """
    said = stems(words)
    return not mention.quoted and all(_owner(said, stems(c), table[c]) for c in mention.columns)


def _owner(said: list[str], name: list[str], column: Column) -> bool:
    of = name.index("of") if "of" in name else len(name)
    # In "number of rooms" and "date of birth" the last word is what is measured.
    if len(said) == 1 and name[0] not in {"number", "count", "num", "no"} and len(name) > of + 2:
        return said[0] == name[-1]
    return (column.kind == TIME or column.identifier) and bool(_ENDS & set(name[-1:])) and name[-1] not in said


_ENDS = frozenset({"date", "time", "day", "timestamp", "datetime", "id", "key", "no", "number"})


def meant_for(meaning: Meaning) -> tuple[str, str]:
    """The column that a word was taken for, and the words that say so."""
    others = f", though it fits {' and '.join(meaning.columns[1:4])} as well" if len(meaning.columns) > 1 else ""
    return meaning.columns[0], f"“{meaning.word}” taken as {meaning.columns[0]}{others}"


_PAIRED = re.compile(r"\s*(do|does|did|are|is) (the )?\w+(er|re|se)?\b", re.IGNORECASE)
_COUNTED = re.compile(
    r"\b(numbers?|counts?|how (many|often)|common|frequent|groups?|categor\w+|shares?)\b", re.IGNORECASE
)

_COMMON_WORDS = frozenset(
    stem(w)
    for w in listed(
        "a about after again all also am an and any anything are as at bar be been being best bit both but by can "
        "chart closely closest colored coloured colour column compute could data dataset did differ difference "
        "display do does draw each else every everything figure file find for from generally get give go graph had "
        "has have here how i if in into is it its just kind let like look make many may me mean measure more most "
        "much my need no normal normally not nothing now of off often on one only or other our out over overall "
        "part per picture please plot really row same say see seem set shape should show so some something spread "
        "strongly table tell than that the their them then there these they thing this those to together too two "
        "type typical typically under up us use usually value various vary varies very want was we were what whats "
        "when where whether which who whose why will with within would you your "
    )
)


def strange(text: str, names: Names) -> list[tuple[str, int]]:
    """The words of `text` that are no column, no everyday word and no word of requests, each with its place."""
    taken = [(m.start, m.end) for m in names.find(text)]
    return [
        (m.group(), m.start())
        for m in re.finditer(r"[^\W\d_]{2,}", text)
        if stem(m.group()) not in _COMMON_WORDS
        and m.group().casefold() not in _known()
        and not any(a <= m.start() < b for a, b in taken)
    ]
