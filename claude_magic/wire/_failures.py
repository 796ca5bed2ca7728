"""Status, headers and body of an error response, made into one exception of the tree.

The API's own errors are JSON, but not everything that answers is the API: Cloudflare's 413 is HTML, gateways and local
servers have shapes of their own. What cannot be read falls back to the status.
"""

from __future__ import annotations

import json
import re
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from claude_magic import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from claude_magic.errors import APIError

_OVERLOADED: Final = 529  # not a registered status
_BY_STATUS: Final[dict[int, type[APIError]]] = {
    401: errors.AuthenticationFailed,
    402: errors.BillingProblem,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    408: errors.ServerTimeout,
    409: errors.Conflict,
    413: errors.RequestTooLarge,
    429: errors.RateLimited,
    504: errors.ServerTimeout,
    _OVERLOADED: errors.Overloaded,
}
_SPEND_CODES: Final = frozenset({"enforced_spend_limit_reached", "contract_spend_limit_reached", "ramp_limit_exceeded"})
# A spend cap that carries no code is known by its wording; the pages have reworded it more than once.
_SPEND_WORDS: Final = re.compile(
    r"\b(spend|spending|usage|credit|monthly)\b.{0,40}\b(limits?|cap|reached)\b", re.IGNORECASE
)
_ADVICE: Final = {
    "file_expired": "Upload it again.",
    "file_not_downloadable": "Only files that code execution made can be downloaded.",
    "storage_quota_exceeded": "Delete files you no longer need (`%claude files`).",
    "thread_not_found": "Send the whole conversation again.",
}
_NO_TIME: Final = "The server names no time to wait: a spend limit may be reached (limits page of the Claude Console)."


def api_error(
    status: int, headers: Mapping[str, str], body: bytes, redact: Callable[[str], str] = lambda text: text
) -> APIError:
    """Return the exception for an error response.

    Args:
        status: HTTP status, 400 or above.
        headers: with lower-case names.
        body: as it came, decoded from any content encoding; JSON or not.
        redact: masks the key; applied to every text taken from the response.

    """
    # Before parsing for what stands as it is, after it for what was escaped.
    answer = _json(redact(body.decode("utf-8", "replace")))
    message, kind, details = _parts(answer)
    message = redact(message)
    request_id = redact(headers.get("request-id") or _text(answer.get("request_id"))) or None
    wait = retry_after(headers)
    cls = _class(status, message, details, wait)
    rest: dict[str, Any] = {"advice": _advice(cls, message, details, wait)}
    if issubclass(cls, errors.RateLimited):
        rest["retry_after"] = wait
    return cls(
        message or _status_line(status),
        status=status,
        error_type=redact(kind),
        request_id=request_id,
        details=details,
        **rest,
    )


def _class(status: int, message: str, details: Mapping[str, Any], wait: float | None) -> type[APIError]:
    if status == HTTPStatus.TOO_MANY_REQUESTS and (
        details.get("error_code") in _SPEND_CODES or (wait is None and _SPEND_WORDS.search(message))
    ):
        return errors.SpendLimitReached
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return errors.ServerFailed if status >= HTTPStatus.INTERNAL_SERVER_ERROR else errors.BadRequest


def _json(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):  # HTML of a proxy, plain text, nothing: the status has to say it
        return {}
    return answer if isinstance(answer, dict) else {}


def error_in(body: bytes) -> dict[str, Any]:
    """Return the API's error object when `body` is one, else an empty one."""
    answer = _json(body.decode("utf-8", "replace"))
    return answer if answer.get("type") == "error" else {}


def _parts(answer: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Return message, type and details. Shapes: the API's, OpenAI's and llama.cpp's, Ollama's, FastAPI's."""
    error = answer.get("error")
    if isinstance(error, dict):
        details = error.get("details")
        return _text(error.get("message")), _text(error.get("type")), details if isinstance(details, dict) else {}
    return _text(error) or _text(answer.get("message")) or _text(answer.get("detail")), "", {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _status_line(status: int) -> str:
    if status == _OVERLOADED:
        return "The server is overloaded."
    try:
        return f"The server answered: {HTTPStatus(status).phrase}."
    except ValueError:  # not a registered status
        return "The server answered with an error."


def _advice(cls: type[APIError], message: str, details: Mapping[str, Any], wait: float | None) -> str | None:
    """Return what to do where more is known than the class of error says; None leaves it to the class."""
    code = details.get("error_code")
    if isinstance(code, str) and code in _ADVICE:
        return _ADVICE[code]
    if cls is errors.RateLimited and wait is None:
        return _NO_TIME
    if cls is errors.NotFound and message.startswith("model:"):
        return "`%claude models` lists the models there are."
    if cls is errors.NotFound and message.startswith("File "):
        return "`%claude files` lists the files there are."
    return None


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return the seconds the server asks to wait, or None.

    Args:
        headers: with lower-case names.
        now: POSIX time, for the form that is an HTTP date; None reads the clock.

    Source: order and forms as Anthropic's SDK 2.12 reads them: `retry-after-ms`, then `retry-after` as seconds, then
    as a date. What is not above 0 does not count.

    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        return seconds if 0 < seconds < float("inf") else None  # NaN compares false with everything
    return _until(headers.get("retry-after", ""), time.time() if now is None else now)


def _until(date: str, now: float) -> float | None:
    try:
        seconds = parsedate_to_datetime(date).timestamp() - now
    except ValueError:  # no date either
        return None
    return seconds if seconds > 0 else None
