"""What commands return: tables that are DataFrames, and facts with a readable repr. Everything shown is cleaned."""

from __future__ import annotations

import html
from functools import cache
from typing import TYPE_CHECKING, Any

from claude_magic.rendering import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@cache
def _table_class() -> Any:
    import pandas as pd

    class Table(pd.DataFrame):
        """A DataFrame that notebooks show in full width and without MathJax: a cell's text is never a formula."""

        @property
        def _constructor(self) -> Any:  # what is made from a table is an ordinary DataFrame
            return pd.DataFrame

        def _repr_html_(self) -> Any:
            with pd.option_context("display.html.use_mathjax", False, "display.max_colwidth", 80):  # noqa: FBT003
                return super()._repr_html_()  # type: ignore[misc]

    return Table


def table(rows: Iterable[Mapping[str, Any]], columns: list[str]) -> Any:
    """Return rows as a DataFrame; text in them came over the wire and is stripped of control characters."""
    cleaned = [{key: plain(v) if isinstance(v, str) else v for key, v in row.items()} for row in rows]
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


class Facts(dict[str, Any]):
    """Named facts, shown as two columns; a dictionary to the program."""

    def __repr__(self) -> str:
        """Return aligned lines."""
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:<{width}}  {plain(str(value))}" for name, value in self.items())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(plain(str(value)))}</td></tr>"
            for name, value in self.items()
        )
        return f"<table class='tex2jax_ignore mathjax_ignore'>{rows}</table>"


class Text(str):
    """Text that shows itself as it is, line breaks included."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the text."""
        return str(self)
