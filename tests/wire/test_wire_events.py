"""Events: framing at byte level, and a stream over a real socket."""

from __future__ import annotations

import json
import signal
import threading
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.errors import ConnectionFailed, StreamFailed, StreamTruncated, TimedOut
from claude_magic.messages import Growing
from claude_magic.wire import Client
from claude_magic.wire._call import Headers
from claude_magic.wire._sse import NotJSON, Reader
from claude_magic.wire._stream import EventStream


def frame(event, *, name=None, end="\n"):
    """Return the bytes of one frame."""
    return f"event: {name or event['type']}{end}data: {json.dumps(event, ensure_ascii=False)}{end}{end}".encode()


START = {"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "content": [], "usage": {}}}
BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
DELTA = {
    "type": "content_block_delta",
    "index": 0,
    "delta": {"type": "text_delta", "text": "Zwölf 日本 \u2028 \u0085 🎉"},
}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}
STOP = {"type": "message_stop"}
ALL = [START, BLOCK, DELTA, END, STOP]
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def read(*chunks):
    """Return the events a reader makes of chunks."""
    reader = Reader()
    return [event for chunk in chunks for event in reader.feed(chunk)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_whole_and_byte_by_byte(end):
    """LF, CRLF and CR frame alike, in one chunk or in single bytes."""
    data = b"".join(frame(event, end=end) for event in ALL)
    assert read(data) == ALL
    assert read(*(data[i : i + 1] for i in range(len(data)))) == ALL


def test_separators_inside_json_are_data():
    """U+2028, U+2029 and U+0085 stand raw in JSON strings and split nothing."""
    event = {"type": "x", "text": "a\u2028b\u2029c\u0085d\x0be\x0cf"}
    data = f"event: x\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
    assert read(data) == [event]


def test_crlf_cut_in_the_middle():
    """A chunk border between CR and LF is one line end, not two."""
    assert read(b"event: a\r", b'\ndata: {"type":"a"}\r', b"\n\r", b'\nevent: b\r\ndata: {"type":"b"}\r\n\r\n') == [
        {"type": "a"},
        {"type": "b"},
    ]


def test_what_is_passed_over():
    """Comments, pings, frames without event or data, unknown fields, `id` and `retry` yield nothing."""
    data = (
        b": keepalive\n\n:\n\n"
        + PING
        + b'data: {"type":"nameless"}\n\n'
        + b"event: empty\n\n"
        + b"event: empty\ndata:\n\n"
        b"event: empty\ndata:  \n\n"
        + b'id: 7\nretry: 5\nfoo: bar\nevent: a\n: note\ndata: {"type":"a"}\n\n'
        + b"\n\n\n"
    )
    assert read(data) == [{"type": "a"}]


def test_padding_spaces_and_no_space_after_the_colon():
    """Spare spaces around the JSON, and none after the colon, change nothing."""
    assert read(b'event:a\ndata:{"type":"a"   }   \n\nevent: b\ndata:    {"type":"b"}\n\n') == [
        {"type": "a"},
        {"type": "b"},
    ]


def test_several_data_lines_join_with_lf():
    """JSON spread over several `data` lines is one value."""
    assert read(b'event: a\ndata: {"type":\ndata: "a"}\n\n') == [{"type": "a"}]


def test_byte_order_mark_at_the_start():
    """A byte order mark before the first frame is dropped, even when it arrives in pieces."""
    assert read(b"\xef", b"\xbb", b'\xbfevent: a\ndata: {"type":"a"}\n\n') == [{"type": "a"}]


def test_last_frame_without_blank_line_is_not_dispatched():
    """What the stream ends in before its blank line is lost, by specification."""
    assert read(b'event: a\ndata: {"type":"a"}\n') == []


def test_unknown_events_are_passed_on():
    """An event nobody knows arrives as it is, and takes its type from the frame when it has none."""
    assert read(b'event: new\ndata: {"type":"new","x":[1]}\n\nevent: bare\ndata: {"y":2}\n\n') == [
        {"type": "new", "x": [1]},
        {"y": 2, "type": "bare"},
    ]


def test_data_that_is_not_json_is_an_error():
    """Broken JSON raises; JSON that is no object is no event."""
    with pytest.raises(NotJSON):
        read(b"event: a\ndata: {oops\n\n")
    assert read(b"event: a\ndata: [1]\n\n") == []


events = st.lists(
    st.builds(
        lambda text, extra: {"type": "content_block_delta", "index": 0, "delta": {"text": text}, **extra},
        st.text(),
        st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=5)),
    ),
    max_size=6,
)


@given(
    events=events, end=st.sampled_from(["\n", "\r\n", "\r"]), cuts=st.lists(st.integers(0, 2000)), ping=st.booleans()
)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_any_chunking_yields_the_same_events(events, end, cuts, ping):
    """However the bytes are cut, the events are those that were written."""
    data = b"".join((PING if ping else b"") + frame(event, end=end) for event in events)
    borders = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    assert read(*(data[a:b] for a, b in pairwise(borders))) == events


@given(data=st.binary(), cut=st.integers(0, 200))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_any_bytes_are_read_or_refused(data, cut):
    """Arbitrary bytes give events or `NotJSON`, nothing else, and the same in two chunks as in one."""

    def outcome(*chunks):
        try:
            return read(*chunks)
        except NotJSON:
            return "refused"

    whole = outcome(data)
    assert whole == outcome(data[:cut], data[cut:])


def test_work_is_linear_in_the_bytes():
    """An 8 MB frame in 16 kB chunks is searched and copied once, not once a chunk (with slack)."""
    data = frame({"type": "a", "text": "x" * 8_000_000})
    began = time.process_time()
    assert len(read(*(data[i : i + 16_384] for i in range(0, len(data), 16_384)))) == 1
    assert time.process_time() - began < 20


def test_a_stream_over_a_socket(client, server, sse):
    """Events arrive in order; the request asked for a stream; the id is that of the header."""
    data = b"".join(frame(event) for event in ALL)
    server.script = [sse(*(data[i : i + 7] for i in range(0, len(data), 7)))]
    with client.messages.stream({"model": "m", "stream": False}) as stream:
        assert list(stream) == ALL
    assert (stream.request_id, stream.headers["Request-Id"]) == ("req_s", "req_s")
    assert json.loads(server.requests[0].body) == {"model": "m", "stream": True}
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_a_finished_stream_gives_its_connection_back(client, server, sse):
    """Three cells, one connection."""
    server.script = [sse(b"".join(map(frame, ALL)))]
    for _ in range(3):
        with client.messages.stream({}) as stream:
            assert len(list(stream)) == len(ALL)
    assert (len(server.requests), server.connections) == (3, 1)


def test_a_server_that_keeps_the_body_open_is_not_waited_for(client, server, sse):
    """After `message_stop` the answer is complete, whether or not the body ends."""
    server.script = [sse(b"".join(map(frame, ALL)))[:-1]]
    began = time.monotonic()
    with client.messages.stream({}) as stream:
        assert list(stream)[-1] == STOP
    assert time.monotonic() - began < 4  # the read timeout of the client is 5 s


@pytest.mark.parametrize("kept", [0, 1, 3, 4])
def test_an_end_without_message_stop_is_truncated(client, server, sse, kept):
    """A polite end before `message_stop` raises, after everything that came, and tells the request id."""
    server.script = [sse(b"".join(map(frame, ALL[:kept])))]
    seen = []
    with pytest.raises(StreamTruncated) as caught, client.messages.stream({}) as stream:
        seen.extend(stream)
    assert seen == ALL[:kept]
    assert caught.value.request_id == "req_s"
    assert ("kept in `_`" in str(caught.value)) == any(event["type"] == "content_block_start" for event in seen)


def test_a_broken_line_in_mid_stream_is_truncated(client, server, sse):
    """A connection that breaks after the first event keeps what came, chains nothing of httpx, and is not retried."""
    server.script = [lambda connection: bool(connection.sendall(b"".join(sse(frame(START), frame(BLOCK))[:-1])))]
    growing = Growing()
    with pytest.raises(StreamTruncated) as caught, client.messages.stream({}) as stream:
        [growing.feed(event) for event in stream]
    assert growing.started
    assert caught.value.__context__ is None
    assert len(server.requests) == 1


def test_a_break_before_the_first_event_is_a_connection_failure(client, server, sse):
    """Headers, then nothing: there is no answer to keep."""
    server.script = [lambda connection: bool(connection.sendall(sse()[0]))]
    with pytest.raises(ConnectionFailed), client.messages.stream({}) as stream:
        list(stream)


def test_silence_times_out(server, sse):
    """No byte for `timeout` seconds is an end: TimedOut before the first event, truncated after it."""

    def silent(*frames):
        def step(connection):
            for piece in sse(*frames)[:-1]:
                connection.sendall(piece)
            time.sleep(1.0)
            return False

        return step

    with Client(base_url=server.url, timeout=0.2) as client:
        server.script = [silent()]
        with pytest.raises(TimedOut, match=r"0\.2 s"), client.messages.stream({}) as stream:
            list(stream)
        server.script = [silent(frame(START))]
        with pytest.raises(StreamTruncated, match=r"0\.2 s"), client.messages.stream({}) as stream:
            list(stream)


def test_pings_keep_a_stream_alive(server, sse):
    """Pings and comments count as signs of life, though nobody sees them."""
    pieces = sse(frame(START), *[PING, b": still here\n\n"] * 4, *map(frame, ALL[1:]))

    def slow(connection):
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.1)

    server.script = [slow]
    with Client(base_url=server.url, timeout=0.8) as client, client.messages.stream({}) as stream:
        assert list(stream) == ALL


@pytest.mark.parametrize("before", [[], [START, BLOCK]])
def test_an_error_event_ends_the_stream(client, server, sse, before):
    """An error event, first or in the middle, raises with its type and id, after what came before; no retry."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_e"}
    server.script = [sse(b"".join(map(frame, before)) + frame(error))]
    seen = []
    with pytest.raises(StreamFailed, match="Overloaded") as caught, client.messages.stream({}) as stream:
        seen.extend(stream)
    assert seen == before
    assert (caught.value.error_type, caught.value.request_id) == ("overloaded_error", "req_e")
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["overloaded_error", "rate_limit_error"])
def test_an_error_in_place_of_an_answer(client, server, reply, kind):
    """A gateway that says 200 and then the API's error: it is raised, streamed or not, with the server's own words."""
    said = {"type": "error", "error": {"type": kind, "message": "Come back later."}, "request_id": None}
    server.script = [reply(json.dumps(said))]
    with pytest.raises(StreamFailed, match="Come back later") as whole:
        client.messages.create({})
    with pytest.raises(StreamFailed, match="Come back later") as streamed, client.messages.stream({}):
        pass
    for caught in (whole, streamed):
        assert (caught.value.error_type, caught.value.request_id) == (kind, "req_1")
        assert "kept in `_`" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
EVENTS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
                *("message_delta", "ping", "error", "telepathy"),
            ]
        )
    },
    optional={
        "index": st.integers(-1, 3) | JSON,
        "message": st.fixed_dictionaries({}, optional={"usage": JSON, "content": JSON, "model": JSON, "id": JSON})
        | JSON,
        "content_block": st.fixed_dictionaries(
            {"type": st.sampled_from(["text", "thinking", "tool_use", "hologram"]) | JSON},
            optional={"text": JSON, "thinking": JSON, "input": JSON, "citations": JSON},
        )
        | JSON,
        "delta": st.fixed_dictionaries(
            {"type": st.sampled_from(["text_delta", "input_json_delta", "citations_delta", "signature_delta"]) | JSON},
            optional={"text": JSON, "partial_json": JSON, "citation": JSON, "stop_reason": JSON, "container": JSON},
        )
        | JSON,
        "usage": JSON,
    },
)


class Pieces:
    """A response that is these bytes, cut into pieces."""

    def __init__(self, data, size):
        self.headers = Headers()
        self._pieces = [data[at : at + size] for at in range(0, len(data), size)]

    def pieces(self):
        yield from self._pieces

    def abort(self):
        pass

    def finish(self, rest):
        list(rest)


@given(events=st.lists(EVENTS, max_size=8), size=st.integers(1, 40), again=st.booleans(), whole=st.booleans())
@settings(derandomize=True, deadline=None, max_examples=300)
def test_whatever_events_come_there_is_an_answer_or_an_error_of_ours(events, size, again, whole):
    """Any order, any type of any value, `message_start` twice: nothing but our own errors comes out, and a message."""
    data = b"".join(map(frame, events)) + (frame({"type": "message_stop"}) if whole else b"")
    growing = Growing()
    for _ in range(1 + again):
        try:
            for event in EventStream(Pieces(data, size), str):
                growing.feed(event)
                growing.message()
        except (StreamTruncated, StreamFailed):
            assert not whole or any(event["type"] == "error" for event in events)
        growing.go_on()
    assert growing.message().usage.prompt_tokens >= 0


def test_an_event_nested_without_end_ends_the_stream(client, server, sse):
    """More brackets than Python follows are no event, and no bug of ours."""
    server.script = [sse(frame(START), b"event: x\ndata: " + b"[" * 200_000 + b"\n\n")]
    with pytest.raises(StreamFailed, match="no JSON"), client.messages.stream({}) as stream:
        list(stream)


def test_an_event_that_is_no_json_ends_the_stream(client, server, sse):
    """Broken JSON is a failed stream, not a bug of ours."""
    server.script = [sse(frame(START) + b"event: a\ndata: {oops\n\n")]
    with pytest.raises(StreamFailed, match="no JSON"), client.messages.stream({}) as stream:
        list(stream)


def test_servers_that_never_send_message_stop(server, sse):
    """With the switch, a stream that told its stop reason is complete without its last event; others are not."""
    with Client(base_url=server.url, require_message_stop=False) as client:
        server.script = [sse(b"".join(map(frame, ALL[:-1])))]
        with client.messages.stream({}) as stream:
            assert list(stream) == ALL
        server.script = [sse(b"".join(map(frame, ALL[:-2])))]
        with pytest.raises(StreamTruncated), client.messages.stream({}) as stream:
            list(stream)


def test_a_web_page_instead_of_events(client, server, reply):
    """A login page with status 200 is named as what it is."""
    server.script = [reply(b"<html>", content_type="text/html; charset=utf-8")]
    with pytest.raises(ConnectionFailed, match="text/html"), client.messages.stream({}):
        pass


def test_leaving_early_closes_the_connection(client, server, sse):
    """Breaking out hangs up, which is what stops a server from writing on; the next request gets a new connection."""
    server.script = [sse(b"".join(map(frame, ALL))), sse(b"".join(map(frame, ALL)))]
    with client.messages.stream({}) as stream:
        next(iter(stream))
    with client.messages.stream({}) as stream:
        list(stream)
    assert server.connections == 2


def test_a_stop_button_wakes_a_waiting_thread(server, sse):
    """Closing a stream from another thread ends the one that waits for its next event, at once."""
    server.script = [[*sse(frame(START))[:-1]]]
    caught = []

    def wait(stream, began):
        with pytest.raises(StreamTruncated) as error:
            [began.set() for _ in stream]
        caught.append(error.value)

    with Client(base_url=server.url, timeout=60) as client, client.messages.stream({}) as stream:
        began = threading.Event()
        thread = threading.Thread(target=wait, args=(stream, began))
        thread.start()
        assert began.wait(5)
        stream.close()
        thread.join(5)
    assert caught


def test_an_interrupt_while_waiting_shows_nothing_of_the_request(server, sse):
    """Ctrl-C in the middle of a wait comes out at once, with nothing of httpx in its traceback or behind it."""
    main = threading.get_ident()

    def step(connection):
        connection.sendall(b"".join(sse(frame(START))[:-1]))
        threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT)).start()
        time.sleep(1)
        return False

    server.script = [step]
    began = time.monotonic()
    with (
        Client(base_url=server.url, api_key="sk-secret", timeout=30) as client,
        pytest.raises(KeyboardInterrupt) as caught,
        client.messages.stream({}) as stream,
    ):
        list(stream)
    assert time.monotonic() - began < 5
    assert caught.value.__context__ is None
    assert not any("httpx" in str(entry.path) or "httpcore" in str(entry.path) for entry in caught.traceback)


def test_an_interrupt_passes_through(client, server, sse):
    """Ctrl-C while an event is handled leaves the block at once, as itself."""
    server.script = [sse(b"".join(map(frame, ALL)))]

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), client.messages.stream({}) as stream:
        stop(next(iter(stream)))
