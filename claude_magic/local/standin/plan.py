"""What a prompt was read as: plain values between reading (`intents`) and writing code (`code`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows to keep: `column` `op` any of `values` (op is one of ``==``, ``!=``, ``>``, ``>=``, ``<``, ``<=``)."""

    column: str
    op: str
    values: tuple[str | float, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do with the table.

    Attributes:
        intent: a key of `intents.INTENTS`.
        values: columns measured or shown (what "y" is).
        x: the other axis: time for a line, the second number of a scatter or regression.
        by: columns that make groups.
        colour: the column that colours points or lines.
        aggs: pandas' names of aggregations, "count" for rows and "share" for percentages.
        n: how many, for the largest or smallest.
        ascending: smallest first.
        freq: pandas' offset alias of a resampling, "" to choose by the time spanned.
        focus: the group whose share was asked for; the answer leads with it.
        assumed: what was not said and therefore chosen, as short clauses for the answer.

    """

    intent: str
    values: tuple[str, ...] = ()
    x: str = ""
    by: tuple[str, ...] = ()
    colour: str = ""
    aggs: tuple[str, ...] = ()
    n: int = 0
    ascending: bool = False
    freq: str = ""
    focus: str = ""
    assumed: tuple[str, ...] = ()

    def columns(self) -> tuple[str, ...]:
        """Every column the step touches, once."""
        return tuple(dict.fromkeys(c for c in (*self.values, self.x, *self.by, self.colour) if c))


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps of one prompt.

    Attributes:
        steps: in the order of the prompt; a single "profile" when the prompt could not be read.
        filters: rows kept before any step.
        understood: False when the prompt could not be read.
        unread: parts of the prompt that were not read, as typed.

    """

    steps: tuple[Step, ...]
    filters: tuple[Filter, ...] = ()
    understood: bool = True
    unread: tuple[str, ...] = ()

    def columns(self) -> tuple[str, ...]:
        """Every column any step or filter touches, once."""
        touched = [c for s in self.steps for c in s.columns()] + [f.column for f in self.filters]
        return tuple(dict.fromkeys(touched))
