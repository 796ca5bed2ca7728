"""One exchange as values: what is sent, and what may come of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claude_magic.errors import ConnectionFailed

# One piece above this goes out in pieces: httpcore copies what is left of it after every send().
PIECE: Final = 256 * 1024


class Headers(Mapping[str, str]):
    """Response headers: names in any case."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._by_name: dict[str, str] = {}
        for name, value in pairs:
            known = self._by_name.get(name.lower())
            self._by_name[name.lower()] = value if known is None else f"{known}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._by_name[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return f"Headers({self._by_name!r})"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, without credentials.

    Attributes:
        method: HTTP method.
        path: path with query, percent-encoded, below the base URL.
        headers: of this call alone.
        body: bytes, or an iterable of pieces that can be iterated again.
        length: length of `body` when that is pieces.
        whole: read the answer's body before returning it.
        repeatable: whether doing it twice is harmless.
        public: send no credentials.
        stop: set from any thread, it ends the wait for another attempt, and none is made.

    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    length: int | None = None
    whole: bool = True
    repeatable: bool = True
    public: bool = False
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer came, or it broke off.

    Attributes:
        error: what to raise when nobody tries again.
        stale: the connection had been kept and the server had closed it meanwhile: nobody saw the request.
        begun: the answer had begun.

    """

    error: ConnectionFailed
    stale: bool = False
    begun: bool = False


class Pieces:
    """Bytes in pieces, as often as wanted."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), PIECE):
            yield self._data[start : start + PIECE]
