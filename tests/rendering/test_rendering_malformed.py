"""Events that are not what the API's pages say: any one value of another kind, or not there at all."""

from __future__ import annotations

import copy

import pytest

from claude_magic.messages import Growing
from claude_magic.rendering import bundle

ODD = [None, True, -1, 1.5, 10**400, "", "\ud800", [], [1], {}, {"a": 1}, "gone"]
CITATION = {"url": "https://a.example", "title": "t", "cited_text": "c"}
OUTPUT = {"type": "bash_code_execution_output", "file_id": "file_1"}
RESULT = {"type": "bash_code_execution_result", "stdout": "o", "stderr": "e", "return_code": 1, "content": [OUTPUT]}
CALL = {"type": "server_tool_use", "id": "s", "name": "bash_code_execution", "input": {}}
EVENTS = [
    {
        "type": "message_start",
        "message": {"id": "m", "model": "x", "content": [], "usage": {"input_tokens": 1}, "container": {"id": "c"}},
    },
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "text", "text": "", "citations": [CITATION]},
    },
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": CITATION}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": CALL},
    {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "input_json_delta", "partial_json": '{"command": "ls"}'},
    },
    {"type": "content_block_stop", "index": 1},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "bash_code_execution_tool_result", "tool_use_id": "s", "content": RESULT},
    },
    {"type": "content_block_stop", "index": 2},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
]


def places(value, path=()):
    """Yield the paths of everything inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in items:
        yield (*path, key)
        yield from places(inside, (*path, key))


@pytest.mark.parametrize("at", range(len(EVENTS)), ids=[event["type"] for event in EVENTS])
def test_an_answer_with_a_value_of_another_kind_is_shown(at):
    """Wherever the odd value stands: no exception, arriving and settled, and all that is well is there."""
    for path in places(EVENTS[at]):
        for odd in ODD:
            event = copy.deepcopy(EVENTS[at])
            holder = event
            for key in path[:-1]:
                holder = holder[key]
            if odd == "gone":
                del holder[path[-1]]
            else:
                holder[path[-1]] = odd
            growing = Growing()
            for each in [*EVENTS[:at], event, *EVENTS[at + 1 :]]:
                growing.feed(each)
                bundle(growing.message(), footer=None, settled=False)
            made = bundle(growing.message(), footer=None)["text/plain"]
            made.encode()
            assert "hello" in made or at in {1, 2}, (path, odd)
