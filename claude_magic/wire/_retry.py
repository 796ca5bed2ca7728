"""When to send again, and after how long: the rules of Anthropic's SDK 2.12, with a ceiling of our own.

A retried POST may be executed twice, and billed twice: there is no idempotency header. So nothing is retried once an
answer has begun.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from claude_magic.errors import SpendLimitReached
from claude_magic.wire._failures import retry_after

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from claude_magic.errors import APIError

_RETRIED: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS})
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 8.0
_JITTER: Final = 0.25
_LOOK: Final = 0.25  # seconds: on Windows an interrupt does not end the wait for an event, only comes after it


def pause(seconds: float, stop: threading.Event) -> None:
    """Wait so long, or until `stop` is set."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not stop.wait(min(left, _LOOK)):
        pass


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, so that tests need not wait."""

    pause: Callable[[float, threading.Event], None] = pause
    now: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Retries:
    """How often to send again, and how long to wait at most.

    Attributes:
        most: retries beside the first attempt.
        max_wait: seconds; a server that asks for longer is not waited for.
        clock: where time comes from.

    """

    most: int = 2
    max_wait: float = 60.0
    clock: Clock = field(default_factory=Clock)

    def backoff(self, made: int) -> float | None:
        """Return the seconds to wait when nobody names them: 0.5, 1, 2, 4, 8, 8 …, up to a quarter less.

        None when `made` retries are all there are.
        """
        if made >= self.most:
            return None
        wait: float = min(_FIRST_WAIT * 2.0**made, _LONGEST_WAIT)
        return wait * (1 - _JITTER * self.clock.chance())

    def after(self, error: APIError, headers: Mapping[str, str], made: int) -> float | None:
        """Return the seconds to wait before sending again, or None when `error` is to be raised."""
        wait = self.backoff(made)
        if wait is None or not _worth_it(error, headers):
            return None
        asked = retry_after(headers, self.clock.now())
        if asked is None:
            return wait
        return asked if asked <= self.max_wait else None

    def too_long(self, error: APIError, headers: Mapping[str, str]) -> str:
        """Return the sentence that says how long the server asks to wait, when that is too long; empty otherwise."""
        asked = retry_after(headers, self.clock.now())
        if asked is None or asked <= self.max_wait or not _worth_it(error, headers):
            return ""
        at = time.strftime("%H:%M:%S", time.localtime(self.clock.now() + asked))
        return f"The server asks to wait {asked:.0f} s, until {at}: more than the {self.max_wait:g} s waited here."


def _worth_it(error: APIError, headers: Mapping[str, str]) -> bool:
    """Tell whether sending again can help."""
    if isinstance(error, SpendLimitReached):
        return False
    told = headers.get("x-should-retry")
    if told in {"true", "false"}:
        return told == "true"
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        # Rate limits name a time, spend caps do not, and waiting does not help them (errors page of the API, 2026-08).
        return "retry-after" in headers or "retry-after-ms" in headers
    return error.status in _RETRIED or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
