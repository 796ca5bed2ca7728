"""Scripted faults: each does to a client what its name says, and only where they are switched on."""

from __future__ import annotations

import json
import socket

import httpx
import pytest

STEPS = [["text", "Größe ist nicht alles, sagt Änne im Überfluss."]]


def stream(local, fault):
    """The bytes of a streamed answer spoiled by `fault`, as the chunks they came in."""
    headers = {"x-claude-magic-fault": fault}
    with local.http.stream("POST", "/v1/messages", json=local.body(STEPS, stream=True), headers=headers) as answer:
        assert answer.status_code == 200
        return list(answer.iter_raw())


def text_of(events):
    """The text that the deltas make."""
    return "".join(e["delta"].get("text", "") for e in events if e["type"] == "content_block_delta")


@pytest.mark.parametrize(
    ("fault", "status", "kind", "retry_after"),
    [
        ("rate-limit", 429, "rate_limit_error", "1"),
        ("rate-limit:2.5", 429, "rate_limit_error", "2.5"),
        ("spend-cap", 429, "rate_limit_error", None),
        ("overloaded", 529, "overloaded_error", None),
        ("server-error", 500, "api_error", None),
        ("timeout", 504, "timeout_error", None),
        ("storage-full", 400, "invalid_request_error", None),
    ],
)
def test_error_answers(local, fault, status, kind, retry_after):
    """The status, the type, and `retry-after` only where waiting helps (oddities 40, 41)."""
    answer = local.http.get("/v1/models", headers={"x-claude-magic-fault": fault})
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert answer.headers.get("retry-after") == retry_after
    assert answer.json()["request_id"] == answer.headers["request-id"]


def test_a_spend_cap_says_so(local):
    """Its error code tells it from a rate limit."""
    answer = local.http.get("/v1/models", headers={"x-claude-magic-fault": "spend-cap"})
    assert answer.json()["error"]["details"] == {"error_code": "enforced_spend_limit_reached"}


def test_a_413_of_the_edge_is_no_json(local):
    """It is an HTML page (oddity 44)."""
    answer = local.http.get("/v1/models", headers={"x-claude-magic-fault": "html-413"})
    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<html>")


def test_drops(local):
    """Before the headers, and in mid-stream without a proper end."""
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        local.http.get("/v1/models", headers={"x-claude-magic-fault": "drop"})
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        stream(local, "drop-mid:4")


def test_a_truncated_stream_ends_politely(local):
    """The connection ends well, `message_stop` is missing (oddity 2)."""
    events = local.parse(b"".join(stream(local, "truncate:4")))
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
    ]


@pytest.mark.parametrize(
    ("fault", "kind", "before"),
    [
        ("error-first", "overloaded_error", 0),
        ("error-first:api_error", "api_error", 0),
        ("error-first:rate_limit_error", "rate_limit_error", 0),
        ("error-mid:4", "overloaded_error", 4),
    ],
)
def test_errors_after_200(local, fault, kind, before):
    """An `error` event is the last one, and may be the first (oddity 1)."""
    events = local.parse(b"".join(stream(local, fault)))
    assert len(events) == before + 1
    assert (events[-1]["type"], events[-1]["error"]["type"]) == ("error", kind)


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        ("unknown-event", lambda e: e["type"] == "telepathy"),
        ("unknown-block", lambda e: e.get("content_block", {}).get("type") == "hologram"),
        ("unknown-delta", lambda e: e.get("delta", {}).get("type") == "aura_delta"),
    ],
)
def test_unknown_things(local, fault, where):
    """They stand among the known ones, whose order and indexes stay right (oddity 9)."""
    events = local.parse(b"".join(stream(local, fault)))
    assert sum(map(where, events)) == 1
    starts = [e["index"] for e in events if e["type"] == "content_block_start"]
    assert starts == list(range(len(starts)))
    assert text_of(events) == STEPS[0][1]


@pytest.mark.parametrize("fault", ["crlf", "comments", "split", "split:7", "slow:0.01"])
def test_framing_does_not_change_the_answer(local, fault):
    """Line ends, comments, chunk borders and delays leave the same events (oddities 4, 6)."""
    chunks = stream(local, fault)
    events = local.parse(b"".join(chunks))
    assert text_of(events) == STEPS[0][1]
    assert events[-1]["type"] == "message_stop"
    assert (b"\r\n\r\n" in b"".join(chunks)) == (fault == "crlf")
    assert (b": keepalive\n\n" in b"".join(chunks)) == (fault == "comments")


def test_split_cuts_characters(local):
    """Over the socket, chunks end inside a multi-byte character."""
    host, port = local.base_url.removeprefix("http://").split(":")
    request = json.dumps(local.body(STEPS, stream=True)).encode()
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: {host}\r\nx-api-key: {local.key}\r\nanthropic-version: 2026-10-21\r\n"
        f"x-claude-magic-fault: split\r\nconnection: close\r\ncontent-length: {len(request)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + request)
        raw = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"1\r\n\xc3\r\n1\r\n\xb6\r\n" in raw  # the two bytes of an ö, a chunk each


def test_queued_faults_come_one_by_one(fresh):
    """A retry meets a well server."""
    queued = fresh.http.post("/_faults", json={"faults": ["overloaded", "rate-limit:3"]})
    assert queued.json() == {"waiting": 2}
    assert [fresh.http.get("/v1/models").status_code for _ in range(3)] == [529, 429, 200]


@pytest.mark.parametrize("fault", ["earthquake", "slow:fast", ""])
def test_unknown_faults_are_refused(local, fault):
    """A test that misspells a fault does not pass for the wrong reason."""
    assert local.http.post("/_faults", json={"faults": [fault]}).status_code == 400
    assert local.http.get("/v1/models", headers={"x-claude-magic-fault": fault}).status_code == (400 if fault else 200)


def test_without_the_switch_there_are_no_faults(plain):
    """The header means nothing and the queue is no path."""
    assert plain.http.get("/v1/models", headers={"x-claude-magic-fault": "overloaded"}).status_code == 200
    assert plain.http.post("/_faults", json={"faults": []}).status_code == 404
