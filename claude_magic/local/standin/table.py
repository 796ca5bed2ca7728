"""What the stand-in knows of a table: file name, columns, kinds. Values only; filled by `schema` or by `look`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath

NUMBER, BOOL, TIME, CATEGORY, TEXT, EMPTY, OTHER = "number", "bool", "time", "category", "text", "empty", "other"
KINDS = frozenset({NUMBER, BOOL, TIME, CATEGORY, TEXT, EMPTY, OTHER})

FEW = 20
"""Groups a chart of two groupings shows one by one; beyond it the rest is drawn together as `REST`."""

REST = "(all others)"
"""The label of groups drawn together; it is no group, so no answer names it as the highest."""

READERS: dict[str, str] = {
    ".parquet": "pd.read_parquet(source)",
    ".pq": "pd.read_parquet(source)",
    ".csv": "pd.read_csv(source, low_memory=False)",
    ".csv.gz": "pd.read_csv(source, low_memory=False)",
    ".tsv": 'pd.read_csv(source, sep="\\t", low_memory=False)',
    ".txt": 'pd.read_csv(source, sep=None, engine="python")',
    ".json": "pd.read_json(source)",
    ".jsonl": "pd.read_json(source, lines=True)",
    ".ndjson": "pd.read_json(source, lines=True)",
    ".xlsx": "pd.read_excel(source)",
    ".xls": "pd.read_excel(source)",
    ".feather": "pd.read_feather(source)",
    ".arrow": "pd.read_feather(source)",
}
"""File name ending -> the pandas call that reads it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: its label as pandas shows it once labels are text and unique.
        kind: one of `KINDS`.
        unique: number of distinct values, None when not known.
        plain: the values are numpy's own (no nullable, decimal or text type to convert before arithmetic).
        finite: known to hold no infinite value.
        convert: "", "number", "digits", "seconds", "time" or "time-utc": what its values are turned into on loading;
            "digits" are texts of digits, numbers only when measured, names otherwise.
        identifier: every row has its own; not worth a histogram.
        values: some of its values, when they are few.

    """

    name: str
    kind: str
    unique: int | None = None
    plain: bool = True
    finite: bool = False
    convert: str = ""
    identifier: bool = False
    values: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether arithmetic makes sense."""
        return self.kind == NUMBER

    @property
    def groups(self) -> bool:
        """Whether rows can be grouped by it as it stands."""
        return self.kind in {CATEGORY, TEXT, BOOL}


@dataclass(frozen=True, slots=True)
class Table:
    """One uploaded table.

    Attributes:
        filename: its name in the container's input directory.
        columns: in the file's order.
        rows: None when not known.
        looked: the columns come from the file itself, not from a text about it.
        indexed: the file keeps a column as pandas' index.
        relabel: the file's labels are not text, or not unique, and are renamed on loading.

    """

    filename: str
    columns: tuple[Column, ...] = ()
    rows: int | None = None
    looked: bool = False
    relabel: bool = False
    indexed: bool = False

    def __getitem__(self, name: str) -> Column:
        """The column of that name; KeyError otherwise."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def kind(self, name: str) -> str:
        """The kind of the column of that name."""
        return self[name].kind

    def numbers(self) -> tuple[str, ...]:
        """Names of the columns worth measuring: numbers that are no identifiers."""
        return tuple(c.name for c in self.columns if c.numeric and not c.identifier and c.convert != "digits")

    def times(self) -> tuple[str, ...]:
        """Names of the columns that hold points in time."""
        return tuple(c.name for c in self.columns if c.kind == TIME)

    def categories(self) -> tuple[str, ...]:
        """Names of the columns to group by, the likeliest first: few known values, then the file's order."""
        found = [c for c in self.columns if c.groups and not c.identifier and (c.unique is None or c.unique > 1)]
        return tuple(c.name for c in sorted(found, key=lambda c: c.unique is not None and c.unique > FEW))

    def as_kind(self, name: str, kind: str) -> Table:
        """The same table with one column taken for another kind."""
        return replace(self, columns=tuple(replace(c, kind=kind) if c.name == name else c for c in self.columns))


def ending(filename: str) -> str:
    """The part of a file name that says how to read it, as a key of `READERS`; empty when nothing does."""
    suffixes = [s.lower() for s in PurePosixPath(filename).suffixes]
    for key in ("".join(suffixes[-2:]), suffixes[-1] if suffixes else ""):
        if key in READERS:
            return key
    return ""
