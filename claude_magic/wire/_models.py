"""Models: the list and one."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from claude_magic.wire._pages import items
from claude_magic.wire._urls import segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from claude_magic.wire._sender import Sender

_PAGE = 1000  # the most the API gives at once


class Models:
    """`/v1/models`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(self, lifecycle: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return all models, newest first, as the API's objects.

        Args:
            lifecycle: any of active, deprecated, retired; None leaves it to the API (active and deprecated).

        Gateways that answer with OpenAI's shape are understood: what is missing for a name and a date is filled in,
        everything else stays absent, which means unknown.

        """
        pairs = [("limit", _PAGE), *(("lifecycle[]", one) for one in lifecycle or ())]
        return [_filled(item) for item in items(self._sender, "/v1/models", pairs)]

    def get(self, model_id: str) -> dict[str, Any]:
        """Return one model by id or alias.

        Raises:
            NotFound: there is none.

        """
        return _filled(self._sender.json("GET", f"/v1/models/{segment(model_id)}")[0])


def _filled(model: Mapping[str, Any]) -> dict[str, Any]:
    name = model.get("id") or model.get("model") or model.get("name") or ""
    filled = {"id": name, "type": "model", "display_name": name, **model}
    created = model.get("created")
    if "created_at" not in model and isinstance(created, int):
        with suppress(ValueError, OverflowError, OSError):  # a number that is no time
            filled["created_at"] = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return filled
