"""The plan for a pandas frame: what each column and index level becomes in a parquet file, and the code that loads it.

Columns get text names that are unique. An index that pandas' own metadata can restore stays an index; any other
travels as ordinary columns which the loading code turns back into the index. Column labels that are not plain text
travel in the file's metadata.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claude_magic.frames import naming, objects
from claude_magic.frames.loadcode import LoadCode
from claude_magic.frames.rules import stated
from claude_magic.frames.storage import Storage, is_object, storage

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Column:
    """One stored column.

    Attributes:
        stored: its name in the file.
        source: the user's column, or the level of the index, whole.
        storage: how it travels.

    """

    stored: str
    source: pd.Series
    storage: Storage


@dataclass(frozen=True, slots=True)
class Plan:
    """How a pandas frame travels.

    Attributes:
        frame: the user's frame.
        columns: its columns.
        levels: the levels of its index; none for a default RangeIndex.
        native_index: pandas' own metadata restores the index.

    """

    frame: pd.DataFrame
    columns: tuple[Column, ...]
    levels: tuple[Column, ...]
    native_index: bool

    @property
    def stored(self) -> tuple[Column, ...]:
        """All columns of the file, in its order."""
        return (*self.columns, *self.levels)

    def conversions(self) -> tuple[str, ...]:
        """Return the applied rules, one line each, for the receipt."""
        applied: dict[str, list[str]] = {}
        for column in self.stored:
            for key in column.storage.rules:
                applied.setdefault(key, []).append(naming.quoted(column.stored))
        if self.levels:
            applied["index"] = []
        if not self.columns:
            applied["no-columns"] = []
        for key in label_rules(self.frame.columns):
            applied[key] = []
        return tuple(stated(key, names) for key, names in applied.items())

    def notes(self) -> dict[str, Any]:
        """Return what the file's metadata says beyond its schema: JSON columns, column labels."""
        kinds = {c.stored: c.storage.note for c in self.stored if c.storage.note not in {"", "arrow"}}
        notes: dict[str, Any] = {"objects": kinds} if kinds else {}
        if label_rules(self.frame.columns):
            notes["columns"] = label_lists(self.frame.columns)
        return notes

    def load_code(self, name: str) -> LoadCode:
        """Return the code that loads the file, from names and types only."""
        code = LoadCode(name, [c.stored for c in self.stored])
        code.objects = any(c.storage.note not in {"", "arrow"} for c in self.stored)
        code.restores = [(c.stored, c.storage.restore) for c in self.stored if c.storage.restore]
        code.arrow = [c.stored for c in self.stored if c.storage.note == "arrow"]
        if not self.native_index:
            code.after += index_code(code.variable, [c.stored for c in self.levels], self.frame.index.names)
        code.after += columns_code(code.variable, self.frame.columns)
        code.notes = any("notes[" in line for line in code.after)
        if not self.columns and not self.levels:
            code.after.append(f"{code.variable} = {code.variable}.reindex(range({len(self.frame)}))")
        return code


def plan(frame: pd.DataFrame, arrow: Any) -> Plan:
    """Look at a frame and decide how it travels.

    Args:
        frame: any pandas DataFrame.
        arrow: the module pyarrow.

    """
    names = naming.unique(frame.columns)
    sources = [_unlabelled(frame.iloc[:, n]) for n in range(frame.shape[1])]
    columns = tuple(Column(name, one, storage(one, arrow)) for name, one in zip(names, sources, strict=True))
    levels = index_levels(frame.index)
    stores = [storage(level, arrow) for level in levels]
    native = _native(frame.index, names, stores)
    kept = [f"__index_level_{n}__" if native and name is None else name for n, name in enumerate(frame.index.names)]
    stored = naming.unique(kept, names) if native else level_names(frame.index, names)
    return Plan(frame, columns, tuple(map(Column, stored, levels, stores)), native and bool(levels))


def _unlabelled(column: pd.Series) -> pd.Series:
    """Return a column without its row labels: pandas would hash them for every slice that pyarrow looks into."""
    import pandas as pd

    return pd.Series(column.array, dtype=column.dtype, copy=False)


def counts(index: pd.Index) -> bool:
    """Whether an index only counts rows: a RangeIndex without a name, from whatever number in whatever steps.

    Where it starts is a label like any other, so what is said of a frame at `schema` says the same of all of them.
    """
    import pandas as pd

    return isinstance(index, pd.RangeIndex) and index.name is None


def index_levels(index: pd.Index) -> list[pd.Series]:
    """Return the levels of an index as columns; none for the default RangeIndex."""
    import pandas as pd

    if isinstance(index, pd.RangeIndex) and index.name is None and (index.start, index.step) == (0, 1):
        return []
    return [pd.Series(level, copy=False) for level in levels_of(index)]


def levels_of(index: pd.Index) -> list[pd.Index]:
    """Return the levels by position: `get_level_values(1)` would look for a level *named* 1 first."""
    nameless = index.set_names([None] * index.nlevels)
    return [nameless.get_level_values(n) for n in range(index.nlevels)]


def level_names(index: pd.Index, taken: list[str]) -> list[str]:
    """Return names for index levels that travel as columns: their own, or `index`, or `level_0` …, made unique."""
    plain = ["index"] if index.nlevels == 1 else [f"level_{n}" for n in range(index.nlevels)]
    wanted = [plain[n] if name is None else name for n, name in enumerate(index.names)]
    return naming.unique(wanted, taken)


def _native(index: pd.Index, taken: list[str], stores: list[Storage]) -> bool:
    names = [name for name in index.names if name is not None]
    plain = all(isinstance(n, str) and naming.well_formed(n) == n and not n.startswith("__index") for n in names)
    free = len(set(names)) == len(names) and not set(names) & set(taken) if plain else False
    return plain and free and all(s.native_index for s in stores) and not any(n.startswith("__index") for n in taken)


def index_code(variable: str, stored: list[str], names: Any) -> list[str]:
    """Return the lines that make an index of columns again."""
    if not stored:
        return []
    lines = [f"{variable} = {variable}.set_index([{', '.join(map(ascii, stored))}])"]
    if list(names) != stored:
        lines.append(f"{variable}.index.names = [{', '.join(ascii(plain_label(n)) for n in names)}]")
    return lines


def plain_label(label: Any) -> Any:
    """Return a label as something both Python source and JSON can say."""
    if isinstance(label, tuple):
        return tuple(plain_label(part) for part in label)
    value = label.item() if type(label).__module__ == "numpy" and hasattr(label, "item") else label
    if value is None or isinstance(value, bool | int | str):
        return value
    return value if isinstance(value, float) and value == value and abs(value) != float("inf") else str(value)  # noqa: PLR0124


def is_plain(columns: pd.Index) -> bool:
    """Whether the column labels are unique well-formed texts, which every format holds."""
    return (
        columns.nlevels == 1
        and all(isinstance(label, str) and naming.well_formed(label) == label for label in columns)
        and columns.is_unique
        and str(columns.dtype) != "category"
    )


def label_rules(columns: pd.Index) -> list[str]:
    """Return the rules that these column labels need."""
    if len(columns) == 0 or is_plain(columns):
        return []
    rules = ["name-levels"] if columns.nlevels > 1 else []
    flat = [part for label in columns for part in (label if isinstance(label, tuple) else (label,))]
    rules += ["name-labels"] if not all(isinstance(part, str) for part in flat) else []
    return rules + ([] if columns.is_unique else ["duplicate-names"]) or ["name-labels"]


def label_lists(columns: pd.Index) -> list[list[Any]]:
    """Return the labels level by level, as JSON can hold them."""
    return [
        [json.loads(objects.value_json(label)) if not _missing(label) else None for label in level]
        for level in levels_of(columns)
    ]


def _missing(label: Any) -> bool:
    import pandas as pd

    return not isinstance(label, tuple | str) and bool(pd.isna(label))


def columns_code(variable: str, columns: pd.Index) -> list[str]:
    """Return the lines that give the column labels back, their values read from the file's metadata."""
    lines = []
    if columns.nlevels > 1 and len(columns) == 0:
        lines.append(f"{variable}.columns = pd.MultiIndex.from_arrays({[[]] * columns.nlevels})")
    if label_rules(columns):
        whole = columns.nlevels == 1 and columns.is_unique and str(columns.dtype) in {"int64", "int32", "uint64"}
        if whole:
            lines.append(f"{variable}.columns = {variable}.columns.astype({str(columns.dtype)!r})")
        else:
            levels = [_level_code(columns, n) for n in range(columns.nlevels)]
            made = levels[0] if len(levels) == 1 else f"pd.MultiIndex.from_arrays([{', '.join(levels)}])"
            lines.append(f"{variable}.columns = {made}")
    if any(name is not None for name in columns.names):
        names = ", ".join(ascii(plain_label(name)) for name in columns.names)
        lines.append(f"{variable}.columns.names = [{names}]")
    return lines


def _level_code(columns: pd.Index, number: int) -> str:
    import pandas as pd

    dtype: Any = levels_of(columns)[number].dtype
    dtype = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
    read = f'notes["columns"][{number}]'
    if is_object(dtype):
        return f"pd.Index([tuple(x) if isinstance(x, list) else x for x in {read}], dtype=object, tupleize_cols=False)"
    if isinstance(dtype, pd.PeriodDtype | pd.DatetimeTZDtype) or getattr(dtype, "kind", "O") in "iufbmM":
        return f"pd.Index({read}).astype({str(dtype)!r})"
    return f"pd.Index({read})"
