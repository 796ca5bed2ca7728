"""Which columns a sentence names: "bill length" is `bill_length_mm`, "the islands" is `island`.

A name is broken into words, words into stems (plural and British spelling out), units dropped from its end. Every
run of a name's stems, joined, is an alias of it with a weight; the sentence is read left to right and the longest
alias wins. What stands in quotes or backticks is taken as it is. All pure.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def listed(text: str) -> list[str]:
    """The words of a list written as one text."""
    return text.split()


UNITS = frozenset(
    listed(
        "mm cm m km um nm g kg mg t lb lbs oz in inch ft mi s sec ms min h hr hrs c f k deg celsius fahrenheit l "
        "ml hl usd eur gbp chf jpy pct percent perc mv v a ma hz khz mhz kw kwh mw w j kj cal kcal pa hpa kpa bar "
        "ppm mph kmh "
    )
)
"""Words at the end of a column's name that say a unit; people leave them out."""

RESERVED = frozenset(
    listed(
        "a an the i is it of by on in to and or as at be no not all any each every for from with per over vs "
        "versus than mean average median sum total count number min max minimum maximum std share percent top "
        "bottom line bar plot chart graph show draw index value values data table row rows column columns day days "
        "week weeks month months quarter hour hours time times group groups type level name largest smallest "
        "highest lowest most least more less between among across what which who how many much box pie scatter "
        "histogram trend pivot file first last new x y one two three me my you your we our this that these those "
        "do does did are was were has have id "
    )
)
"""Words of requests: as a column's name they count only when quoted, or after a word like "of" and "by"."""

_SYNONYMS = {"weight": "mass", "gender": "sex", "revenue": "sale", "turnover": "sale", "date": "time", "cost": "price"}
_NOUNS = frozenset(listed("day week month quarter hour time type level name id"))
_POINTERS = frozenset(listed("of by column columns variable field per against versus vs "))
_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z\d])(?=[A-Z])")
_QUOTED = re.compile(r"`([^`\n]+)`|\"([^\"\n]+)\"|“([^”\n]+)”|(?<!\w)'([^'\n]+)'(?!\w)")
_JOINT = re.compile(r"[\s_./()\-]*")
_LONGEST_ALIAS = 8
_FUZZY_LETTERS = 5
_FUZZY = 0.82
_FULL, _CORE, _PART = 3, 2, 1


@dataclass(frozen=True, slots=True)
class Mention:
    """Columns named by a piece of the sentence; more than one when the words fit several equally well."""

    start: int
    end: int
    columns: tuple[str, ...]
    quoted: bool = False


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """A word without case, accents, plural or British spelling: "Colours" -> "color"."""
    w = "".join(c for c in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(c))
    if len(w) > 4 and w.endswith("ies"):  # noqa: PLR2004 - "ties" is a word of its own
        w = w[:-3] + "y"
    elif len(w) > 4 and w.endswith(("sses", "xes", "ches", "shes", "zes")):  # noqa: PLR2004
        w = w[:-2]
    elif len(w) > 2 and w.endswith("s") and not w.endswith(("ss", "us", "is")):  # noqa: PLR2004
        w = w[:-1]
    if len(w) > 4 and w.endswith("ie"):  # noqa: PLR2004 - "specie", as people write it
        w = w[:-2] + "y"
    if len(w) > 4 and w.endswith("our"):  # noqa: PLR2004 - colour; not hour, four
        w = w[:-3] + "or"
    return w[:-2] + "er" if w.endswith("tre") else w


def stems(text: str) -> list[str]:
    """The stems of all words of a text or name."""
    return [stem(w) for part in _CAMEL.split(text) for w in _WORD.findall(part)]


def core(parts: Sequence[str]) -> list[str]:
    """The stems of a name without units at the end."""
    kept = list(parts)
    while len(kept) > 1 and kept[-1] in _UNIT_STEMS:
        kept.pop()
    return kept


_UNIT_STEMS = frozenset(stem(u) for u in UNITS) | UNITS
_RESERVED_STEMS = frozenset(stem(r) for r in RESERVED) | RESERVED


class Names:
    """Finds the columns of one table in sentences.

    Args:
        names: the columns' names, in the table's order.

    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._aliases: dict[str, dict[str, int]] = {}
        for name in self._names:
            parts = stems(name)
            short = core(parts)[:_LONGEST_ALIAS]
            for i in range(len(short)):
                for j in range(i + 1, len(short) + 1):
                    self._add("".join(short[i:j]), name, _PART)
            self._add("".join(short), name, _CORE)
            self._add("".join(parts), name, _FULL)
        self._tokens = frozenset(s for n in self._names for s in stems(n))
        self._longest = max((min(len(stems(n)), 2 * _LONGEST_ALIAS) for n in self._names), default=0)

    def _add(self, alias: str, name: str, weight: int) -> None:
        if alias and (weight > _PART or (len(alias) > 2 and alias not in _RESERVED_STEMS)):  # noqa: PLR2004
            known = self._aliases.setdefault(alias, {})
            known[name] = max(weight, known.get(name, 0))

    def find(self, text: str) -> list[Mention]:
        """The columns that `text` names, in the order of the text, none overlapping."""
        found = self._quoted(text)
        words = [m for m in _WORD.finditer(text) if not any(q.start <= m.start() < q.end for q in found)]
        corrected = [self._corrected(w.group()) for w in words]
        i = 0
        while i < len(words):
            mention, used = self._at(text, words, corrected, i)
            if mention is not None:
                found.append(mention)
            i += used
        return sorted(found, key=lambda m: m.start)

    def _quoted(self, text: str) -> list[Mention]:
        found = []
        for match in _QUOTED.finditer(text):
            inner = next(g for g in match.groups() if g is not None)
            names = (inner,) if inner in self._names else self._named("".join(stems(inner)), inner, _CORE)
            if names:
                found.append(Mention(match.start(), match.end(), names, quoted=True))
        return found

    def _at(
        self, text: str, words: Sequence[re.Match[str]], corrected: Sequence[str], i: int
    ) -> tuple[Mention | None, int]:
        for k in range(min(self._longest + 1, len(words) - i), 0, -1):
            run = words[i : i + k]
            if any(not _JOINT.fullmatch(text, a.end(), b.start()) for a, b in pairwise(run)):
                continue
            raw = text[run[0].start() : run[-1].end()]
            names = self._named("".join(corrected[i : i + k]), raw, _PART)
            if names and (k > 1 or self._allowed(words, i, names)):
                return Mention(run[0].start(), run[-1].end(), names), k
        return None, 1

    def _named(self, alias: str, raw: str, least: int) -> tuple[str, ...]:
        known = self._aliases.get(alias) or self._aliases.get(_SYNONYMS.get(alias, ""), {})
        best = max(known.values(), default=0)
        if best < least:
            return ()
        names = tuple(n for n in self._names if known.get(n) == best)
        return (raw,) if raw in names else names

    def _allowed(self, words: Sequence[re.Match[str]], i: int, names: tuple[str, ...]) -> bool:
        """Whether a single word that also is a word of requests, or a number, can be meant as a column."""
        word = words[i].group()
        if stem(word) not in _RESERVED_STEMS and not word.isdigit():
            return True
        whole = any(stem(word) in {"".join(stems(n)), "".join(core(stems(n)))} for n in names)
        if whole and stem(word) in _NOUNS:
            return True
        before = words[i - 1].group().casefold() if i else ""
        if word.isdigit():
            return before in {"column", "columns", "variable", "field"}
        if len(word) == 1 and word in names and word != "a":
            return True
        return before in _POINTERS and whole

    def _corrected(self, word: str) -> str:
        """The stems of a word, joined; one slip of the pen away from a word of a name, it is that word."""
        parts = stems(word)
        alias = "".join(parts)
        strange = len(alias) >= _FUZZY_LETTERS and alias not in self._tokens | _RESERVED_STEMS | _COMMON
        if not strange or alias in self._aliases or alias in _SYNONYMS:
            return alias
        like = [t for t in sorted(self._tokens) if len(t) >= _FUZZY_LETTERS and t[0] == alias[0]]
        return next(iter(difflib.get_close_matches(alias, like, 1, _FUZZY)), alias)


_COMMON = frozenset(
    stem(w)
    for w in listed(
        "please colour compare correlation describe distribution missing outlier regression relationship summary "
        "average median largest smallest highest lowest values against versus their there those where which while "
        "with would could should about after again every other under monthly weekly yearly daily quarterly matrix "
        "frequency "
    )
)
"""Words too common to be taken for a misspelt column."""
