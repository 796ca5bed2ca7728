"""Everything that can go wrong, as one tree.

::

    ClaudeMagicError
    ├── UsageError                 what was typed: an option, an empty prompt, a name
    │   └── UndefinedName          an `{{ expression }}` or an option names what is not there
    ├── NoCredentials              nobody to ask: no key anywhere
    ├── LocalServerError           the local server did not start, or is not installed
    ├── SandboxError               code could not be run at all (a failing program is a result, not an error)
    ├── FileProblem                a file or frame that cannot go up, or come down
    ├── ConnectionFailed           no server there, or the line broke before an answer began
    │   └── TimedOut               nothing came for too long
    ├── Unfinished                 the answer began and did not end; what arrived is kept
    │   ├── StreamTruncated        the stream closed without `message_stop`
    │   ├── StreamFailed           an `error` event inside a stream that began with status 200
    │   └── Interrupted            Ctrl-C, the kernel's interrupt, a Stop button
    └── APIError                   the server answered with an error
        ├── BadRequest             400 invalid_request_error
        ├── AuthenticationFailed   401 authentication_error
        ├── BillingProblem         402 billing_error
        ├── PermissionDenied       403 permission_error
        ├── NotFound               404 not_found_error
        ├── Conflict               409 conflict_error
        ├── RequestTooLarge        413 request_too_large
        ├── RateLimited            429 rate_limit_error
        │   └── SpendLimitReached  429 that waiting does not cure
        └── ServerFailed           500 api_error, and every other 5xx
            ├── ServerTimeout      504 timeout_error
            └── Overloaded         529 overloaded_error

Each shows itself in a notebook as one line: what happened, what to do, the request id if there is one.
Statuses and types: the Claude API's error page, as of 2026-11.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

# C0 and C1 controls, zero-width and bidirectional marks: a server's message or a file name must not
# move the terminal's cursor or reorder what stands beside it. Lone surrogates cannot be encoded, so nothing shows them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]+"
)
# The same without line breaks and tabs, one by one, for text that keeps its lines.
_MARKS = re.compile(f"(?![\n\t]){_UNSAFE.pattern[:-1]}")
_SURROGATES = re.compile("[\ud800-\udfff]")
# A key, or what stands before the host of a URL: typed in the wrong place, or repeated by a server or a proxy.
_CREDENTIALS = re.compile(r"\bsk-[A-Za-z0-9_-]{8,}|(?<=://)[^\s/@]+(?=@)|\b[\w.+-]+:[^\s/@]+(?=@)")
# What Lab makes a link of in tracebacks and in text besides http: a click would open an application or a page of data.
_LINKED = re.compile(r"\b(?!https?:)([A-Za-z][A-Za-z0-9.+-]*:)(?=//)|\b(data:)(?=\S)", re.IGNORECASE)
_MAX_LINE = 600


def harmless(text: object) -> str:
    """`text` as one line of any length: controls, bidirectional marks and lone surrogates out, white space folded."""
    return " ".join(_UNSAFE.sub(" ", str(text)).split())


def one_line(text: object) -> str:
    """`text` as one harmless line of at most 600 characters."""
    line = harmless(text)
    return line if len(line) <= _MAX_LINE else line[: _MAX_LINE - 1] + "…"


def visible(text: str) -> str:
    """`text` with its lines and tabs, without controls and bidirectional marks; markup in it stays well-formed."""
    return _MARKS.sub("", _SURROGATES.sub("\ufffd", text))


def unlinked(text: str) -> str:
    """`text` with a space after every scheme but http and https, so that no front end makes a link of it."""
    return _LINKED.sub(r"\1\2 ", text)


def _told(text: object) -> str:
    """`text` as an error tells it: one line, without credentials."""
    return one_line(_CREDENTIALS.sub("[hidden]", harmless(text)))


class ClaudeMagicError(Exception):
    """The root: catch this to catch everything claude_magic raises on purpose.

    Args:
        message: what happened, in one sentence.
        advice: what to do about it, in one sentence.

    """

    advice: ClassVar[str] = ""

    def __init__(self, message: str, *, advice: str | None = None) -> None:
        self.message = _told(message)
        self.hint = _told(self.advice if advice is None else advice)
        super().__init__(self.message)

    def __str__(self) -> str:
        """One line: what happened, what to do."""
        return f"{self.message} {self.hint}".strip()

    def _render_traceback_(self) -> list[str]:
        """Return IPython's hook: one clean line, and the cell still fails (ipython, interactiveshell.showtraceback)."""
        return [f"{type(self).__name__}: {unlinked(str(self))}"]


class UsageError(ClaudeMagicError):
    """What was typed cannot be carried out; nothing was sent."""


class UndefinedName(UsageError):
    """A name in an option or in `{{ }}` is not defined in the notebook."""


class NoCredentials(ClaudeMagicError):
    """There is no key to send."""

    advice = "Run `%claude login` to enter a key, or `%claude use local` to try everything without one."


class LocalServerError(ClaudeMagicError):
    """The local server is not installed, or did not start."""


class SandboxError(ClaudeMagicError):
    """Code could not be run at all."""


class FileProblem(ClaudeMagicError):
    """A file or frame cannot go up or come down."""


class ConnectionFailed(ClaudeMagicError):
    """No server there, or the line broke before an answer began."""

    advice = "Check the network and `%claude status`; then run the cell again."


class TimedOut(ConnectionFailed):
    """Nothing came for too long."""


class Unfinished(ClaudeMagicError):
    """The answer began and did not end. What arrived is in the cell's output, in `_` and in the thread."""

    advice = "What arrived is kept in `_`."

    def __init__(self, message: str, *, advice: str | None = None, request_id: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.request_id = request_id

    def __str__(self) -> str:
        """One line, with the request id when there is one."""
        return super().__str__() + _tail(self.request_id)


class StreamTruncated(Unfinished):
    """The stream closed without `message_stop`."""


class StreamFailed(Unfinished):
    """An `error` event inside a stream that began with status 200.

    Args:
        error_type: the API's `error.type`, such as ``overloaded_error``.

    """

    def __init__(
        self, message: str, *, error_type: str, advice: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message, advice=advice, request_id=request_id)
        self.error_type = error_type


class Interrupted(Unfinished):
    """Stopped by the user."""


class APIError(ClaudeMagicError):
    """The server answered with an error.

    Args:
        message: the server's own message.
        status: HTTP status.
        error_type: the API's `error.type`; empty when the body was not the API's.
        request_id: the `request-id` header, or `request_id` in the body.
        details: `error.details`, when it is an object.

    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        error_type: str = "",
        request_id: str | None = None,
        details: Mapping[str, Any] | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(message, advice=advice)
        self.status = status
        self.error_type = error_type
        self.request_id = request_id
        self.details: dict[str, Any] = dict(details or {})

    @property
    def code(self) -> str | None:
        """`error.details.error_code` (new in November 2026, an open set), or None."""
        code = self.details.get("error_code")
        return code if isinstance(code, str) else None

    def __str__(self) -> str:
        """One line: message, status, advice, request id."""
        stop = "" if self.message.endswith((".", "!", "?")) else "."
        return f"{self.message}{stop} (HTTP {self.status}) {self.hint}".strip() + _tail(self.request_id)


class BadRequest(APIError):
    """400: the request is malformed or asks what the model refuses."""


class AuthenticationFailed(APIError):
    """401: the key is missing, malformed, revoked or expired."""

    advice = "Check the key (`%claude status`), enter another with `%claude login`, or `%claude use local`."


class BillingProblem(APIError):
    """402: a payment problem."""

    advice = "Look at the billing page of the Claude Console."


class PermissionDenied(APIError):
    """403: the key may not use this."""

    advice = "Use a key of the workspace that owns it."


class NotFound(APIError):
    """404: no such path, id or model."""


class Conflict(APIError):
    """409: the thing is in a state that forbids this."""


class RequestTooLarge(APIError):
    """413: the body is over the limit (32 MB for messages, 500 MB for files)."""

    advice = "Send less: upload the data with `--upload` instead of putting it into the prompt."


class RateLimited(APIError):
    """429: too many requests or tokens in a minute."""

    advice = "Wait a little and run the cell again."

    def __init__(self, message: str, *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.retry_after = retry_after


class SpendLimitReached(RateLimited):
    """429 that waiting does not cure: a spend cap."""

    advice = "Raise the limit in the Claude Console; waiting does not help."


class ServerFailed(APIError):
    """5xx: the server failed."""

    advice = "Run the cell again; if it persists, look at the API's status page."


class ServerTimeout(ServerFailed):
    """504: the server took too long."""


class Overloaded(ServerFailed):
    """529: the API is overloaded for the moment."""

    advice = "Wait a little and run the cell again."


def _tail(request_id: str | None) -> str:
    return f" [{_told(request_id)}]" if request_id else ""
