"""Everything the server refuses, in the API's error shape.

A `Problem` is raised anywhere below a request and becomes the answer: status, ``error.type``, message, sometimes
``error.details``. The texts imitate the API's patterns; the paths in them are the API's, as in
``messages.0.content.2.text: Field required``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Problem(Exception):
    """An answer other than 200.

    Args:
        status: HTTP status; the API's ``error.type`` follows from it (other 4xx are invalid_request_error).
        message: the API's ``error.message``.
        code: ``error.details.error_code``; without it `details` is left out of the body.
        details: further keys of ``error.details``.
        headers: response headers such as ``retry-after``.

    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = _TYPES.get(status, "invalid_request_error")
        self.details = {"error_code": code, **(details or {})} if code else None
        self.headers = dict(headers or {})

    def body(self, request_id: str | None) -> dict[str, Any]:
        """The JSON object that goes over the wire, also as the data of an `error` event."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        return {"type": "error", "error": error, "request_id": request_id}


def refuse(path: str, message: str) -> NoReturn:
    """Answer 400 ``path: message``."""
    raise Problem(400, f"{path}: {message}" if path else message)


def not_done(what: str, *, code: str | None = None) -> NoReturn:
    """Answer 400: valid for the API, but this server has nothing behind it; `code` is the API's own for it, if any."""
    raise Problem(400, f"The local server does not do {what}. Use the Claude API for it.", code=code)


def encode(value: Any) -> bytes:
    """Compact JSON, as the API writes it: UTF-8, non-ASCII characters as themselves."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
