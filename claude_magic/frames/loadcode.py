"""The Python that loads a file in Claude's container: plain pandas, one line in the ordinary case.

The code reads the variable `path` and defines the frame under the user's name for it. It is made from names and
types only, never from values (see `storage`), and it runs as it stands: it imports what it uses.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from claude_magic.frames.naming import variable

METADATA_KEY = b"claude_magic"
_SHOWN = 8  # names written out in a loop; more that stand side by side are taken by position


@dataclass
class LoadCode:
    """Collects what is to be done after reading; `text()` is the code.

    Attributes:
        name: the user's name of the frame.
        stored: all stored column names, in the file's order.
        read: the expression that reads the file (the other fields are lines and expressions of the code).

    """

    name: str
    stored: list[str]
    read: str = "pd.read_parquet(path)"
    read_arrow: str = "pq.read_table(path, columns={columns})"
    restores: list[tuple[str, str]] = field(default_factory=list)
    objects: bool = False
    arrow: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    notes: bool = False
    notes_from: str = "path"
    before: list[str] = field(default_factory=list)

    @property
    def variable(self) -> str:
        """The variable that holds the frame."""
        return variable(self.name)

    def text(self) -> str:
        """Return the code."""
        body = [*self.before, f"{self.variable} = {self.read}", *self._notes(), *self._columns(), *self.after]
        joined = "\n".join(body)
        imports = [f"import {module}" for module in ("collections", "json", "os") if f"{module}." in joined]
        imports.append("import pandas as pd")
        if "pa." in joined.replace("pd.arrays", ""):
            imports.append("import pyarrow as pa")
        if "pq." in joined:
            imports.append("import pyarrow.parquet as pq")
        return "\n".join([*imports, "", *body, ""])

    def _notes(self) -> list[str]:
        if not (self.objects or self.notes):
            return []
        key = METADATA_KEY.decode()
        return [f'notes = json.loads(pq.read_schema({self.notes_from}).metadata[b"{key}"])']

    def _columns(self) -> list[str]:
        lines = [line for code, names in self._grouped().items() for line in self._loop(names, code)]
        if self.arrow:
            lines += [
                f"arrow = {self.read_arrow.format(columns=ascii(self.arrow))}",
                "for column in arrow.column_names:",
                f"    {self.variable}[column] = pd.arrays.ArrowExtensionArray(arrow[column])",
            ]
        if self.objects:
            frame = self.variable
            lines += [
                'for column, kind in notes["objects"].items():',
                '    if kind == "labels":',
                f"        {frame}[column] = {frame}[column].cat.rename_categories(json.loads)",
                '    elif kind in ("json", "values"):',
                '        read = json.loads if kind == "json" else lambda value: value',
                f"        values = [None if pd.isna(value) else read(value) for value in {frame}[column]]",
                f"        {frame}[column] = pd.Series(values, index={frame}.index, dtype=object)",
            ]
        return lines

    def _grouped(self) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for stored, code in self.restores:
            groups.setdefault(code, []).append(stored)
        return groups

    def _loop(self, names: list[str], code: str) -> list[str]:
        if len(names) == 1:
            one = f"{self.variable}[{names[0]!a}]"
            return [f"{one} = {code.replace('{s}', one)}"]
        each = f"{self.variable}[column]"
        return [f"for column in {self._those(names)}:", f"    {each} = {code.replace('{s}', each)}"]

    def _those(self, names: list[str]) -> str:
        first = self.stored.index(names[0])
        if len(names) > _SHOWN and self.stored[first : first + len(names)] == names:
            return f"{self.variable}.columns[{first}:{first + len(names)}]"
        return "[" + ", ".join(map(ascii, names)) + "]"
