"""What may be said of a frame without saying anything of its values: names, types, missing values, index.

`look` reads a collected frame into an `Outline`; `lines` writes the columns, one to a line, and when they do not fit
the budget ever more briefly: runs like `x0 … x1999` in one line, then neighbours of one type, then only the ends.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from claude_magic.frames import naming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LONGEST_NAME, _LONGEST_TYPE, _SHORTEST_RUN = 120, 120, 3
_NUMBERED = re.compile(r"(.*?)(0|[1-9]\d{0,8})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Field:
    """One column, or one level of the index.

    Attributes:
        name: its name in the file; empty for an index level without one.
        dtype: the pandas type it has on arrival.
        missing: number of missing values.

    """

    name: str
    dtype: str
    missing: int

    def line(self) -> str:
        """Return the column's line; a very long name is cut, which the line says outside the quotes."""
        if len(self.name) <= _LONGEST_NAME:
            return f"- {naming.quoted(self.name)}: {self.dtype}, {self.missing} missing"
        cut = naming.quoted(self.name[:_LONGEST_NAME] + "…")
        return f"- {cut} (cut from {len(self.name)} characters): {self.dtype}, {self.missing} missing"


@dataclass(frozen=True, slots=True)
class Outline:
    """A frame without its values.

    Attributes:
        rows: number of rows.
        fields: the columns in order.
        index: the levels of the index; none for a RangeIndex without a name.
        remarks: sentences on the column labels.

    """

    rows: int
    fields: tuple[Field, ...]
    index: tuple[Field, ...] = ()
    remarks: tuple[str, ...] = ()


def look(frame: Any) -> Outline:
    """Return the outline of a collected frame (pandas DataFrame or pyarrow Table)."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        return _look_arrow(frame)
    from claude_magic.frames.plan import counts, index_levels

    names = naming.unique(frame.columns)
    fields = tuple(_field(name, frame.iloc[:, n]) for n, name in enumerate(names))
    levels = [] if counts(frame.index) else index_levels(frame.index)
    labels = ["" if name is None else naming.label_text(name) for name in frame.index.names]
    index = tuple(_field(label, level) for label, level in zip(labels, levels, strict=False))
    return Outline(len(frame), fields, index, tuple(_remarks(frame.columns)))


def _field(name: str, column: Any) -> Field:
    return Field(name, type_text(column.dtype), int(column.isna().sum()))


def type_text(dtype: Any) -> str:
    """Return a pandas dtype as one short harmless text; of a time zone only its name."""
    import pandas as pd

    if isinstance(dtype, pd.CategoricalDtype):
        return "ordered category" if dtype.ordered else "category"
    if isinstance(dtype, pd.DatetimeTZDtype):
        from claude_magic.frames.storage import zone_name

        return f"datetime64[{dtype.unit}, {zone_name(dtype.tz) or 'UTC'}]"
    native = dtype.newbyteorder("=") if hasattr(dtype, "newbyteorder") else dtype  # as files have it
    text = naming.quoted(str(native))[1:-1]
    return text if len(text) <= _LONGEST_TYPE else text[: _LONGEST_TYPE - 1] + "…"


def _look_arrow(table: Any) -> Outline:
    from claude_magic.frames.arrow import plan_columns

    columns = plan_columns(table)
    dtypes = _arriving(columns)
    fields = tuple(
        Field(c.stored, dtype, table.column(n).null_count)
        for n, (c, dtype) in enumerate(zip(columns, dtypes, strict=True))
    )
    return Outline(table.num_rows, fields)


def _arriving(columns: list[Any]) -> list[str]:
    """Return the pandas types that Arrow columns arrive as, by converting a table without rows."""
    import pyarrow as pa

    empty = pa.schema([(str(n), c.kind) for n, c in enumerate(columns)]).empty_table().to_pandas()
    texts = []
    for column, dtype in zip(columns, empty.dtypes, strict=True):
        known = {"arrow-date": "datetime64[s]", "arrow-nullable": column.dtype}.get(column.rule)
        milliseconds = str(column.kind).startswith("timestamp[s")  # parquet has no seconds
        text = known or type_text(dtype)
        texts.append(text.replace("[s", "[ms", 1) if milliseconds else text)
    return texts


def _remarks(columns: Any) -> list[str]:
    from claude_magic.frames.plan import label_rules

    rules = label_rules(columns)
    remarks = []
    if "duplicate-names" in rules:
        remarks.append("Column names repeat in the frame; the file has them made unique, as shown.")
    if "name-levels" in rules:
        remarks.append(f"Column labels have {columns.nlevels} levels; the file has them joined by |, as shown.")
    elif "name-labels" in rules:
        remarks.append("Column labels are not text in the frame; the file has them as text, as shown.")
    return remarks


def lines(fields: tuple[Field, ...], fits: Callable[[list[str]], bool]) -> list[str]:
    """Return the column lines in the longest form that fits."""
    forms: tuple[Callable[[], list[str]], ...] = (
        lambda: [field.line() for field in fields],
        lambda: _runs(fields, _by_number(fields)),
        lambda: _runs(fields, [(field.dtype, "") for field in fields]),
    )
    for form in forms:
        made = form()
        if fits(made):
            return made
    return _ends(made, fields, fits)


def _by_number(fields: tuple[Field, ...]) -> list[tuple[str, str]]:
    """Return a key per column that is equal for columns `stem7`, `stem8`, `stem9` … of one type in a row."""
    keys = []
    for position, field in enumerate(fields):
        match = _NUMBERED.fullmatch(field.name)
        tail = f"{match[1]!r} {int(match[2]) - position}" if match else f"alone {position}"
        keys.append((field.dtype, tail))
    return keys


def _runs(fields: tuple[Field, ...], keys: list[tuple[str, str]]) -> list[str]:
    """Return the lines with neighbours of equal key joined."""
    out = []
    for _, group in groupby(zip(keys, fields, strict=True), key=lambda pair: pair[0]):
        run = [field for _, field in group]
        out += [field.line() for field in run] if len(run) < _SHORTEST_RUN else [_joined(run)]
    return out


def _joined(run: list[Field]) -> str:
    first, last = (naming.quoted(field.name[:_LONGEST_NAME]) for field in (run[0], run[-1]))
    missing = sum(field.missing for field in run)
    return f"- {first} … {last} ({len(run)} columns): {run[0].dtype}, {missing} missing in all"


def _ends(made: list[str], fields: Iterable[Field], fits: Callable[[list[str]], bool]) -> list[str]:
    """Return as many lines of both ends as fit, and between them how many of which type were left out."""
    types = Counter(field.dtype for field in fields).most_common(5)
    told = "; ".join(f"{count} {dtype}" for dtype, count in types)
    gap = f"(column lines left out here for length; of all columns: {told})"
    low, high = 0, len(made) // 2
    while low < high:
        middle = (low + high + 1) // 2
        if fits([*made[:middle], gap, *made[len(made) - middle :]]):
            low = middle
        else:
            high = middle - 1
    return [*made[:low], gap, *made[len(made) - low :]]
