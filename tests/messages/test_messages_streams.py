"""The worked streams of the wire notes (section 16): events in, message out; the official SDK agrees where it may."""

from typing import NamedTuple

import pytest
from anthropic.lib.streaming._messages import accumulate_event

from claude_magic.messages import Growing, Usage


def start(**usage):
    """A message_start event."""
    message = {
        "id": "msg_01AA",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 14, "output_tokens": 2, **usage},
    }
    return {"type": "message_start", "message": message}


def block(index, content_block, *deltas, stop=True):
    """The events of one block."""
    events = [{"type": "content_block_start", "index": index, "content_block": content_block}]
    events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return events + ([{"type": "content_block_stop", "index": index}] if stop else [])


def text(index, *pieces):
    """A text block in pieces."""
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": p} for p in pieces))


def end(stop_reason="end_turn", *, output=9, usage=None, **delta):
    """The last two events."""
    changes = {"stop_reason": stop_reason, "stop_sequence": None, **delta}
    return [
        {"type": "message_delta", "delta": changes, "usage": {"output_tokens": output, **(usage or {})}},
        {"type": "message_stop"},
    ]


def tool_json(*pieces):
    """Pieces of a tool's input."""
    return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


SEARCH = {"type": "server_tool_use", "id": "srvtoolu_01DD", "name": "web_search"}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_01DD",
    "content": [
        {"type": "web_search_result", "title": "Notes", "url": "https://example.org", "encrypted_content": "E"}
    ],
}
CITATION = {
    "type": "web_search_result_location",
    "url": "https://example.org/notes",
    "title": "Release notes",
    "encrypted_index": "Eo8B",
    "cited_text": "Version 6 was published in May.",
}
RAN = {
    "type": "bash_code_execution_tool_result",
    "tool_use_id": "srvtoolu_01EE",
    "content": {
        "type": "bash_code_execution_result",
        "stdout": "done\n",
        "stderr": "",
        "return_code": 0,
        "content": [{"type": "bash_code_execution_output", "file_id": "file_011CFF"}],
    },
}
REFUSED = {"type": "refusal", "category": "cyber", "explanation": "Declined."}
FALLBACK = {"type": "fallback", "from": {"model": "claude-opus-5-5"}, "to": {"model": "claude-sonnet-5-5"}}


class Case(NamedTuple):
    """A stream and what it must become."""

    name: str
    events: list
    content: list
    stop_reason: str | None = "end_turn"
    usage: Usage = Usage(input_tokens=14, output_tokens=9)
    more: dict = {}  # noqa: RUF012 - read only
    by_the_sdk_too: bool = True


CASES = [
    Case(
        "16.1 plain text",
        [start(), {"type": "ping"}, *text(0, "Two", " plus two is four."), *end()],
        [{"type": "text", "text": "Two plus two is four."}],
    ),
    Case(
        "16.2 tool call",
        [
            start(),
            *text(0, "Looking at the frame."),
            *block(
                1,
                {"type": "tool_use", "id": "toolu_01CC", "name": "describe_frame", "input": {}},
                *tool_json("", '{"name": "d', 'f", "rows": 5}'),
            ),
            *end("tool_use", output=58),
        ],
        [
            {"type": "text", "text": "Looking at the frame."},
            {"type": "tool_use", "id": "toolu_01CC", "name": "describe_frame", "input": {"name": "df", "rows": 5}},
        ],
        "tool_use",
        Usage(input_tokens=14, output_tokens=58),
    ),
    Case(
        "16.2 tool without arguments, an empty piece",
        [
            start(),
            *block(0, {"type": "tool_use", "id": "t", "name": "n", "input": {}}, *tool_json("")),
            *end("tool_use"),
        ],
        [{"type": "tool_use", "id": "t", "name": "n", "input": {}}],
        "tool_use",
    ),
    Case(
        "16.2 tool without arguments, no piece",
        [start(), *block(0, {"type": "tool_use", "id": "t", "name": "n", "input": {}}), *end("tool_use")],
        [{"type": "tool_use", "id": "t", "name": "n", "input": {}}],
        "tool_use",
    ),
    Case(
        "a gateway that sends a tool's input whole in the start",
        [start(), *block(0, {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}}), *end("tool_use")],
        [{"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}}],
        "tool_use",
    ),
    Case(
        "16.3 thinking, summarised",
        [
            start(),
            *block(
                0,
                {"type": "thinking", "thinking": "", "signature": ""},
                {"type": "thinking_delta", "thinking": "The user wants the mean;"},
                {"type": "thinking_delta", "thinking": ""},
                {"type": "thinking_delta", "thinking": " sum is 30, n is 5."},
                {"type": "signature_delta", "signature": "EuYBCkYI"},
            ),
            *text(1, "6"),
            *end(),
        ],
        [
            {
                "type": "thinking",
                "thinking": "The user wants the mean; sum is 30, n is 5.",
                "signature": "EuYBCkYI",
            },
            {"type": "text", "text": "6"},
        ],
    ),
    Case(
        "16.3 thinking, omitted",
        [
            start(),
            *block(
                0,
                {"type": "thinking", "thinking": "", "signature": ""},
                {"type": "signature_delta", "signature": "EuYBCkYI"},
            ),
            *text(1, "6"),
            *end(),
        ],
        [{"type": "thinking", "thinking": "", "signature": "EuYBCkYI"}, {"type": "text", "text": "6"}],
    ),
    Case(
        "16.3 redacted thinking",
        [start(), *block(0, {"type": "redacted_thinking", "data": "EmwK"}), *text(1, "6"), *end()],
        [{"type": "redacted_thinking", "data": "EmwK"}, {"type": "text", "text": "6"}],
    ),
    Case(
        "16.4 web search; the citation comes before its text, the input figures grow",
        [
            start(input_tokens=2234),
            *block(0, {**SEARCH, "input": {}}, *tool_json('{"query": "altair 6 release"}')),
            *block(1, FOUND),
            *block(
                2,
                {"type": "text", "text": "", "citations": []},
                {"type": "citations_delta", "citation": CITATION},
                {"type": "text_delta", "text": "Version 6 came out in May."},
            ),
            *end(
                output=97,
                usage={
                    "input_tokens": 9281,
                    "cache_creation_input_tokens": 0,
                    "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
                },
            ),
        ],
        [
            {**SEARCH, "input": {"query": "altair 6 release"}},
            FOUND,
            {"type": "text", "text": "Version 6 came out in May.", "citations": [CITATION]},
        ],
        usage=Usage(input_tokens=9281, output_tokens=97, web_searches=1),
    ),
    Case(
        "16.5 code execution with a generated file; the container comes last",
        [
            start(),
            *block(
                0,
                {"type": "server_tool_use", "id": "srvtoolu_01EE", "name": "bash_code_execution", "input": {}},
                *tool_json('{"command": "python plot.py && cp out.png \\"$OUTPUT_DIR/\\""}'),
            ),
            {"type": "ping"},
            *block(1, RAN),
            *text(2, "The chart is ready."),
            *end(output=204, container={"id": "container_011CGG", "expires_at": "2026-11-21T10:05:00Z"}),
        ],
        [
            {
                "type": "server_tool_use",
                "id": "srvtoolu_01EE",
                "name": "bash_code_execution",
                "input": {"command": 'python plot.py && cp out.png "$OUTPUT_DIR/"'},
            },
            RAN,
            {"type": "text", "text": "The chart is ready."},
        ],
        usage=Usage(input_tokens=14, output_tokens=204),
        more={"container": "container_011CGG", "container_expires_at": "2026-11-21T10:05:00Z"},
    ),
    Case(
        "16.6 refusal",
        [start(), *text(0), *end("refusal", output=0, stop_details=REFUSED)],
        [{"type": "text", "text": ""}],
        "refusal",
        Usage(input_tokens=14, output_tokens=0),
        {"stop_details": REFUSED},
    ),
    Case(
        "16.6 refusal without content",
        [start(), *end("refusal", output=0, stop_details=REFUSED)],
        [],
        "refusal",
        Usage(input_tokens=14, output_tokens=0),
        {"stop_details": REFUSED},
    ),
    Case(
        "16.7 cut inside a tool call: the raw text is kept apart, the input is empty",
        [
            start(),
            *block(
                0, {"type": "tool_use", "id": "t", "name": "n", "input": {}}, *tool_json("", '{"a": [1, 2'), stop=False
            ),
            *end("max_tokens"),
        ],
        [{"type": "tool_use", "id": "t", "name": "n", "input": {}, "partial_json": '{"a": [1, 2'}],
        "max_tokens",
        by_the_sdk_too=False,  # parses what is there
    ),
    Case(
        "16.9 compaction",
        [
            start(),
            *block(
                0,
                {"type": "compaction", "content": None, "encrypted_content": None},
                {"type": "compaction_delta", "content": "Summary.", "encrypted_content": "EpwB"},
            ),
            *end("compaction"),
        ],
        [{"type": "compaction", "content": "Summary.", "encrypted_content": "EpwB"}],
        "compaction",
        by_the_sdk_too=False,  # only in its beta half
    ),
    Case(
        "16.10 fallback: from here on the text is another model's",
        [start(), *block(0, FALLBACK), *text(1, "Hello"), *end()],
        [FALLBACK, {"type": "text", "text": "Hello"}],
        more={"model": "claude-sonnet-5-5"},
        by_the_sdk_too=False,  # only in its beta half
    ),
    Case(
        "oddity 11: a container is not taken back by a later null",
        [
            start(),
            *end(container={"id": "container_1", "expires_at": "2026-11-21T10:05:00Z"})[:1],
            *end(container=None),
        ],
        [],
        more={"container": "container_1"},
    ),
    Case(
        "oddity 10: absent and null usage keep the start's figures",
        [
            start(cache_read_input_tokens=70, cache_creation_input_tokens=30),
            *end(usage={"cache_read_input_tokens": None}),
        ],
        [],
        usage=Usage(input_tokens=14, output_tokens=9, cache_creation_5m=30, cache_read=70),
    ),
    Case(
        "oddity 10: a gateway that tells the input only at the end",
        [start(input_tokens=0), *end(usage={"input_tokens": 321})],
        [],
        usage=Usage(input_tokens=321, output_tokens=9),
    ),
    Case(
        "oddity 10: the cache's total grows without its split",
        [
            start(
                cache_creation_input_tokens=100,
                cache_creation={"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
            ),
            *end(usage={"cache_creation_input_tokens": 300}),
        ],
        [],
        usage=Usage(input_tokens=14, output_tokens=9, cache_creation_5m=260, cache_creation_1h=40),
    ),
    Case(
        "oddity 9: unknown events, blocks and deltas",
        [
            start(),
            {"type": "weather", "index": 0, "delta": {"type": "text_delta", "text": "x"}},
            *block(0, {"type": "hologram", "beam": [1, {"deep": None}]}, {"type": "hologram_delta", "beam": 2}),
            *block(1, {"type": "text", "text": ""}, {"type": "new_delta"}, {"type": "text_delta", "text": "a"}),
            *end(),
        ],
        [{"type": "hologram", "beam": [1, {"deep": None}]}, {"type": "text", "text": "a"}],
        by_the_sdk_too=False,  # reads them as the nearest block it knows
    ),
    Case(
        "a delta that does not fit its block is passed over",
        [
            start(),
            *block(
                0,
                {"type": "text", "text": "a"},
                {"type": "thinking_delta", "thinking": "no"},
                *tool_json("{}"),
                {"type": "signature_delta", "signature": "no"},
            ),
            *end(),
        ],
        [{"type": "text", "text": "a"}],
    ),
]


def fed(events):
    """A growing message that has seen `events`."""
    growing = Growing()
    for event in events:
        growing.feed(event)
    return growing


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_worked_stream_becomes_its_message(case):
    """Blocks, stop reason, usage and container are those that the notes give."""
    message = fed(case.events).message()

    assert list(message.content) == case.content
    assert message.stop_reason == case.stop_reason
    assert message.usage == case.usage
    assert message.id == "msg_01AA"
    assert message.complete
    for name, value in {"model": "claude-opus-5-5", **case.more}.items():
        assert getattr(message, name) == value


def _without_nulls(blocks):
    return [{k: v for k, v in b.items() if v is not None} for b in blocks]


@pytest.mark.parametrize("case", [c for c in CASES if c.by_the_sdk_too], ids=lambda case: case.name)
def test_the_official_sdk_accumulates_the_same(case):
    """Anthropic's own accumulation of the same events has the same blocks, stop reason and token counts."""
    theirs, buffers = None, {}
    for event in case.events:
        if event["type"] != "ping":  # its reader swallows them before
            theirs = accumulate_event(event=event, current_snapshot=theirs, json_bufs=buffers)
    ours = fed(case.events).message()

    assert _without_nulls(b.to_dict() for b in theirs.content) == _without_nulls(ours.content)
    assert theirs.stop_reason == ours.stop_reason
    assert (theirs.usage.input_tokens, theirs.usage.output_tokens) == (
        ours.usage.input_tokens,
        ours.usage.output_tokens,
    )
    assert (theirs.usage.cache_read_input_tokens or 0) == ours.usage.cache_read
    assert (theirs.container.id if theirs.container else None) == ours.container


def test_an_error_in_mid_stream_leaves_what_arrived():
    """16.8: the partial text is there, not complete, and without a stop reason."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    growing = fed([start(), *text(0, "Partial")[:-1], error])

    assert growing.message().text == "Partial"
    assert not growing.message().complete
    assert growing.message().stop_reason is None


def test_nothing_has_started_before_a_block_begins():
    """message_start, pings and an error as the very first frame show nothing, so that a retry is still safe."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    assert not fed([]).started
    assert not fed([error]).started
    assert not fed([start(), {"type": "ping"}]).started
    assert fed([start(), *text(0, "a")[:1]]).started


def test_beta_keys_beside_the_delta_are_kept():
    """`context_management` stands beside `delta`, and lands with the keys this package does not know."""
    events = [start(), *end()]
    events[-2]["context_management"] = {"applied_edits": []}

    assert fed(events).message().extra == {"context_management": {"applied_edits": []}}
