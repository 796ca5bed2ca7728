"""The rate-limit headers: an account of the running minute against the API's Start tier.

Nothing is ever refused (a test asks for a 429 through a fault); the figures are true to what was used, so that a
client's display has something to show.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from claude_magic.local.files import rfc3339

_LIMITS = {"requests": 1000, "input-tokens": 2_000_000, "output-tokens": 400_000}
_MINUTE = 60.0


class Limits:
    """What was used in the running minute; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since = time.monotonic()
        self._used = dict.fromkeys(_LIMITS, 0)

    def spend(self, *, requests: int = 0, input_tokens: int = 0, output_tokens: int = 0) -> None:
        """Add to the account."""
        with self._lock:
            if time.monotonic() - self._since >= _MINUTE:
                self._since = time.monotonic()
                self._used = dict.fromkeys(_LIMITS, 0)
            for name, more in zip(_LIMITS, (requests, input_tokens, output_tokens), strict=True):
                self._used[name] += more

    def headers(self) -> dict[str, str]:
        """The four header groups; token remainders to the nearest thousand, `tokens` being the scarcest of the two."""
        with self._lock:
            left = {name: max(0, limit - self._used[name]) for name, limit in _LIMITS.items()}
            wait = max(0.0, self._since + _MINUTE - time.monotonic()) if any(self._used.values()) else 0.0
        reset = rfc3339((datetime.now(UTC) + timedelta(seconds=wait)).replace(microsecond=0)).replace(".000000", "")
        scarcest = min(("input-tokens", "output-tokens"), key=lambda name: left[name] / _LIMITS[name])
        groups = {**{name: (_LIMITS[name], left[name]) for name in left}, "tokens": (_LIMITS[scarcest], left[scarcest])}
        headers = {}
        for name, (limit, remaining) in groups.items():
            shown = remaining if name == "requests" else round(remaining, -3)
            headers[f"anthropic-ratelimit-{name}-limit"] = str(limit)
            headers[f"anthropic-ratelimit-{name}-remaining"] = str(shown)
            headers[f"anthropic-ratelimit-{name}-reset"] = reset
        return headers
