"""Reads JSON bodies: within the size limit, as strict about JSON as the API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from claude_magic.local.problems import Problem

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BODY = 32 * 2**20  # Messages and count_tokens, as of 2026-08


def too_large(limit: int) -> Problem:
    """The answer to a body over `limit` bytes."""
    return Problem(413, f"Request exceeds the maximum size of {limit // 2**20} MB")


def announced(request: Request) -> int:
    """The body's length as the headers tell it, 0 when they do not."""
    told = request.headers.get("content-length", "")
    return int(told) if told.isdigit() else 0


async def read_body(request: Request, limit: int = MAX_BODY) -> bytes:
    """The body.

    Raises:
        Problem: 413 over `limit` bytes, 400 when it is compressed.

    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise Problem(400, f"The local server reads no '{coding}' bodies.", code="request_body_encoding_unsupported")
    if announced(request) > limit:
        raise too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_large(limit)
    return bytes(body)


def parse(body: bytes) -> Any:
    """The JSON value of a body.

    Raises:
        Problem: 400, it is no JSON (NaN, lone surrogates and endless nesting are none).

    """
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)  # bytes might be read as UTF-16
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate cannot be written again
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"The request body is not valid JSON: {error}") from None
    return value


def _no_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)
