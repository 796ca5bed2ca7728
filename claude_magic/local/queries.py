"""Reads query strings: strict about values, both spellings of array keys (``ids[]``, percent-encoded or not)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from claude_magic.local.problems import refuse
from claude_magic.local.shapes import integer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from starlette.requests import Request

T = TypeVar("T")
_LIMIT = (1, 20, 1000)  # least, default, most


def check_keys(request: Request, known: Collection[str]) -> None:
    """Refuse unknown query keys; ``beta`` is what older clients add, and means nothing."""
    for key in request.query_params:
        if key not in known and key != "beta":
            refuse(key, "Extra inputs are not permitted")


def limit(request: Request) -> int:
    """The page size, 20 when not given.

    Raises:
        Problem: 400, not a number from 1 to 1000.

    """
    least, default, most = _LIMIT
    text = request.query_params.get("limit")
    if text is None:
        return default
    return whole_number(text, "limit", least, most)


def whole_number(text: str, path: str, least: int, most: int) -> int:
    """The number that `text` writes in plain digits.

    Raises:
        Problem: 400, it writes none, or one outside `least` to `most`.

    """
    if not re.fullmatch(r"-?[0-9]{1,12}", text):
        refuse(path, "Input should be a valid integer, unable to parse string as an integer")
    integer(least=least, most=most)(int(text), path)
    return int(text)


def by_ids(
    request: Request, entries: Sequence[T], *, ident: Callable[[T], str], info: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    """One page of `entries` (newest first) in the ``before_id`` / ``after_id`` style, as the answer's body.

    Raises:
        Problem: 400, both marks are given, or one that names nothing.

    """
    size = limit(request)
    before, after = request.query_params.get("before_id"), request.query_params.get("after_id")
    if before and after:
        refuse("", "before_id and after_id cannot be used together")
    names = [ident(entry) for entry in entries]
    for key, mark in (("before_id", before), ("after_id", after)):
        if mark and mark not in names:
            refuse(key, f"'{mark}' is not in the list")
    if before:
        rest = entries[: names.index(before)]
        page, more = rest[-size:], len(rest) > size
    else:
        rest = entries[names.index(after) + 1 :] if after else entries
        page, more = rest[:size], len(rest) > size
    data = [info(entry) for entry in page]
    ends = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"data": data, "has_more": more, "first_id": ends[0], "last_id": ends[1]}
