"""The text our client writes about a frame, read back into a `Table`.

Its form is the client's contract (`claude_magic.frames.description`): a line ``DataFrame `NAME`: R rows x C columns``,
directly below it one line ``- "column": dtype, K missing`` per column. Where anything departs from it (names cut,
columns joined to runs, an index that is a column) there is no table, and the file is looked into instead.
"""

from __future__ import annotations

import json
import re

from claude_magic.local.standin.look import is_identifier
from claude_magic.local.standin.table import BOOL, CATEGORY, EMPTY, NUMBER, OTHER, TEXT, TIME, Column, Table

_HEADING = re.compile(r"^DataFrame `.*`: (\d{1,12}) rows x (\d{1,6}) columns$", re.MULTILINE)
_COLUMN = re.compile(r'- ("(?:[^"\\]|\\.)*"): (.+), (\d+) missing')
_FILE = re.compile(r'^The file ("(?:[^"\\]|\\.)*") is in the container', re.MULTILINE)
_MOUNTED = re.compile(
    r'^The file "(?:[^"\\]|\\.)*" is in the container.*?(?:State figures as the code printed them\.|\Z)',
    re.MULTILINE | re.DOTALL,
)
_SECTION = re.compile(r"(- |\[|\(|Index:$|Statistics:$|Rows: |Column (names|labels) )")

# What a pandas type says, first match wins; the rest is taken as "other" and looked into before it is used.
_KINDS: tuple[tuple[str, str], ...] = (
    (r"bool", BOOL),
    (r"(ordered )?category", CATEGORY),
    (r"datetime64|timestamp|date32|date64", TIME),
    (r"u?int\d|float\d|double|halffloat|timedelta64|duration|decimal", NUMBER),
    (r"str(ing)?|large_string", TEXT),
)


def tables(text: str) -> list[Table]:
    """The tables that `text` describes completely; `filename` is empty where no file is named before one."""
    found = []
    start = 0
    for heading in _HEADING.finditer(text):
        files = _FILE.findall(text, start, heading.start())
        start = heading.end()
        table = _table(
            text[heading.end() + 1 :], int(heading[1]), int(heading[2]), _unquoted(files[-1]) if files else ""
        )
        if table is not None:
            found.append(table)
    return found


def request(text: str) -> str:
    """`text` without what the client wrote about files and frames."""
    text = _MOUNTED.sub("", text)
    kept: list[str] = []
    inside = False
    for line in text.splitlines():
        inside = bool(_HEADING.match(line)) or (inside and bool(_SECTION.match(line)))
        kept += [] if inside else [line]
    return "\n".join(kept).strip()


def _table(text: str, rows: int, count: int, filename: str) -> Table | None:
    lines = text.splitlines()
    columns = []
    for line in lines[:count]:
        match = _COLUMN.fullmatch(line)
        name = _unquoted(match[1]) if match else ""
        if match is None or not name:
            return None
        columns.append(_column(name, match[2], missing=int(match[3]), rows=rows))
    indexed = "Index:" in lines[count : count + 4]
    return None if indexed or len(columns) != count else Table(filename, tuple(columns), rows)


def _unquoted(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        return ""


def _column(name: str, dtype: str, *, missing: int, rows: int) -> Column:
    kind = next((kind for pattern, kind in _KINDS if re.match(pattern, dtype)), OTHER) if rows > missing else EMPTY
    if re.match(r"u?int\d|float\d|decimal|double", dtype.lower()) and rows > missing:
        kind = NUMBER
    convert = "seconds" if dtype.startswith("timedelta64") else "number" if dtype.startswith("decimal") else ""
    plain = bool(re.fullmatch(r"u?int\d+|float(32|64)|bool", dtype))
    finite = dtype.lower().startswith(("int", "uint"))
    return Column(name, kind, plain=plain, finite=finite, convert=convert, identifier=is_identifier(name))
