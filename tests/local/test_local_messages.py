"""Answers, whole and streamed, over a socket."""

from __future__ import annotations

import json
import re
import socket
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def text_of(message):
    """All text of a message."""
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


def test_a_whole_answer_has_the_apis_shape(local):
    """Ids, role, stop reason and usage stand where the API has them."""
    answer = local.ask("Hello")
    message = answer.json()
    assert answer.status_code == 200
    assert re.fullmatch(r"msg_01[0-9A-Za-z]{20}", message["id"])
    assert message | {"id": "", "usage": {}} == {
        "id": "",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": [{"type": "text", "text": "You said: Hello", "citations": None}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "usage": {},
    }
    assert message["usage"] == {
        "input_tokens": message["usage"]["input_tokens"],
        "output_tokens": message["usage"]["output_tokens"],
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "server_tool_use": None,
        "service_tier": "standard",
        "inference_geo": "global",
    }
    assert message["usage"]["input_tokens"] > 0
    assert message["usage"]["output_tokens"] > 0


def test_diagnostics_are_answered_when_asked_for(local):
    """There is no prompt cache here, so the reason of a miss is `unavailable`."""
    asked = local.ask("Hello", diagnostics={"previous_message_id": "msg_01x"}).json()
    assert asked["diagnostics"] == {"cache_miss_reason": {"type": "unavailable"}}
    assert "diagnostics" not in local.ask("Hello").json()


def test_an_alias_is_answered_by_the_dated_model(local):
    """`model` in the answer is the resolved id (oddity 36)."""
    assert local.ask("Hi", model="claude-haiku-4-5").json()["model"] == "claude-haiku-4-5-20251001"


def test_a_stream_has_the_apis_order(local):
    """Start, ping after the first block's start, blocks numbered without gaps, delta, stop (oddity 20)."""
    events = local.events([["text", "One two three four."], ["text", "Five."]])
    kinds = [event["type"] for event in events]
    assert kinds[:3] == ["message_start", "content_block_start", "ping"]
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert [e["index"] for e in events if e["type"] == "content_block_start"] == [0, 1]
    assert [e["index"] for e in events if e["type"] == "content_block_stop"] == [0, 1]
    assert events[0]["message"]["content"] == []
    assert events[0]["message"]["stop_reason"] is None


def test_frames_are_padded_and_end_with_a_blank_line(local):
    """Spare spaces stand before the last brace of some frames (oddity 7), non-ASCII goes as itself."""
    answer = local.ask("Größe …\u2028done", stream=True)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert b" }\n\n" in answer.content
    assert answer.content.endswith(b"}\n\n")
    assert "Größe".encode() in answer.content
    assert "\u2028".encode() in answer.content


def test_stream_and_whole_say_the_same(local):
    """Whoever accumulates the stream by the rules has the whole answer."""
    steps = [["text", "First."], ["use", "lookup", {"key": "ä", "n": [1, 2]}]]
    tools = [{"name": "lookup", "input_schema": {"type": "object"}}]
    whole = local.ask(steps, tools=tools).json()
    events = local.events(steps, tools=tools)
    pieces = "".join(e["delta"]["partial_json"] for e in events if e.get("delta", {}).get("type") == "input_json_delta")
    assert json.loads(pieces) == whole["content"][1]["input"] == {"key": "ä", "n": [1, 2]}
    assert whole["stop_reason"] == events[-2]["delta"]["stop_reason"] == "tool_use"
    assert whole["usage"]["output_tokens"] == events[-2]["usage"]["output_tokens"]


def test_a_tool_call_begins_with_an_empty_fragment_and_no_input(local):
    """The first `partial_json` is empty and `input` in the block's start a placeholder (oddity 12)."""
    events = local.events([["bash", "true"]], tools=[local.code])
    start = next(e for e in events if e.get("content_block", {}).get("type") == "server_tool_use")
    first = next(e for e in events if e["type"] == "content_block_delta" and e["index"] == start["index"])
    assert start["content_block"]["input"] == {}
    assert first["delta"] == {"type": "input_json_delta", "partial_json": ""}
    assert re.fullmatch(r"srvtoolu_[a-zA-Z0-9_]+", start["content_block"]["id"])


WORDS = st.text(alphabet="abcé ", min_size=1, max_size=60).filter(str.strip)


@given(said=WORDS, stops=st.lists(st.text(alphabet="abcé ", min_size=1, max_size=4), min_size=1, max_size=3))
@settings(derandomize=True, deadline=None, max_examples=40)
def test_stop_sequences_cut_at_the_first_match(local, said, stops):
    """Wherever the deltas' borders fall, the text ends before the first stop sequence, which is named."""
    message = local.ask([["text", said]], stop_sequences=stops).json()
    first = min((said.find(stop) for stop in stops if stop in said), default=None)
    assert text_of(message) == (said if first is None else said[:first])
    assert message["stop_reason"] == ("end_turn" if first is None else "stop_sequence")
    assert first is None or said.startswith(message["stop_sequence"], first)


@given(said=WORDS, most=st.integers(1, 20))
@settings(derandomize=True, deadline=None, max_examples=40)
def test_max_tokens_cuts_text(local, said, most):
    """A text over `max_tokens` is cut to a beginning of it, stop reason `max_tokens`, and never over-counted."""
    message = local.ask([["text", said]], max_tokens=most).json()
    assert said.startswith(text_of(message))
    assert message["usage"]["output_tokens"] <= most
    assert (message["stop_reason"] == "max_tokens") == (text_of(message) != said)


def test_max_tokens_inside_a_call_leaves_the_block_open(local):
    """The cut call has no `content_block_stop` and is not run (oddity 14)."""
    events = local.events([["bash", "echo " + "x" * 500]], tools=[local.code], max_tokens=20)
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"
    assert "content_block_stop" not in [event["type"] for event in events]
    assert all("_tool_result" not in e.get("content_block", {}).get("type", "") for e in events)


def test_max_tokens_zero_answers_at_once(local):
    """Nothing is written; the stop reason says why."""
    message = local.ask("Hello", max_tokens=0).json()
    assert (message["content"], message["stop_reason"]) == ([], "max_tokens")


def test_code_runs_and_its_files_can_be_fetched(local):
    """A shell command's output is in the result block, its file two levels deep, its name in the metadata."""
    command = "echo out; echo err >&2; printf made > $OUTPUT_DIR/made.txt; exit 3"
    message = local.ask([["bash", command]], tools=[local.code]).json()
    result = message["content"][1]
    assert result["type"] == "bash_code_execution_tool_result"
    assert result["tool_use_id"] == message["content"][0]["id"]
    assert (result["content"]["stdout"], result["content"]["stderr"]) == ("out\n", "err\n")
    assert result["content"]["return_code"] == 3
    file_id = result["content"]["content"][0]["file_id"]
    shown = local.http.get(f"/v1/files/{file_id}").json()
    assert (shown["filename"], shown["size_bytes"], shown["downloadable"]) == ("made.txt", 4, True)
    assert local.http.get(f"/v1/files/{file_id}/content").content == b"made"
    assert message["usage"]["server_tool_use"] == {"web_search_requests": 0, "web_fetch_requests": 0}


def test_the_container_comes_with_the_message_delta_and_can_be_used_again(local):
    """Its id arrives at the end of the stream; either form of `container` finds it with its files."""
    delta = local.events([["bash", "echo kept > note.txt"]], tools=[local.code])[-2]["delta"]
    container = delta["container"]
    assert container["expires_at"].endswith("Z")
    for named in (container["id"], {"id": container["id"]}):
        again = local.ask([["bash", "cat note.txt"]], tools=[local.code], container=named).json()
        assert again["content"][1]["content"]["stdout"] == "kept\n"
        assert again["container"]["id"] == container["id"]
    new = local.ask([["bash", "ls"]], tools=[local.code]).json()
    assert new["container"]["id"] != container["id"]


def test_an_unknown_container_is_named(local):
    """A container that never was is an error that names it, before anything streams (oddity 49)."""
    answer = local.ask([["text", "x"]], tools=[local.code], container="container_01none", stream=True)
    assert answer.status_code == 404
    assert "container_01none" in answer.json()["error"]["message"]


def test_without_running_anything_there_is_no_container(local):
    """`container` is null when none was used."""
    assert local.ask("Hello", tools=[local.code]).json()["container"] is None


def test_uploads_reach_the_container(local):
    """A `container_upload` file is in $INPUT_DIR, and the engine is told its name, type and size."""
    file = local.upload(b"a,b\n1,2\n", "tiny table.csv", "text/csv")
    content = [
        {"type": "container_upload", "file_id": file["id"]},
        {"type": "text", "text": json.dumps([["files"], ["bash", 'cat "$INPUT_DIR/tiny table.csv"']])},
    ]
    message = local.ask("", messages=[{"role": "user", "content": content}], tools=[local.code]).json()
    assert message["content"][0]["text"] == "tiny table.csv:text/csv:8"
    assert message["content"][2]["content"]["stdout"] == "a,b\n1,2\n"


def test_input_tokens_grow_with_the_results(local):
    """What a tool printed is input for what follows: the last figure is the one to keep (oddity 10)."""
    events = local.events([["bash", "seq 1000"]], tools=[local.code])
    assert events[-2]["usage"]["input_tokens"] > events[0]["message"]["usage"]["input_tokens"] + 500


def test_a_turn_pauses_after_ten_rounds_and_goes_on(local):
    """`pause_turn` comes after ten calls; sending the content back yields the rest, in the same container."""
    steps = [["bash", f"echo {n} >> log.txt"] for n in range(13)] + [["bash", "cat log.txt"]]
    first = local.ask(steps, tools=[local.code]).json()
    assert first["stop_reason"] == "pause_turn"
    assert sum(block["type"] == "server_tool_use" for block in first["content"]) == 10
    messages = [*local.body(steps)["messages"], {"role": "assistant", "content": first["content"]}]
    rest = local.ask("", messages=messages, tools=[local.code], container=first["container"]["id"]).json()
    assert rest["stop_reason"] == "end_turn"
    assert sum(block["type"] == "server_tool_use" for block in rest["content"]) == 4
    assert rest["content"][-2]["content"]["stdout"] == "".join(f"{n}\n" for n in range(13))


def test_a_bug_in_the_engine_is_a_500_in_shape_and_in_the_log(local, caplog):
    """Whole: status 500. Streamed: an `error` event. Both times the traceback is logged."""
    answer = local.ask([["raise", "engine bug"]])
    assert answer.status_code == 500
    assert answer.json()["error"] == {"type": "api_error", "message": "Internal server error"}
    events = local.events([["text", "Before."], ["raise", "engine bug"]])
    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["type"] == "api_error"
    assert events[-1]["request_id"].startswith("req_")
    assert [str(record.exc_info[1]) for record in caplog.records] == ["engine bug", "engine bug"]
    assert local.key not in caplog.text


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_the_command(local, stream):
    """Closing the connection kills what runs, whole and streamed: the next command in that container need not wait."""
    container = local.ask([["bash", "touch begun"]], tools=[local.code]).json()["container"]["id"]
    steps = [["bash", "touch running; sleep 60; touch survived"]]
    request = json.dumps(local.body(steps, tools=[local.code], container=container, stream=stream)).encode()
    host, port = local.base_url.removeprefix("http://").split(":")
    head = f"POST /v1/messages HTTP/1.1\r\nhost: {host}\r\nx-api-key: {local.key}\r\nanthropic-version: 2026-10-21\r\n"
    mark = local.app.pool().root / container / "home" / "running"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"{head}content-length: {len(request)}\r\n\r\n".encode() + request)
        deadline = time.monotonic() + 20
        while not mark.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
    began = time.monotonic()
    left = local.ask([["bash", "ls"]], tools=[local.code], container=container).json()
    assert time.monotonic() - began < 30
    assert left["content"][1]["content"]["stdout"] == "begun\nrunning\n"


def test_events_come_as_they_are_made(local):
    """The first text is there while the engine is still at work."""
    steps = [["text", "Early."], ["sleep", 2], ["text", "Late."]]
    seen = b""
    with local.http.stream("POST", "/v1/messages", json=local.body(steps, stream=True)) as answer:
        for chunk in answer.iter_raw():
            seen += chunk
            if b"Early." in seen:
                break
    assert b"Early." in seen
    assert b"Late." not in seen


def test_a_long_answer_is_not_lost(local):
    """Thousands of deltas arrive in order, faster than they are read."""
    said = " ".join(map(str, range(30_000)))
    message = local.ask([["text", said]], max_tokens=128_000).json()
    assert text_of(message) == said


def test_silence_is_broken_by_pings(tmp_path, serving):
    """While the engine is at work and says nothing, pings come (oddity 3)."""
    with serving(tmp_path, silence=0.2) as server:
        events = server.events([["text", "One."], ["sleep", 1], ["text", "Two."]])
    kinds = [event["type"] for event in events]
    assert 2 <= kinds.count("ping") <= 7
    last = len(kinds) - 1 - kinds[::-1].index("ping")
    assert kinds.index("content_block_stop") < last < kinds.index("message_delta")


def test_an_expired_container_is_an_error_that_names_it(fresh):
    """It is 400, never a silent new container (oddity 49); without `container` the request goes through."""
    used = fresh.ask([["bash", "true"]], tools=[fresh.code]).json()["container"]["id"]
    fresh.app.pool().idle_seconds = 0.0
    answer = fresh.ask([["bash", "true"]], tools=[fresh.code], container=used)
    assert answer.status_code == 400
    assert f"Container `{used}` has expired" in answer.json()["error"]["message"]
    assert fresh.ask([["text", "x"]], tools=[fresh.code]).status_code == 200


def test_a_container_belongs_to_its_workspace(fresh):
    """One of another workspace is as unknown as one that never was."""
    other = fresh.app.pool().get(None, "wrkspc_01other").id
    assert fresh.ask([["bash", "true"]], tools=[fresh.code], container=other).status_code == 404


def test_answers_run_side_by_side(local):
    """One that takes its time holds up no other."""
    slow = threading.Thread(target=local.ask, args=([["sleep", 2]],))
    slow.start()
    assert local.ask("Quick").status_code == 200
    assert slow.is_alive()
    slow.join()
