"""Two files that should be the same: tables exactly, pictures with tolerance, anything else byte by byte."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from claude_magic.errors import FileProblem, one_line

if TYPE_CHECKING:
    from pathlib import Path

    from claude_magic.containers.artifacts import Artifact

Kind = Literal["table", "image", "file", "output", "run"]
Agreement = Literal["agrees", "differs", "not made here", "made only here"]

# Two renderings of the same chart differ in the smoothing of letters and lines, by the version of FreeType; on the
# scale of 0 to 255. A bar or a line that moved changes more pixels than that.
MEAN_DIFFERENCE = 1.0
PIXEL_DIFFERENCE = 16
PIXEL_SHARE = 0.005
_MOST_CELLS = 3
_LONGEST_CELL = 40


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was compared.

    Attributes:
        name: the file, or what else.
        kind: how it was compared.
        verdict: whether both are the same.
        detail: how far they are, or where they differ.

    """

    name: str
    kind: Kind
    verdict: Agreement
    detail: str = ""


def compare(name: str, there: Artifact, here: Path) -> Check:
    """Compare a file of the answer with the one that was made here."""
    from claude_magic import frames
    from claude_magic.frames.artifacts import KINDS

    if here.read_bytes() == there.bytes():
        kind: Kind = "image" if there.is_picture else "table" if _ending(name) in KINDS else "file"
        return Check(name, kind, "agrees", "identical bytes")
    if there.is_picture:
        return _pictures(name, there, here)
    if _ending(name) in KINDS:
        try:
            return _tables(name, there.frame(), frames.load_artifact(here, name))
        except FileProblem:  # no table after all: a JSON text of another shape
            pass  # compared as any other file, below
    sizes = f"{there.size:,} bytes there, {here.stat().st_size:,} here"
    return Check(name, "file", "differs", f"bytes differ ({sizes})")


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _tables(name: str, there: Any, here: Any) -> Check:
    if there.shape != here.shape:
        return Check(name, "table", "differs", f"{_shape(there)} there, {_shape(here)} here")
    labels = [(i, a, b) for i, (a, b) in enumerate(zip(there.columns, here.columns, strict=True)) if a != b]
    if labels:
        at, a, b = labels[0]
        return Check(name, "table", "differs", f"column {at + 1} is called {_cell(a)} there, {_cell(b)} here")
    cells = _differing(there, here)
    if cells:
        told = "; ".join(_told(there, here, row, column) for row, column in cells[:_MOST_CELLS])
        more = "" if len(cells) <= _MOST_CELLS else f" and {len(cells) - _MOST_CELLS:,} cells more"
        return Check(name, "table", "differs", told + more)
    return Check(name, "table", "agrees", f"{_shape(there)}, every cell equal")


def _differing(there: Any, here: Any) -> list[tuple[int, int]]:
    """Return row and column of each cell that differs, row by row; missing equals missing, and nothing is rounded."""
    found: list[tuple[int, int]] = []
    for column in range(there.shape[1]):
        # Lists of Python values, so that any two of them can be compared, whatever the columns' types are.
        pairs = zip(there.iloc[:, column].tolist(), here.iloc[:, column].tolist(), strict=True)
        found += [(row, column) for row, (a, b) in enumerate(pairs) if not _same(a, b)]
    return sorted(found)


def _told(there: Any, here: Any, row: int, column: int) -> str:
    a, b = (_cell(frame.iloc[row, column]) for frame in (there, here))
    return f"row {row + 1}, column {_cell(there.columns[column])}: {a} there, {b} here"


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, list | dict) or isinstance(b, list | dict):
        return repr(a) == repr(b)
    import pandas as pd

    if pd.isna(a) or pd.isna(b):
        return bool(pd.isna(a) and pd.isna(b))
    return (type(a) is type(b) or (_number(a) and _number(b))) and bool(a == b)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shape(frame: Any) -> str:
    return f"{frame.shape[0]:,} rows x {frame.shape[1]:,} columns"


def _cell(value: Any) -> str:
    words = one_line(value)
    return words if len(words) <= _LONGEST_CELL else words[: _LONGEST_CELL - 1] + "…"


def _pictures(name: str, there: Artifact, here: Path) -> Check:
    from PIL import Image

    try:
        first = there.image().convert("RGBA")
        with Image.open(here) as opened:
            second = opened.convert("RGBA")
    except (FileProblem, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return Check(name, "image", "differs", "one of the two is no picture that can be read")
    if first.size != second.size:
        sizes = " there, ".join(f"{w} by {h} pixels" for w, h in (first.size, second.size))
        return Check(name, "image", "differs", f"{sizes} here")
    mean, share = distance(first, second)
    same = mean <= MEAN_DIFFERENCE and share <= PIXEL_SHARE
    detail = f"mean difference {mean:.2f} of 255, {share:.2%} of the pixels differ"
    return Check(name, "image", "agrees" if same else "differs", detail)


def distance(first: Any, second: Any) -> tuple[float, float]:
    """Return how far two RGBA pictures of one size are: mean difference (0 to 255), share of differing pixels.

    A pixel differs when one of its four values is off by more than `PIXEL_DIFFERENCE`.
    """
    import numpy as np

    apart = np.abs(np.asarray(first, dtype=np.int16) - np.asarray(second, dtype=np.int16))
    if not apart.size:
        return 0.0, 0.0
    return float(apart.mean()), float((apart.max(axis=-1) > PIXEL_DIFFERENCE).mean())
