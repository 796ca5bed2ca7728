"""What the file formats cannot hold and what is done about it, as data.

`RULES` is the one place where a conversion is stated: the README's table is printed from it
(``python -m claude_magic.frames.rules``), a receipt names the rules that were applied, and the code that applies a
rule refers to it by key.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Reversible = Literal["yes", "in part", "no"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One stated conversion.

    Attributes:
        what: what the format cannot hold.
        how: how it travels, and how it arrives.
        reversible: whether the loading code gives back what the user had.
        formats: the formats it applies to.

    """

    what: str
    how: str
    reversible: Reversible
    formats: tuple[str, ...] = ("parquet",)


_ALL = ("parquet", "csv", "xlsx")
_TEXT = ("csv", "xlsx")
_NAMED_IN_A_LINE = 5

RULES: dict[str, Rule] = {
    "range-index": Rule("default RangeIndex", "not sent; pandas makes it again", "yes", _ALL),
    "index": Rule("any other index", "sent as columns; pandas' metadata or the loading code sets it", "yes", _ALL),
    "freq": Rule("`freq` of a DatetimeIndex or TimedeltaIndex", "not sent; `pd.infer_freq` finds it", "no", _ALL),
    "attrs": Rule("`attrs` and flags of a frame", "not sent", "no", _ALL),
    "duplicate-names": Rule(
        "duplicate column names",
        "`name`, `name.1`, … in the file (never one that exists); the loading code gives the old names back",
        "yes",
        _ALL,
    ),
    "duplicate-names-arrow": Rule(
        "duplicate column names of Arrow, DuckDB", "`name`, `name.1`, … in the file, and arrive so", "no"
    ),
    "name-labels": Rule(
        "column names that are not text",
        "text in the file; numbers, booleans, dates, durations, periods, tuples are restored, others stay text",
        "in part",
        _ALL,
    ),
    "name-levels": Rule(
        "MultiIndex columns", "names joined by `|` in the file; the loading code builds the levels again", "yes", _ALL
    ),
    "no-columns": Rule("a frame without columns", "no rows in the file; the loading code makes them", "yes", _ALL),
    "mixed": Rule(
        "object columns of mixed values, whole numbers, booleans, lists, dicts",
        "each value as JSON text; the loading code reads it back",
        "yes",
    ),
    "objects": Rule(
        "object columns of anything else (tuples, sets, arrays, zoned datetimes, your own classes)",
        "JSON text in which tuples, sets and arrays are lists, dates ISO text, bytes hex and the rest `str(value)`",
        "no",
    ),
    "category-labels": Rule(
        "categories whose labels are not text",
        "a categorical of text labels; the loading code gives the labels their type back",
        "yes",
    ),
    "category-objects": Rule("categories with labels that JSON cannot hold", "labels as text, and stay so", "no"),
    "complex": Rule("complex numbers", "text such as `(1+2j)`; the loading code makes numbers of it", "yes", _ALL),
    "byte-order": Rule("numbers of foreign byte order", "the machine's own byte order", "no", _ALL),
    "long-double": Rule("128-bit floats", "64-bit floats", "no", _ALL),
    "sparse": Rule("sparse columns", "dense; the loading code makes those of numbers sparse again", "in part", _ALL),
    "seconds": Rule("datetime64[s]", "milliseconds in the file; the loading code makes seconds again", "yes"),
    "zone": Rule(
        "time zones without an IANA name or an offset in whole minutes", "the same instants in UTC", "no", _ALL
    ),
    "arrow": Rule(
        "Arrow-backed dtypes that pandas cannot name in a file (text, decimal, nested, dictionary)",
        "the Arrow type itself (inside of lists and structures seconds as milliseconds); the loading code restores it",
        "yes",
    ),
    "extension": Rule("dtypes of other libraries, numpy's bytes and structures", "as Python objects", "no", _ALL),
    "arrow-date": Rule("dates of Arrow, Polars, DuckDB", "dates; the loading code makes `datetime64[s]`", "yes"),
    "arrow-nullable": Rule(
        "whole numbers and booleans with nulls, from Arrow, Polars, DuckDB", "arrive as `Int64`, `boolean` …", "yes"
    ),
    "arrow-plain": Rule(
        "Arrow's view, run-end, extension types, dictionaries not of text, lists without room",
        "the same values in the plain type",
        "yes",
    ),
    "arrow-nested": Rule(
        "lists, structures, maps of Arrow, Polars, DuckDB",
        "as they are; pandas makes arrays (whole numbers with nulls as floats), dicts, lists of pairs of them",
        "in part",
    ),
    "arrow-other": Rule(
        "Arrow unions, calendar intervals, structures without fields; objects and 128-bit integers of Polars",
        "text",
        "no",
    ),
    "object-missing": Rule(
        "which of None, NaN, NaT, NA stands for a missing value in an object column",
        "a missing value of the file's own; arrives as None",
        "no",
        _ALL,
    ),
    "category-empty": Rule("the categories of a frame without rows", "not kept", "no", _ALL),
    "zone-library": Rule("dateutil and pytz zones", "the zone by name, as `zoneinfo`", "in part", _ALL),
    "string-storage": Rule("`storage` of a string dtype", "pandas' default storage", "no", _ALL),
    "text-empty": Rule("an empty text", "an empty field, which arrives as a missing value", "no", _TEXT),
    "text-control": Rule(
        "control characters in a text", "U+FFFD, as Excel has none; the text's end beyond 32,767", "no", ("xlsx",)
    ),
    "text-range": Rule("a RangeIndex that does not count 0, 1, 2 …", "not sent; arrives counting so", "no", _TEXT),
    "text-digits": Rule("floats", "shortest exact digits; pandas before 3.1 may read the last one wrong", "yes", _TEXT),
    "text-datetime": Rule(
        "dates and times", "ISO 8601, zoned ones in UTC; the loading code restores unit and zone", "yes", _TEXT
    ),
    "text-timedelta": Rule(
        "durations", "whole numbers of the column's unit; the loading code makes durations again", "yes", _TEXT
    ),
    "text-period": Rule("periods", "text such as `2024-03`; the loading code makes periods again", "yes", _TEXT),
    "text-interval": Rule("intervals", "text such as `(0, 1]`, and arrive so", "no", _TEXT),
    "text-category": Rule(
        "categories", "labels as text; arrive sorted, without order and without labels that no row has", "no", _TEXT
    ),
    "text-object": Rule("object columns", "text (JSON when mixed), and arrive so", "no", _TEXT),
    "text-float": Rule("NaN beside NA in a nullable float column", "both as missing", "no", _TEXT),
    "text-arrow": Rule("Arrow-backed dtypes", "arrive as the pandas dtype nearest to them", "in part", _TEXT),
}
"""Every stated conversion by its key."""


def markdown() -> str:
    """Return `RULES` as a Markdown table, as the README shows it."""
    lines = ["| what a file cannot hold | how it travels and arrives | reversible | formats |", "|---|---|---|---|"]
    lines += [
        f"| {_cell(rule.what)} | {_cell(rule.how)} | {rule.reversible} | {', '.join(rule.formats)} |"
        for rule in RULES.values()
    ]
    return "\n".join(lines) + "\n"


def stated(key: str, names: Sequence[str]) -> str:
    """Return one line of a receipt: which columns rule `key` was applied to (quoted names), and what it does."""
    rule = RULES[key]
    shown = ", ".join(names[:_NAMED_IN_A_LINE])
    if len(names) > _NAMED_IN_A_LINE:
        shown += f" and {len(names) - _NAMED_IN_A_LINE} more"
    back = {"yes": "restored on loading", "in part": "restored in part", "no": "not reversible"}[rule.reversible]
    return (f"{shown}: " if shown else "") + f"{rule.what} → {rule.how} ({back})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(markdown())
