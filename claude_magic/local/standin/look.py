"""A look into the file: the program that lists its columns, and the table read from what it prints.

Used when no text about the file came along, or when that text does not say enough: text columns may hold dates or
numbers, and a word of the prompt may be a value ("Gentoo").
"""

from __future__ import annotations

import json
from typing import Any

from claude_magic.local.standin.table import BOOL, CATEGORY, KINDS, READERS, Column, Table, ending

_LOOK = '''\
import json
import os
import warnings
from pathlib import Path

import pandas as pd
from pandas.api import types

source = Path(os.environ["INPUT_DIR"]) / {filename!r}
df = {reader}
indexed = any(name is not None for name in df.index.names)
df = df.reset_index() if indexed else df
labels = []
for name in (str(label) or "unnamed" for label in df.columns):
    number = sum(1 for other in labels if other == name or other.rsplit("_", 1)[0] == name)
    labels.append(f"{{name}}_{{number + 1}}" if name in labels else name)
relabel = labels != list(df.columns)
df.columns = labels


def parsed(values):
    """What more than 90 % of some texts parse as."""
    if pd.to_numeric(values, errors="coerce").notna().mean() > 0.9:
        return "digits" if values.str.fullmatch(r"\\d+").mean() > 0.9 else "number"
    for utc in (False, True):
        try:
            if pd.to_datetime(values, errors="coerce", utc=utc).notna().mean() > 0.9:
                return "time-utc" if utc else "time"
        except (ValueError, TypeError, OverflowError):
            continue
    return ""


def look(column):
    """Kind, what to turn it into, distinct values, whether numpy's own type."""
    kind, convert, plain = "other", "", not types.is_extension_array_dtype(column.dtype)
    present = column.dropna()
    if not len(present):
        kind = "empty"
    elif types.is_bool_dtype(column.dtype) or all(isinstance(v, bool) for v in present[:100]):
        kind = "bool"
    elif isinstance(column.dtype, pd.CategoricalDtype):
        kind = "category"
    elif types.is_timedelta64_dtype(column.dtype):
        kind, convert = "number", "seconds"
    elif types.is_complex_dtype(column.dtype):
        kind = "text"
    elif types.is_numeric_dtype(column.dtype):
        kind = "number"
    elif types.is_datetime64_any_dtype(column.dtype):
        kind = "time"
    else:
        texts = all(isinstance(v, str) for v in present[:1000])
        convert = parsed(present[:5000] if texts else present[:5000].astype(str))
        kinds = {{"number": "number", "digits": "number", "time": "time", "time-utc": "time"}}
        kind = kinds.get(convert, "text" if texts else "other")
    try:
        unique = int(column.nunique())
    except TypeError:
        unique = None
    values = sorted(map(str, present.unique())) if unique is not None and unique <= 30 and kind != "number" else []
    finite = kind == "number" and not convert and bool((present.abs() != float("inf")).all())
    return {{"kind": kind, "convert": convert, "plain": plain, "unique": unique, "missing": int(column.isna().sum()),
            "finite": finite, "integer": types.is_integer_dtype(column.dtype), "values": [v[:60] for v in values]}}


warnings.simplefilter("ignore")  # pandas warns of every text that is no date
columns = [{{"name": name, **look(df[name])}} for name in labels]
print(f"{{len(df):,}} rows, {{df.shape[1]}} columns")
for c in columns[:60]:
    print(f"{{c['name'][:40]:<40}} {{c['kind']:<9}} {{c['missing']:>9,}} missing {{c['unique'] or '?':>9}} distinct")
print("columns:", json.dumps({{"rows": len(df), "indexed": indexed, "relabel": relabel, "columns": columns}}))
'''

_MANY = 50  # rows; in fewer, values may differ by chance
_IDENTIFIERS = ("id", "uuid", "guid", "key", "no", "nr", "number", "index", "code", "zip", "postcode", "phone")


def program(filename: str) -> str:
    """The program that looks into the file of that name."""
    return _LOOK.format(filename=filename, reader=READERS[ending(filename)])


def table(filename: str, printed: str) -> Table | None:
    """The table that the program's output describes; None when its last line is not there (nothing is guessed)."""
    line = next((part for part in reversed(printed.splitlines()) if part.startswith("columns: ")), "")
    try:
        told = json.loads(line.removeprefix("columns: "))
    except ValueError:
        return None
    columns = tuple(_column(c, told["rows"]) for c in told["columns"])
    return Table(filename, columns, told["rows"], looked=True, relabel=told["relabel"], indexed=told["indexed"])


def _column(told: dict[str, Any], rows: int) -> Column:
    kind = told["kind"] if told["kind"] in KINDS else "other"
    unique = told["unique"]
    name = told["name"]
    every = unique is not None and unique == rows - told["missing"] and rows > 1
    # A number that every row has its own of, and whose name says so, identifies; a measurement may be unique by chance.
    own = is_identifier(name) and (unique is None or unique > rows // 2)
    own = own or (every and rows > _MANY and ((told["integer"] and _counts_up(name)) or kind == "text"))
    return Column(
        name, kind, unique, plain=told["plain"], finite=told["finite"], convert=told["convert"],
        identifier=bool(own), values=tuple(told["values"]) if kind in {CATEGORY, BOOL, "text"} else (),
    )  # fmt: skip


def is_identifier(name: str) -> bool:
    """Whether a column's name says that it identifies rows: `id`, `order_id`, `customerId`."""
    from claude_magic.local.standin.columns import stems

    parts = stems(name)
    return bool(parts) and (
        parts[-1] in {"id", "uuid", "guid", "rowid"} or parts == ["index"] or name.startswith("Unnamed: 0")
    )


def _counts_up(name: str) -> bool:
    from claude_magic.local.standin.columns import stems

    return bool(set(stems(name)[-1:]) & set(_IDENTIFIERS))
