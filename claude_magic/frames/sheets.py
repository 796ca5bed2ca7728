"""Frames as Excel sheets, row by row through openpyxl's write-only workbook."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from claude_magic.errors import FileProblem

if TYPE_CHECKING:
    from typing import BinaryIO

    from claude_magic.frames.tabular import Piece

_MOST_ROWS, _MOST_COLUMNS, _LONGEST = 1_048_575, 16_384, 32_767  # Excel's own limits, less the header row
_EXACT = 2**53  # Excel's numbers are 64-bit floats
# Heads an empty second column beside an only one: `pd.read_excel` leaves out the empty rows of a sheet of one column.
_FILLER = "(nothing)"
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]|[\ufffe\uffff]")


class SheetWriter:
    """Writes pieces into one sheet; the workbook reaches the file when it is closed.

    Raises:
        FileProblem: more rows or columns than Excel has.

    """

    def __init__(self, file: BinaryIO, names: tuple[str, ...], rows: int) -> None:
        if rows > _MOST_ROWS or len(names) > _MOST_COLUMNS:
            raise FileProblem(
                f"{rows} rows x {len(names)} columns do not fit an Excel sheet.", advice="Send it as parquet or csv."
            )
        from openpyxl import Workbook

        self._file = file
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet("data")
        filler = [_FILLER] if len(names) == 1 else []
        self._sheet.append([self._cell(name) for name in [*names, *filler]])

    def write(self, table: Piece) -> None:
        """Write one piece."""
        columns = [
            table.frame.iloc[:, n].astype(object).where(table.frame.iloc[:, n].notna(), None).tolist()
            for n in range(table.frame.shape[1])
        ]
        for row in zip(*columns, strict=True):
            self._sheet.append([self._cell(value) for value in row])

    def close(self) -> None:
        """Write the workbook."""
        self._book.save(self._file)

    def abandon(self) -> None:
        """End the sheet and remove its temporary file, which openpyxl would do at some later time, with complaints."""
        with suppress(Exception):
            self._sheet.close()
        with suppress(OSError):
            self._sheet._writer.cleanup()  # noqa: SLF001 - has no public name

    def _cell(self, value: Any) -> Any:
        """Return a value as a cell: text always as text, so that nothing becomes a formula."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float) and abs(value) <= _EXACT:
            return value
        if hasattr(value, "isoformat"):
            value = value.isoformat(sep=" ")
        from openpyxl.cell import WriteOnlyCell

        cell = WriteOnlyCell(self._sheet, _CONTROLS.sub("\ufffd", str(value))[:_LONGEST])
        cell.data_type = "s"
        return cell
