"""Ctrl-C at a moment when something that was paid for is put away: it waits until that is done, and is not forgotten.

Only the main thread gets signals; in any other thread a `Shield` does nothing, and nothing is needed there.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Shield:
    """Holds Ctrl-C back while it is entered, except inside `lifted`.

    Attributes:
        pending: whether one came and has not been raised; who holds the shield says so when it is done.

    """

    def __init__(self) -> None:
        self.pending = False
        self._lifted = False
        self._before: Callable[[int, Any], Any] | None = None

    def __enter__(self) -> Self:
        """Take over SIGINT, unless it is ignored or none of Python's."""
        before = signal.getsignal(signal.SIGINT)
        if callable(before) and threading.current_thread() is threading.main_thread():
            self._before = before
            signal.signal(signal.SIGINT, self._held)
        return self

    def __exit__(self, *_: object) -> None:
        """Give SIGINT back."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Let one Ctrl-C through, also one that came before: for what takes long and can be left.

        Raises:
            KeyboardInterrupt: as Ctrl-C does.

        """
        self._lifted = True
        try:
            if self.pending:
                self.pending = False
                raise KeyboardInterrupt
            yield
        finally:
            self._lifted = False

    def _held(self, number: int, frame: Any) -> None:
        if self._lifted and self._before is not None:
            self._lifted = False  # one is enough: what follows is putting away what there is
            self._before(number, frame)
        else:
            self.pending = True
