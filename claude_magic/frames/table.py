"""Frames of foreign content, shown so that they stay data.

pandas escapes HTML, but it lets MathJax at a table, where a column's name can be a definition that changes the formulas
of every other cell, and it passes control sequences on to a terminal. What is shown of these frames does neither; what
is in them is as it came.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from claude_magic.errors import visible

if TYPE_CHECKING:
    import pandas as pd


def inert(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the same data as a DataFrame that shows itself as text only, as do the frames made from it.

    A single column is an ordinary Series: tests of equality tell its class apart, and MathJax never sees it.
    """
    return table_class()(frame)  # type: ignore[no-any-return]


@cache
def table_class() -> Any:
    """Return the class of such frames; pandas is imported by whoever has a frame."""
    import pandas as pd

    class Table(pd.DataFrame):
        """A DataFrame whose text is never a formula to MathJax and never a command to a terminal."""

        @property
        def _constructor(self) -> Any:
            return Table

        def _repr_html_(self) -> Any:
            with pd.option_context("display.html.use_mathjax", False):  # noqa: FBT003
                made = super()._repr_html_()  # type: ignore[misc]
            return None if made is None else visible(made)

        def __repr__(self) -> str:
            return visible(super().__repr__())

        def __reduce_ex__(self, _: Any) -> Any:  # where it is read again this class may not be there
            return pd.DataFrame, (pd.DataFrame(self),)

    return Table
