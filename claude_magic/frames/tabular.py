"""Frames as CSV or Excel: for whoever asks for them, and CSV where pyarrow is not installed.

Both hold text, numbers and booleans only. Every column is read with a stated dtype, because guessing would make
numbers of texts like `007`; what a dtype cannot say, the loading code does (see `textual` and `RULES`).
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from claude_magic.errors import FileProblem
from claude_magic.frames import naming
from claude_magic.frames.loadcode import LoadCode
from claude_magic.frames.plan import (
    columns_code,
    counts,
    index_code,
    index_levels,
    label_lists,
    label_rules,
    level_names,
)
from claude_magic.frames.rules import stated
from claude_magic.frames.source import PieceWriter, Source
from claude_magic.frames.textual import Text, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import blake2b
    from typing import BinaryIO

    import pandas as pd

_WIDE = 30  # columns from which the most frequent dtype is named once, as the default


@dataclass(frozen=True, slots=True)
class Column:
    """One stored column: its name in the file, the user's data, how it travels."""

    stored: str
    data: pd.Series
    text: Text


class Piece:
    """A slice of the frame as written: a pandas frame with what `Source` asks of a table."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.num_rows = len(frame)
        self.nbytes = int(frame.memory_usage(index=False, deep=True).sum())


@dataclass(frozen=True, slots=True)
class TextSource(Source):
    """A frame as rows of text; `stored` are the column names, `dtypes` what they are read with."""

    stored: tuple[str, ...]
    dtypes: tuple[str, ...]
    chosen: str

    def feed_schema(self, digest: blake2b) -> None:
        """Feed names and dtypes, and the code that restores the rest."""
        digest.update(json.dumps([self.stored, self.dtypes, self.load_code("df").text()]).encode())

    def feed(self, digest: blake2b, table: Piece) -> None:
        """Feed a piece as CSV."""
        import io

        buffer = io.BytesIO()
        _write_csv(buffer, table.frame, header=False)
        digest.update(buffer.getbuffer())

    def writer(self, file: BinaryIO, first: Any) -> PieceWriter:
        """Open a writer for CSV or Excel."""
        del first
        if self.chosen == "csv":
            return CsvWriter(file, self.stored)
        from claude_magic.frames.sheets import SheetWriter

        return SheetWriter(file, self.stored, self.rows)


def source(frame: Any, chosen: str) -> TextSource:
    """Return a collected frame as a source of text.

    Raises:
        FileProblem: a frame without columns, or times that text does not hold.

    """
    frame = as_pandas(frame)
    names = naming.unique(frame.columns)
    levels = [] if counts(frame.index) else index_levels(frame.index)
    data = [frame.iloc[:, n] for n in range(frame.shape[1])] + levels
    stored = names + (level_names(frame.index, names) if levels else [])
    if not stored:
        raise FileProblem(f"A frame without columns has no {chosen} form.", advice="Send it as parquet.")
    fit = _for_sheets if chosen == "xlsx" else lambda stored: stored
    columns = [Column(name, one, fit(text(one))) for name, one in zip(stored, data, strict=True)]

    def tables(rows: int) -> Iterator[Piece]:
        import pandas as pd

        for start in range(0, len(frame), rows):
            parts = {
                c.stored: c.text.convert(c.data.iloc[start : start + rows]).reset_index(drop=True) for c in columns
            }
            yield Piece(pd.DataFrame(parts, copy=False))

    def load_code(name: str) -> LoadCode:
        return _load_code(name, frame, columns, chosen)

    dtypes = tuple(c.text.dtype for c in columns)
    conversions = _conversions(frame, columns, index=bool(levels))
    if counts(frame.index) and index_levels(frame.index):
        conversions = (*conversions, stated("text-range", []))
    return TextSource(len(frame), len(names), tables, conversions, load_code, tuple(stored), dtypes, chosen)


def as_pandas(frame: Any) -> pd.DataFrame:
    """Return a collected frame as the pandas frame that its parquet file would load as."""
    import pandas as pd

    if isinstance(frame, pd.DataFrame):
        return frame
    import pyarrow as pa

    from claude_magic.frames.arrow import from_arrow, plan_columns

    made = from_arrow(frame)
    loaded: pd.DataFrame = pa.concat_tables([made.schema.empty_table(), *made.tables(made.group_rows())]).to_pandas()
    dates = [c.stored for c in plan_columns(frame) if c.rule == "arrow-date"]
    return loaded.astype(dict.fromkeys(dates, "datetime64[s]"))


def _conversions(frame: pd.DataFrame, columns: list[Column], *, index: bool) -> tuple[str, ...]:
    applied: dict[str, list[str]] = {"text-empty": []} if any(c.text.dtype != "bool" for c in columns) else {}
    for column in columns:
        for key in column.text.rules:
            applied.setdefault(key, []).append(naming.quoted(column.stored))
    applied.update({"index": []} if index else {})
    applied.update({key: [] for key in label_rules(frame.columns)})
    return tuple(stated(key, names) for key, names in applied.items())


def _load_code(name: str, frame: pd.DataFrame, columns: list[Column], chosen: str) -> LoadCode:
    code = LoadCode(name, [c.stored for c in columns])
    names = [c.stored for c in columns]
    rest = "keep_default_na=False, na_values=['']"
    if chosen == "csv":
        rest += ", skip_blank_lines=False"
    if "" in names:
        rest = f"header=0, names={names!a}, {rest}"
    reader = "read_csv" if chosen == "csv" else "read_excel"
    if chosen == "xlsx" and len(names) == 1:
        rest += ", usecols=[0]"
    code.read = f"pd.{reader}(path, dtype={_dtypes(columns)}, {rest})"
    if chosen == "xlsx" and all(map(_may_be_blank, columns)):
        code.read += f".reindex(range({len(frame)}))"
    code.restores = [(c.stored, c.text.restore) for c in columns if c.text.restore]
    levels = names[frame.shape[1] :]
    code.after += index_code(code.variable, levels, frame.index.names)
    lines = columns_code(code.variable, frame.columns)
    lists = label_lists(frame.columns)
    for level in range(frame.columns.nlevels):
        lines = [line.replace(f'notes["columns"][{level}]', _source(lists[level])) for line in lines]
    code.after += lines
    return code


def _may_be_blank(column: Column) -> bool:
    """Whether a cell of it can be empty; when all of a sheet's last rows are, `pd.read_excel` does not see the rows."""
    return column.text.dtype in {"str", "string", "category"} or bool(column.data.isna().any())


def _for_sheets(stored: Text) -> Text:
    """Read by way of text what pandas refuses: cells of text (beyond 2^53) among numbers, gaps among booleans."""
    if stored.dtype not in {"Int64", "UInt64", "boolean"}:
        return stored
    read = "{s}.map({'True': True, 'False': False})" if stored.dtype == "boolean" else "{s}"
    return replace(stored, dtype="string", restore=stored.restore or f"{read}.astype({stored.dtype!r})")


def _source(labels: list[Any]) -> str:
    """Return labels as Python: a list, or the JSON of one with infinity, which Python has no word for."""
    said = json.dumps(labels)
    return f"json.loads({said!a})" if "Infinity" in said else ascii(labels)


def _dtypes(columns: list[Column]) -> str:
    """Return the `dtype` argument; in a wide frame the most frequent dtype is the default of a defaultdict."""
    named = {c.stored: c.text.dtype for c in columns}
    if len(named) < _WIDE:
        return ascii(named)
    kinds = list(named.values())
    usual = max(sorted(set(kinds)), key=kinds.count)
    others = {name: kind for name, kind in named.items() if kind != usual}
    return f"collections.defaultdict(lambda: {usual!r}, {others!a})"


class CsvWriter:
    """Writes pieces as CSV, the header first."""

    def __init__(self, file: BinaryIO, names: tuple[str, ...]) -> None:
        import pandas as pd

        self._file = file
        _write_csv(file, pd.DataFrame({name: [] for name in names}), header=True)

    def write(self, table: Piece) -> None:
        """Write one piece."""
        _write_csv(self._file, table.frame, header=False)

    def close(self) -> None:
        """Nothing stands at the end of a CSV file."""

    def abandon(self) -> None:
        """Nothing is open."""


def _write_csv(file: Any, frame: pd.DataFrame, *, header: bool) -> None:
    """Write rows: pyarrow is ten times as fast as pandas here, and both are read back alike."""
    if importlib.util.find_spec("pyarrow") is None:
        frame.to_csv(file, header=header, index=False, lineterminator="\n", encoding="utf-8")
        return
    import pyarrow as pa
    from pyarrow import csv

    arrays = [pa.array(frame.iloc[:, n], from_pandas=True) for n in range(frame.shape[1])]
    csv.write_csv(pa.table(arrays, names=list(frame.columns)), file, csv.WriteOptions(include_header=header))
