"""A frame as a writer sees it: pieces of a few MB in order, what to hash, what to say of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from hashlib import blake2b
    from typing import BinaryIO

    from claude_magic.frames.loadcode import LoadCode

# 65,536 rows of 10 columns are about 5 MB; the figures keep a piece near that, and keep a frame of thousands of
# columns from falling into thousands of pieces.
_MOST_ROWS, _FEWEST_ROWS, _PIECE_BYTES, _HEAD = 65_536, 2_048, 16_000_000, 1_024


class PieceWriter(Protocol):
    """Writes pieces into an open file."""

    def write(self, table: Any) -> None:
        """Write one piece."""

    def close(self) -> None:
        """Write what must stand at the end; the file stays open."""

    def abandon(self) -> None:
        """Write no more, whatever is missing: the file is about to be thrown away."""


@dataclass(frozen=True, slots=True)
class Source(ABC):
    """A frame in pieces.

    Attributes:
        rows: number of rows.
        columns: number of the user's columns, without the index.
        tables: `tables(n)` gives the frame in pieces of at most n rows, each with `num_rows` and `nbytes`.
        conversions: lines for the receipt.
        load_code: gives the loading code for a name.

    """

    rows: int
    columns: int
    tables: Callable[[int], Iterator[Any]]
    conversions: tuple[str, ...]
    load_code: Callable[[str], LoadCode]

    @abstractmethod
    def feed_schema(self, digest: blake2b) -> None:
        """Feed what stands outside the rows."""

    @abstractmethod
    def feed(self, digest: blake2b, table: Any) -> None:
        """Feed one piece."""

    @abstractmethod
    def writer(self, file: BinaryIO, first: Any) -> PieceWriter:
        """Open a writer on `file`; `first` is the first piece, None when there is none."""

    def group_rows(self, limit_bytes: int | None = None) -> int:
        """Return how many rows a piece gets: near 16 MB, and well below `limit_bytes`."""
        head = next(self.tables(_HEAD), None)
        width = max(1.0, head.nbytes / head.num_rows) if head is not None and head.num_rows else 1.0
        rows = max(_FEWEST_ROWS, min(_MOST_ROWS, int(_PIECE_BYTES / width)))
        return rows if limit_bytes is None else max(1, min(rows, int(limit_bytes / width / 4)))
