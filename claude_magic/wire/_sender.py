"""The one way a request leaves: headers that all share, retries, errors; what the answers say about the account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from claude_magic.errors import APIError, ClaudeMagicError, ConnectionFailed, Interrupted, UsageError
from claude_magic.wire._call import Call, Lost
from claude_magic.wire._failures import api_error
from claude_magic.wire._http import Line, Response
from claude_magic.wire._limits import RateLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from claude_magic.wire._retry import Retries

_FIRST_ERROR: Final = 400


class Sender:
    """Sends calls over a line until one is answered or there is nothing left to try.

    Args:
        line: the connections.
        headers: what every request carries, credentials excepted.
        betas: beta values every request carries.
        retries: when to try again.
        redact: masks the key in what a server says.

    """

    def __init__(
        self,
        line: Line,
        *,
        headers: Mapping[str, str],
        betas: Iterable[str],
        retries: Retries,
        redact: Callable[[str], str],
    ) -> None:
        self.line = line
        self.redact = redact
        self.limits: RateLimits | None = None
        self.workspace_id: str | None = None
        self._headers, self._betas, self._retries = dict(headers), tuple(betas), retries

    def json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, repeatable: bool = True
    ) -> tuple[dict[str, Any], Response]:
        """Send a JSON body, if any; return the answer's object and the answer."""
        response = self.send(self.call(method, path, body, repeatable=repeatable))
        return parsed(response, self.line.base_url), response

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, betas: Iterable[str] = (), **how: Any
    ) -> Call:
        """Return the call for a JSON body, or for none."""
        headers = {"accept": "application/json", **how.pop("headers", {})}
        if body is not None:
            headers["content-type"] = "application/json"
        return Call(method, path, self.headers(headers, betas), body=b"" if body is None else encoded(body), **how)

    def headers(self, own: Mapping[str, str], betas: Iterable[str] = ()) -> dict[str, str]:
        """Return the headers of a request: those of all and `own`; beta values once each, in order."""
        values = ",".join(dict.fromkeys((*self._betas, *betas)))
        beta = {"anthropic-beta": checked(values, "beta value")} if values else {}
        return {**self._headers, **beta, **own}

    def send(self, call: Call) -> Response:
        """Return the answer to `call`: a success.

        Raises:
            APIError: the server answered with an error, after the retries that could help.
            ConnectionFailed: no answer came; likewise.
            Interrupted: `call.stop` was set before an attempt.

        """
        made = 0
        resent = False
        while True:
            if call.stop.is_set():
                raise Interrupted("Stopped before the server answered.", advice="Nothing more was sent.")
            result = self.line.send(call)
            if isinstance(result, Response) and result.status < _FIRST_ERROR:
                self._note(result.headers)
                return result
            if isinstance(result, Lost) and result.stale and not resent:
                resent = True  # the server had closed a kept connection: that attempt counts for nothing
                continue
            failure, wait = self._judge(result, call, made)
            if wait is None:
                raise failure
            self._retries.clock.pause(wait, call.stop)
            made += 1

    def _judge(self, result: Response | Lost, call: Call, made: int) -> tuple[ClaudeMagicError, float | None]:
        """Return what to raise, and how long to wait before trying again instead; None: raise."""
        if isinstance(result, Lost):
            again = call.repeatable or not result.begun
            return result.error, self._retries.backoff(made) if again else None
        self._note(result.headers)
        error = api_error(result.status, result.headers, result.read_error(), self.redact)
        wait = self._retries.after(error, result.headers, made)
        if wait is None:
            _add(error, self._retries.too_long(error, result.headers))
        return error, wait

    def _note(self, headers: Mapping[str, str]) -> None:
        self.limits = RateLimits.from_headers(headers) or self.limits
        self.workspace_id = headers.get("anthropic-workspace-id") or self.workspace_id


def _add(error: APIError, sentence: str) -> None:
    if sentence:
        stop = "" if error.message.endswith((".", "!", "?")) else "."
        error.message = f"{error.message}{stop} {sentence}"


def encoded(body: Mapping[str, Any]) -> bytes:
    """Return `body` as JSON, compact, non-ASCII characters as themselves.

    Raises:
        UsageError: it holds what JSON does not.

    """
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        reason = "half a character (a lone surrogate)"
    except (TypeError, ValueError, RecursionError) as problem:
        reason = f"what JSON does not hold ({problem})"
    raise UsageError(f"The request holds {reason}.", advice="Turn it into text or numbers first.")


def parsed(response: Response, base_url: str) -> dict[str, Any]:
    """Return the object in an answer's body.

    Raises:
        ConnectionFailed: what answers is no API: a login page, a proxy.

    """
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        return answer
    kind = response.headers.get("content-type", "nothing").partition(";")[0]
    raise ConnectionFailed(f"{base_url} answered with {kind}, not with the API's JSON.", advice="Check the base URL.")


def checked(value: str, what: str) -> str:
    """Return `value` when it can stand in a header.

    Raises:
        UsageError: it holds a line break, or what is not ASCII.

    """
    if value.isascii() and value.isprintable():
        return value
    raise UsageError(f"{value!r} is no {what}.", advice="Use printable ASCII characters.")
