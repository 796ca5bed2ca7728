"""A frame in words, for the prompt; how much may be said is the dial `share`.

The text is a contract: a model reads it, and so does the local stand-in (which parses it without this package).

    DataFrame `NAME`: R rows x C columns          first line, always exactly this; R and C plain decimal numbers
    - "column name": dtype, K missing             one line per column, in order, directly below; the name in JSON quotes
    (sections follow, each begun by a line that does not begin with "- ")

Only when the columns do not fit the budget, neighbours share a line `- "x0" … "x9" (10 columns): float64, 3 missing
in all`, a name over 120 characters is followed by `(cut from N characters)`, and a line in parentheses stands for
lines left out. Sections: `Index:` with lines like those of columns (`- unnamed: int64, 0 missing` for a level without
name; no section for an unnamed RangeIndex), `Statistics:` with one line per column, `Rows:` with one JSON list per
row: row number, index levels, columns.

At `none` the text is the file's name and nothing else. At `schema` it depends on names, types, length and missing
counts alone: two frames that agree in those give the same bytes, whatever their values, categories and index labels.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from claude_magic.errors import UsageError, one_line
from claude_magic.frames import naming, schema, values
from claude_magic.frames.encoding import filename
from claude_magic.frames.recognise import collect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# English prose has about four bytes to a token, digits and punctuation nearer two and a half: the cautious figure, so
# that the budget is kept whichever tokenizer counts.
_BYTES_PER_TOKEN = 2.5
_NOTES_BYTES = 200  # kept for saying how many statistics and rows were left out
_SHARE = re.compile(r"none|schema|stats|full|sample=([1-9]\d{0,6})")


def describe(
    obj: Any,
    name: str,
    *,
    share: str = "schema",
    budget_tokens: int = 4000,
    masked: Collection[str] = (),
    format: str | None = None,  # noqa: A002
) -> str:
    """Describe a frame.

    Args:
        obj: a frame or series of any library.
        name: the user's name for it.
        share: ``none`` (file name only), ``schema``, ``stats``, ``sample=N`` (N rows) or ``full`` (all rows that
            fit); each says what the ones before it say.
        budget_tokens: most tokens the text may have, estimated from its bytes; the first line stands in any case.
        masked: names of columns (or index levels) whose values are never shown; names, types, counts are.
        format: the format the file will have, for its name.

    Raises:
        UsageError: an unknown `share`, or `obj` is no frame.

    """
    level = parse_share(share)
    if level[0] == "none":
        return filename(name, format)
    frame = collect(obj, name)
    outline = schema.look(frame)
    page = _Page(budget_tokens, reserve=0 if level[0] == "schema" else _NOTES_BYTES)
    title = one_line(naming.well_formed(name)).replace("`", "'")
    page.add([f"DataFrame `{title}`: {outline.rows} rows x {len(outline.fields)} columns"])
    tail = [*outline.remarks, *_index_lines(outline)]
    page.add(schema.lines(outline.fields, lambda made: page.fits([*made, *tail])))
    page.add(tail)
    if level[0] != "schema":
        _add_values(page, frame, outline, level, {naming.label_text(label) for label in masked})
    return page.text()


def parse_share(share: str) -> tuple[str, int]:
    """Return the dial's word and number of rows (0 where none is named).

    Raises:
        UsageError: it is none of the dial's settings.

    """
    match = _SHARE.fullmatch(share)
    if not match:
        raise UsageError(
            f"`--share {one_line(share)}` is not a setting.", advice="Use none, schema, stats, sample=N or full."
        )
    return share.partition("=")[0], int(match[1] or 0)


class _Page:
    """Lines that together stay within a budget."""

    def __init__(self, tokens: int, reserve: int) -> None:
        self._left = int(tokens * _BYTES_PER_TOKEN) - reserve
        self._lines: list[str] = []

    def fits(self, lines: Iterable[str]) -> bool:
        return sum(len(line.encode()) + 1 for line in lines) <= self._left

    def add(self, lines: list[str]) -> None:
        self._lines += lines
        self._left -= sum(len(line.encode()) + 1 for line in lines)

    def add_what_fits(self, title: str, lines: Iterable[str], total: int, what: str) -> None:
        """Add a section's lines while they fit, and say how many did not (room for that is reserved)."""
        taken: list[str] = []
        for line in lines:
            if not self.fits([title, *taken, line] if not taken else [line]):
                break
            self.add([line] if taken else [title, line])
            taken.append(line)
        if len(taken) < total:
            self._lines.append(f"({total - len(taken)} of {total} {what} left out for length)")

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"


def _index_lines(outline: schema.Outline) -> list[str]:
    if not outline.index:
        return []
    named = [field.line() if field.name else f"- unnamed{field.line()[4:]}" for field in outline.index]
    return ["Index:", *named]


def _add_values(page: _Page, frame: Any, outline: schema.Outline, level: tuple[str, int], masked: set[str]) -> None:
    from claude_magic.frames.tabular import as_pandas

    frame = as_pandas(frame)
    hidden = _masked(frame, outline, masked)
    lines = (
        f"- {naming.quoted(field.name)}: masked"
        if n in hidden.columns
        else values.statistics(field.name, frame.iloc[:, n])
        for n, field in enumerate(outline.fields)
    )
    page.add_what_fits("Statistics:", lines, len(outline.fields), "columns' statistics")
    word, wanted = level
    if word in {"sample", "full"}:
        numbers = values.positions(outline.rows, wanted if word == "sample" else outline.rows)
        title = f"Rows: {len(numbers)} of {outline.rows}, as row number, index levels, columns"
        page.add_what_fits(title, values.row_lines(frame, numbers, hidden), len(numbers), "rows")


def _masked(frame: Any, outline: schema.Outline, masked: set[str]) -> values.Masked:
    """Find the masked columns and index levels, by the user's label, a level of it, or the name in the file."""
    labels = [{naming.label_text(part) for part in (label, *_parts(label))} for label in frame.columns]
    columns = (n for n, field in enumerate(outline.fields) if {field.name, *labels[n]} & masked)
    levels = (n for n, field in enumerate(outline.index) if field.name in masked)
    return values.Masked(frozenset(columns), frozenset(levels))


def _parts(label: Any) -> tuple[Any, ...]:
    """Return the levels of a column's label: masking `pay` masks `("pay", "2024")`, too."""
    return label if isinstance(label, tuple) else ()
