"""Carries events from an engine's thread into the event loop.

An engine is plain blocking code, so each answer runs in a thread of its own. The thread appends to a queue and wakes
the loop; the loop takes whatever is there, so a burst of events costs one wake-up. When the client goes away, or the
server ends, `stop` makes the loop's side end at once, kills what runs in the container and closes the generator.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from claude_magic.local.engine import Event

_AHEAD = 2000  # events an engine may be ahead of a slow client
_PAUSE = 0.005


class Pump:
    """Runs `events` in a thread.

    Args:
        events: the generator; only the thread touches it.
        kill: ends what the generator waits for; called by `stop`, must not block.

    """

    def __init__(self, events: Iterator[Event], kill: Callable[[], None]) -> None:
        self._events = events
        self._kill = kill
        self._ready: deque[Event] = deque()
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._done = False
        self._error: BaseException | None = None
        self.stopped = threading.Event()
        threading.Thread(target=self._work, name="answer", daemon=True).start()

    def stop(self) -> None:
        """End it now."""
        if not self.stopped.is_set():
            self.stopped.set()
            self._wake.set()
            self._kill()

    async def batches(self, silence: float) -> AsyncIterator[list[Event]]:
        """Events in the order they came, as many at a time as there are; an empty list after `silence` seconds.

        Raises:
            BaseException: what the generator raised.

        """
        while not self.stopped.is_set():
            try:
                await asyncio.wait_for(self._wake.wait(), silence)
            except TimeoutError:
                yield []
                continue
            self._wake.clear()
            done = self._done  # before emptying: what is put later sets the event again
            batch = [self._ready.popleft() for _ in range(len(self._ready))]
            if batch and not self.stopped.is_set():
                yield batch
            if done:
                break
        if self._error is not None and not self.stopped.is_set():
            raise self._error

    def _work(self) -> None:
        try:
            for event in self._events:
                while len(self._ready) > _AHEAD and not self.stopped.is_set():
                    time.sleep(_PAUSE)
                if self.stopped.is_set():
                    break
                self._ready.append(event)
                self._signal()
        except Exception as error:  # noqa: BLE001 - handed over to the loop's side, which answers and logs
            self._error = error
        finally:
            close = getattr(self._events, "close", None)
            if close is not None:
                close()
            self._done = True
            self._signal()

    def _signal(self) -> None:
        # A loop that has ended waits for nothing.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wake.set)
