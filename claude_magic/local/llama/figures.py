"""Figures in words, held against what was printed.

A small model words figures that it was shown, and at times others. Those are named below its answer.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\w)")


def unfounded(words: str, source: str) -> tuple[str, ...]:
    """The numbers of `words` that are none of `source`, rounded as they stand in the words; each once, in order."""
    known = [_value(found) for found in _NUMBER.findall(source)]
    return tuple(dict.fromkeys(found for found in _NUMBER.findall(words) if not _is_among(found, known)))


def _is_among(number: str, known: list[float]) -> bool:
    """Whether a number is one of those, at the precision it is written with, or as percent of one of them."""
    slack = 0.5 * 10.0 ** -len(number.partition(".")[2]) + 1e-9
    value = _value(number)
    return any(abs(value - k) <= slack or abs(value - 100 * k) <= slack for k in known)


def _value(number: str) -> float:
    return float(number.replace(",", ""))
