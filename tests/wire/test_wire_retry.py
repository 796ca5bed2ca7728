"""Retries: which failures, how often, after how long, and what a kept connection that died costs."""

from __future__ import annotations

import json
import threading
import time
from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.errors import (
    APIError,
    BadRequest,
    ConnectionFailed,
    Interrupted,
    Overloaded,
    RateLimited,
    ServerFailed,
    SpendLimitReached,
    TimedOut,
)
from claude_magic.wire import Client
from claude_magic.wire._failures import retry_after
from claude_magic.wire._retry import Clock, Retries


def error(kind="api_error", message="no", **details):
    """Return the API's error body."""
    return json.dumps({"type": "error", "error": {"type": kind, "message": message, "details": details or None}})


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504, 529])
def test_retried_statuses(client, server, reply, waits, status):
    """These are tried three times in all, half a second and a second apart when chance takes nothing off."""
    server.script = [reply(error(), status)]
    with pytest.raises(APIError) as caught:
        client.messages.create({})
    assert caught.value.status == status
    assert (len(server.requests), waits) == (3, [0.5, 1.0])


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 422])
def test_final_statuses(client, server, reply, waits, status):
    """These are not tried again."""
    server.script = [reply(error(), status)]
    with pytest.raises(APIError):
        client.messages.create({})
    assert (len(server.requests), waits) == (1, [])


@pytest.mark.parametrize("step", [None, "529"])
def test_nothing_is_sent_again_once_it_is_stopped(client, server, reply, waits, step):
    """Stopped while the first attempt is under way, lost or refused: there is no second one."""
    stop = threading.Event()
    answer = reply(error(), 529) if step else b""
    server.script = [lambda connection: stop.set() or (connection.sendall(answer) if answer else False)]
    with pytest.raises(Interrupted):
        client.messages.create({}, stop=stop)
    with pytest.raises(Interrupted), client.messages.stream({}, stop=stop):
        pass
    assert (len(server.requests), waits) == (1, [0.5])


def test_success_after_a_failure(client, server, reply, waits):
    """A retry that succeeds is all the caller sees; a stream is retried the same way until it begins."""
    server.script = [reply(error(), 529), reply(b'{"id":"msg"}')]
    assert client.messages.create({}).body == {"id": "msg"}
    assert waits == [0.5]
    server.script = [reply(error(), 529), reply(error(), 400)]
    with pytest.raises(BadRequest), client.messages.stream({}):
        pass


def test_the_same_body_is_sent_again(client, server, reply):
    """Every attempt carries the same bytes."""
    server.script = [reply(error(), 500)]
    with pytest.raises(ServerFailed):
        client.messages.create({"model": "ä" * 300_000})
    assert len({request.body for request in server.requests}) == 1
    assert len(server.requests[0].body) == 600_012


@pytest.mark.parametrize(
    "asked",
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.25"}, 0.25),
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
        ({"retry_after_ms": "soon", "retry_after": "9"}, 9.0),
        ({"retry_after": formatdate(1_700_000_012.0, usegmt=True)}, 12.0),
        ({"retry_after": formatdate(1_699_999_000.0, usegmt=True)}, 0.5),
        ({"retry_after": "0"}, 0.5),
        ({"retry_after": "-3"}, 0.5),
        ({"retry_after": "nan"}, 0.5),
        ({"retry_after": "later"}, 0.5),
    ],
)
def test_waiting_as_long_as_the_server_asks(client, server, reply, waits, asked):
    """Milliseconds before seconds before a date; what is not in the future counts as not said."""
    headers, wait = asked
    server.script = [reply(error("rate_limit_error"), 429, **headers), reply()]
    client.messages.create({})
    assert waits == [wait]


@pytest.mark.parametrize("asked", ["61", "3600", "4294967"])
def test_a_long_wait_is_not_waited(client, server, reply, waits, asked):
    """Above `max_wait` the error comes at once, and its line says how long the server asks for."""
    server.script = [reply(error("rate_limit_error", "Slow down"), 429, retry_after=asked)]
    with pytest.raises(RateLimited, match=f"Slow down. The server asks to wait {asked} s") as caught:
        client.messages.create({})
    assert (len(server.requests), waits, caught.value.retry_after) == (1, [], float(asked))
    assert "more than the 60 s" in str(caught.value)


def test_x_should_retry_decides(client, server, reply, waits):
    """The server's word beats the status, both ways; any other value is no word."""
    server.script = [reply(error(), 400, x_should_retry="true"), reply()]
    client.messages.create({})
    assert waits == [0.5]
    for told, attempts in (("false", 1), ("maybe", 3)):
        server.requests.clear()
        server.script = [reply(error(), 500, x_should_retry=told)]
        with pytest.raises(ServerFailed):
            client.messages.create({})
        assert len(server.requests) == attempts


@pytest.mark.parametrize(
    "said",
    [
        (error("rate_limit_error", "Cap", error_code="enforced_spend_limit_reached"), {}),
        (error("rate_limit_error", "Cap", error_code="contract_spend_limit_reached"), {"retry_after": "1"}),
        (error("rate_limit_error", "Cap", error_code="ramp_limit_exceeded"), {"x_should_retry": "true"}),
        (error("rate_limit_error", "You have reached your specified API usage limits until 2026-12-01."), {}),
    ],
)
def test_a_spend_cap_is_not_retried(client, server, reply, waits, said):
    """A 429 that waiting does not cure says so, by its code or its words, and is not tried again."""
    body, headers = said
    server.script = [reply(body, 429, **headers)]
    with pytest.raises(SpendLimitReached):
        client.messages.create({})
    assert (len(server.requests), waits) == (1, [])


def test_429_without_a_time_is_not_retried(client, server, reply):
    """Rate limits name a time to wait; without one it may be a spend cap, and the line says so."""
    server.script = [reply(error("rate_limit_error", "No."), 429)]
    with pytest.raises(RateLimited, match="names no time") as caught:
        client.messages.create({})
    assert (len(server.requests), caught.value.retry_after) == (1, None)


def test_a_rate_limit_that_mentions_usage_is_no_spend_cap(client, server, reply, waits):
    """With a time to wait, words do not matter."""
    server.script = [reply(error("rate_limit_error", "usage exceeds the limit"), 429, retry_after=2), reply()]
    client.messages.create({})
    assert waits == [2.0]


def test_nobody_there(server, waits):
    """A refused connection is tried three times, names the base URL, says what to do, and chains nothing."""
    server.close()
    with (
        Client(base_url=f"{server.url}/pre", api_key="sk-x-12345", _clock=waits.clock()) as client,
        pytest.raises(ConnectionFailed, match="connection refused") as caught,
    ):
        client.messages.create({})
    assert waits == [0.5, 1.0]
    assert f"{server.url}/pre" in str(caught.value)
    assert caught.value.hint
    assert caught.value.__context__ is None
    assert not any("httpx" in str(entry.path) for entry in caught.traceback)


def test_no_such_host(waits):
    """A name that does not resolve is a connection failure too."""
    with (
        Client(base_url="http://nowhere.invalid", max_retries=0, _clock=waits.clock()) as client,
        pytest.raises(ConnectionFailed, match=r"http://nowhere\.invalid"),
    ):
        client.models.list()


def test_hanging_up_before_an_answer(client, server, reply, waits):
    """A line that breaks before headers is tried again."""
    server.script = [None, None, reply(b'{"id":1}')]
    assert client.messages.create({}).body == {"id": 1}
    assert waits == [0.5, 1.0]


def test_a_whole_answer_that_breaks_off(client, server, waits):
    """A message that had begun was carried out: it is not sent twice. A list is."""
    cut = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{"
    server.script = [lambda connection: bool(connection.sendall(cut))]
    with pytest.raises(ConnectionFailed):
        client.messages.create({})
    assert (len(server.requests), waits) == (1, [])
    with pytest.raises(ConnectionFailed):
        client.models.list()
    assert (len(server.requests), waits) == (4, [0.5, 1.0])


def test_silence_before_an_answer(server, waits):
    """No byte for `timeout` seconds: TimedOut, which names the seconds; retried like a lost connection."""
    server.script = [lambda _: time.sleep(0.4)]
    with (
        Client(base_url=server.url, timeout=0.1, max_retries=1, _clock=waits.clock()) as client,
        pytest.raises(TimedOut, match=r"0\.1 s"),
    ):
        client.messages.create({})
    assert waits == [0.5]


def test_a_kept_connection_that_died_costs_nothing(server, reply, waits):
    """The server closed an idle connection: the next request goes through without a wait, even without retries."""
    server.script = [reply()]
    with Client(base_url=server.url, max_retries=0, _clock=waits.clock()) as client:
        client.messages.create({})
        server.hang_up()
        client.messages.create({})
    assert (len(server.requests), server.connections, waits) == (2, 2, [])


def test_a_connection_is_kept_between_cells(server, reply):
    """After 5.5 idle seconds (httpx itself gives up after 5) the next request still uses the same connection."""
    server.script = [reply()]
    with Client(base_url=server.url) as client:
        client.messages.create({})
        time.sleep(5.5)
        client.messages.create({})
    assert server.connections == 1


def test_a_kept_connection_that_dies_under_a_request(server, reply, waits):
    """The server hangs up while the request is on its way: sent once more on a new connection, and only once."""
    server.script = [reply(), None, reply(b'{"id":2}')]
    with Client(base_url=server.url, max_retries=0, _clock=waits.clock()) as client:
        client.messages.create({})
        assert client.messages.create({}).body == {"id": 2}
        assert (server.connections, waits) == (2, [])
        server.script = [None]
        with pytest.raises(ConnectionFailed):
            client.messages.create({})


@given(made=st.integers(0, 40), chance=st.floats(0, 1, exclude_max=True))
@settings(deadline=None, derandomize=True)
def test_backoff_stays_in_its_bounds(made, chance):
    """Waits double from half a second to eight, and chance takes off up to a quarter."""
    full = min(0.5 * 2**made, 8)
    wait = Retries(most=50, clock=Clock(chance=lambda: chance)).backoff(made)
    assert 0.75 * full <= wait <= full
    assert Retries(most=made).backoff(made) is None


@given(value=st.text(max_size=30))
@settings(deadline=None, derandomize=True)
def test_any_retry_after_is_read_or_passed_over(value):
    """Whatever a server writes there gives a positive number of seconds or nothing."""
    for name in ("retry-after", "retry-after-ms"):
        wait = retry_after({name: value}, 1_700_000_000.0)
        assert wait is None or 0 < wait < float("inf")


def test_overload_keeps_its_class_after_the_retries(client, server, reply):
    """529 is no registered status, and still has its name."""
    server.script = [reply(error("overloaded_error", "Overloaded"), 529, reason="")]
    with pytest.raises(Overloaded, match=r"Overloaded\. \(HTTP 529\)"):
        client.messages.create({})
