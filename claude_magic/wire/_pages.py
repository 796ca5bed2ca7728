"""Lists that come in pages, of both kinds, and of servers that have none.

`page`/`next_page` (files, skills): an empty page is not the end, a null `next_page` is.
`after_id`/`last_id` with `has_more` (models, batches, and files under their old beta value).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic.wire._urls import with_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from claude_magic.wire._sender import Sender


def items(sender: Sender, path: str, pairs: Sequence[tuple[str, object]] = ()) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list, fetching a page when it is needed."""
    seen: set[tuple[str, object]] = set()
    cursor: tuple[str, object] | None = None
    while True:
        body, _ = sender.json("GET", with_query(path, [*pairs, *([cursor] if cursor else [])]))
        data = body.get("data") or body.get("models") or []
        yield from (item for item in data if isinstance(item, dict)) if isinstance(data, list) else ()
        cursor = _next(body)
        if cursor is None or cursor in seen:  # a server that hands out the same page for ever
            return
        seen.add(cursor)


def _next(body: dict[str, Any]) -> tuple[str, object] | None:
    if isinstance(body.get("next_page"), str) and body["next_page"]:
        return "page", body["next_page"]
    if body.get("has_more") is True and isinstance(body.get("last_id"), str):
        return "after_id", body["last_id"]
    return None
