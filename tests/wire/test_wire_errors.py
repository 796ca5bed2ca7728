"""Errors: every status to its class, whatever the body is, and no key in any of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic import errors
from claude_magic.wire import Secret
from claude_magic.wire._failures import api_error

KEY = "sk-ant-test-0123456789"


@pytest.mark.parametrize(
    ("status", "kind", "cls"),
    [
        (400, "invalid_request_error", errors.BadRequest),
        (401, "authentication_error", errors.AuthenticationFailed),
        (402, "billing_error", errors.BillingProblem),
        (403, "permission_error", errors.PermissionDenied),
        (404, "not_found_error", errors.NotFound),
        (405, "invalid_request_error", errors.BadRequest),
        (409, "conflict_error", errors.Conflict),
        (413, "request_too_large", errors.RequestTooLarge),
        (422, "invalid_request_error", errors.BadRequest),
        (429, "rate_limit_error", errors.RateLimited),
        (500, "api_error", errors.ServerFailed),
        (503, "api_error", errors.ServerFailed),
        (504, "timeout_error", errors.ServerTimeout),
        (529, "overloaded_error", errors.Overloaded),
        (599, "of_tomorrow", errors.ServerFailed),
    ],
)
def test_status_to_class(status, kind, cls):
    """Each documented status has its class; message, type, id and details are the server's."""
    body = {
        "type": "error",
        "error": {"type": kind, "message": "Why", "details": {"error_code": "c", "n": 1}},
        "request_id": "req_b",
        "new_key": 1,
    }
    error = api_error(status, {}, json.dumps(body).encode())
    assert type(error) is cls
    assert (error.status, error.error_type, error.request_id, error.code) == (status, kind, "req_b", "c")
    assert error.message == "Why"
    assert str(error).endswith("[req_b]")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html><body>413 Request Entity Too Large</body></html>", "The server answered: Bad Gateway."),
        (b"", "The server answered: Bad Gateway."),
        (b"[1]", "The server answered: Bad Gateway."),
        (b"\xff\xfe", "The server answered: Bad Gateway."),
        (b'{"error":{"code":500,"message":"llama","type":"server_error"}}', "llama"),
        (b'{"error":"ollama says"}', "ollama says"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"message":"gateway"}', "gateway"),
        (b'{"error":{"message":null,"details":[]}}', "The server answered: Bad Gateway."),
        (b'{"error":{"message":"a\\u001b[2Jb\\n\\u202ec"}}', "a [2Jb c"),
    ],
)
def test_bodies_of_every_kind(body, message):
    """HTML, nothing, other servers' JSON and control sequences all end as one clean line."""
    assert api_error(502, {"request-id": "req_h"}, body).message == message


def test_the_header_names_the_request():
    """`request-id` in the header wins over the body's, which may be null."""
    assert api_error(500, {"request-id": "req_h"}, b'{"request_id":"req_b"}').request_id == "req_h"
    assert api_error(500, {}, b'{"request_id":null}').request_id is None


def test_advice_fits_the_error():
    """Where more is known than the class says, the advice is about that."""
    expired = b'{"error":{"message":"gone","details":{"error_code":"file_expired"}}}'
    assert "Upload it again" in str(api_error(404, {}, expired))
    assert "%claude models" in str(api_error(404, {}, b'{"error":{"message":"model: claude-x"}}'))
    assert "%claude files" in str(api_error(404, {}, b'{"error":{"message":"File `file_x` not found."}}'))


@given(st.binary(max_size=200), st.integers(400, 599))
@settings(deadline=None, derandomize=True)
def test_any_body_makes_an_error(body, status):
    """No body whatever gets in the way of raising an error with its status."""
    error = api_error(status, {}, body)
    assert error.status == status
    assert error.message
    assert "\n" not in str(error)


def test_a_key_in_an_error_body_is_masked(client, server, reply):
    """A server that quotes the key, plainly or escaped, does not get it onto the screen."""
    escaped = "".join(f"\\u{ord(c):04x}" for c in KEY)
    bodies = [
        json.dumps({"error": {"type": f"t-{KEY}", "message": f"bad {KEY}", "details": {"key": KEY}}}).encode(),
        f'{{"error":{{"message":"bad {escaped}"}}}}'.encode(),
    ]
    for body in bodies:
        server.script = [reply(body, 401, request_id=f"req_{KEY}")]
        with pytest.raises(errors.AuthenticationFailed) as caught:
            client.messages.create({})
        error = caught.value
        assert KEY not in f"{error!r} {error} {vars(error)}"
        assert "[key]" in str(error)


def test_a_key_in_an_error_event_is_masked(client, server, sse):
    """The same inside a stream."""
    event = {"type": "error", "error": {"type": "api_error", "message": f"bad {KEY}"}, "request_id": KEY}
    server.script = [sse(f"event: error\ndata: {json.dumps(event)}\n\n".encode())]
    with pytest.raises(errors.StreamFailed) as caught, client.messages.stream({}) as stream:
        list(stream)
    assert KEY not in f"{caught.value!r} {caught.value} {vars(caught.value)}"


def test_no_frame_of_a_failed_request_shows_the_key(client, server, reply):
    """Neither the traceback of an error nor what is chained to it has a variable whose repr holds the key."""
    steps = [reply(b"{}", 401), None]
    for step in steps:
        server.script = [step]
        with pytest.raises(errors.ClaudeMagicError) as caught:
            client.messages.create({"model": "m"})
        assert caught.value.__context__ is None
        frame = caught.value.__traceback__
        seen = 0
        while frame is not None:
            if "claude_magic" in frame.tb_frame.f_code.co_filename:
                assert KEY not in repr(frame.tb_frame.f_locals)
                seen += 1
            assert "httpx" not in frame.tb_frame.f_code.co_filename
            frame = frame.tb_next
        assert seen


def test_what_json_does_not_hold_is_refused_before_sending(client, server):
    """A set, NaN, or half a character is a usage error in one line; nothing is sent."""
    for value in ({1}, float("nan"), "\ud800"):
        with pytest.raises(errors.UsageError):
            client.messages.create({"x": value})
    assert server.requests == []


def test_an_answer_that_is_no_json(client, server, reply):
    """A page with status 200 is no answer of the API, and the line says what came."""
    server.script = [reply(b"<html>", content_type="text/html")]
    with pytest.raises(errors.ConnectionFailed, match="text/html"):
        client.messages.create({})
    server.script = [reply(b"{}")]
    with pytest.raises(errors.ConnectionFailed, match="count"):
        client.messages.count_tokens({})


def test_redaction_leaves_words_alone():
    """A very short key, as toy servers have, does not eat letters of messages."""
    assert Secret("a").redact("a banana") == "a banana"
