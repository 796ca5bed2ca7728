"""One reply of llama.cpp's HTTP server (`/v1/chat/completions`, streamed), piece by piece.

With ``timings_per_token`` every piece tells how many tokens were read and written so far, so the figures hold also when
the reply is left early. Closing the connection ends the generation at once.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from claude_magic.errors import LocalServerError
from claude_magic.local.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from claude_magic.local.engine import Turn
    from claude_magic.local.llama.process import Address

_SILENCE = 600.0  # seconds; a long prompt on a busy machine is read for minutes before the first piece
_OK = 200


@dataclass
class Reply:
    """What is known of a reply, up to date after every piece.

    Attributes:
        finish: ``stop`` at its natural end, ``length`` where `max_tokens` cut it, empty while it goes on.
        input_tokens: tokens of the prompt, those it had in its cache too.
        output_tokens: tokens written.

    """

    finish: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


def pieces(address: Address, body: dict[str, Any], reply: Reply, turn: Turn) -> Generator[str, None, None]:
    """Ask, and yield the text as it is written; ends early, and quietly, when `turn` is stopped.

    Args:
        address: of the server.
        body: the request; what concerns streaming is added here.
        reply: is kept up to date.
        turn: whose stopping breaks the connection.

    Raises:
        LocalServerError: the server broke off.
        Problem: it refused the request.

    """
    to = urlsplit(address.url)
    connection = http.client.HTTPConnection(to.hostname or "", to.port, timeout=_SILENCE)
    try:
        connection.connect()
        line: socket.socket = connection.sock
        with turn.when_stopped(lambda: _break(line)):
            yield from _read(_asked(connection, address.key, body), reply)
    except (OSError, http.client.HTTPException) as error:
        if not turn.stopped.is_set():
            raise LocalServerError(
                f"llama.cpp broke off: {type(error).__name__}.", advice="Run the cell again; the model is loaded anew."
            ) from None
    finally:
        connection.close()


def _break(line: socket.socket) -> None:
    """End what waits on a connection; closing it here would leave the waiting thread with another's descriptor."""
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _asked(connection: http.client.HTTPConnection, key: str, body: dict[str, Any]) -> http.client.HTTPResponse:
    whole = {**body, "stream": True, "stream_options": {"include_usage": True}, "timings_per_token": True}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(whole), headers)
    response = connection.getresponse()
    if response.status != _OK:
        raise _refusal(response.status, response.read())
    return response


def _refusal(status: int, body: bytes) -> Problem:
    """What a request of ours was refused for; a prompt that is too long is the user's, the rest is ours."""
    try:
        error = json.loads(body)["error"]
        if error.get("type") == "exceed_context_size_error":
            tokens, most = error.get("n_prompt_tokens"), error.get("n_ctx")
            return Problem(400, f"prompt is too long: {tokens} tokens > {most} maximum of the local model")
        said = str(error.get("message"))
    except (ValueError, KeyError, TypeError, AttributeError):
        said = "no reason given"
    return Problem(500, f"llama.cpp refused the request (HTTP {status}): {said}")


def _read(response: http.client.HTTPResponse, reply: Reply) -> Iterator[str]:
    """The text of server-sent events; comments (llama.cpp's signs of life) are passed over."""
    for line in response:
        if not line.startswith(b"data:"):
            continue
        data = line[len(b"data:") :].strip()
        if data == b"[DONE]":
            return
        told = json.loads(data)
        if "error" in told:
            raise Problem(500, f"llama.cpp failed: {told['error'].get('message')}")
        _count(told, reply)
        for choice in told.get("choices", ()):
            reply.finish = choice.get("finish_reason") or reply.finish
            text = choice.get("delta", {}).get("content")
            if text:
                yield text
    if not reply.finish:
        raise http.client.IncompleteRead(b"")


def _count(told: dict[str, Any], reply: Reply) -> None:
    """Take over the figures that come with a piece, or at the end."""
    usage, timings = told.get("usage"), told.get("timings")
    if usage:
        reply.input_tokens, reply.output_tokens = usage["prompt_tokens"], usage["completion_tokens"]
    elif timings:
        reply.input_tokens = timings["prompt_n"] + timings["cache_n"]
        reply.output_tokens = timings["predicted_n"]
