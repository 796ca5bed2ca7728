"""Rate limits as the response headers tell them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


_DIGITS = 19  # of a number that fits 64 bits; Python itself reads no more than 4,300


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit.

    Attributes:
        limit: the most in a minute: requests, or tokens.
        remaining: what is left now; tokens are rounded to thousands by the API.
        reset: when it is full again.

    """

    limit: int | None
    remaining: int | None
    reset: datetime | None


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The limits a response told about; None for those it did not.

    Source: headers `anthropic-ratelimit-*`, `anthropic-priority-*` and `anthropic-fast-*`.
    """

    requests: Limit | None = None
    tokens: Limit | None = None
    input_tokens: Limit | None = None
    output_tokens: Limit | None = None
    priority_input_tokens: Limit | None = None
    priority_output_tokens: Limit | None = None
    fast_input_tokens: Limit | None = None
    fast_output_tokens: Limit | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> RateLimits | None:
        """Read the limits, or None when there are none."""
        found = {field.name: _limit(headers, field.name) for field in fields(cls)}
        return cls(**found) if any(found.values()) else None


def _limit(headers: Mapping[str, str], name: str) -> Limit | None:
    dashed = name.replace("_", "-")
    prefix = f"anthropic-{dashed}" if name.startswith(("priority", "fast")) else f"anthropic-ratelimit-{dashed}"
    limit, remaining, reset = (headers.get(f"{prefix}-{part}") for part in ("limit", "remaining", "reset"))
    if limit is None and remaining is None and reset is None:
        return None
    return Limit(_number(limit), _number(remaining), _time(reset))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < _DIGITS else None


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:  # a gateway's own format: unknown, not wrong
        return None
