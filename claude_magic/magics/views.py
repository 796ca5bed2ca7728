"""What commands return: tables that are DataFrames, and facts with a readable repr. Everything shown is cleaned."""

from __future__ import annotations

import html
from functools import cache
from typing import TYPE_CHECKING, Any

from claude_magic.errors import harmless, unlinked
from claude_magic.frames import table_class
from claude_magic.rendering import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@cache
def _table_class() -> Any:
    import pandas as pd

    class Table(table_class()):  # type: ignore[misc]
        """A DataFrame that notebooks show in full width; a cell's text is never a formula or a control sequence."""

        def _repr_html_(self) -> Any:
            with pd.option_context("display.max_colwidth", 80):
                return super()._repr_html_()

    return Table


def table(rows: Iterable[Mapping[str, Any]], columns: list[str]) -> Any:
    """Return rows as a DataFrame; text in them came over the wire and is stripped of control characters."""
    cleaned = [{key: _cell(value) for key, value in row.items()} for row in rows]
    made = _table_class()(cleaned, columns=columns)
    for name in columns:
        values = [row.get(name) for row in cleaned]
        if (
            None in values
            and any(isinstance(v, int) for v in values)
            and all(isinstance(v, int | None) for v in values)
        ):
            made[name] = made[name].astype("Int64")  # whole numbers stay whole beside missing values
    return made


def _cell(value: Any) -> Any:
    """Return text cleaned, numbers as they are, and as text what a server should not have put there."""
    return value if value is None or isinstance(value, int | float) else plain(str(value))


class Facts(dict[str, Any]):
    """Named facts, shown as two columns; a dictionary to the program."""

    def __repr__(self) -> str:
        """Return aligned lines; a value with line breaks cannot pass for another line."""
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:<{width}}  {harmless(value)}" for name, value in self.items())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(plain(str(value)))}</td></tr>"
            for name, value in self.items()
        )
        return f"<table class='tex2jax_ignore mathjax_ignore'>{rows}</table>"


class Text(str):
    """Text that shows itself as it is, line breaks included; nothing in it commands a terminal."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the text, cleaned: names in it may have come over the wire."""
        return unlinked(plain(str(self)))
