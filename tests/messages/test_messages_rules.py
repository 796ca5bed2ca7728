"""What holds for every stream: pieces do not matter, snapshots are values, cost is linear, nothing odd breaks it."""

import copy
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.messages import Growing, Request, Usage, message_from_wire

START = {"type": "message_start", "message": {"id": "m", "model": "x", "content": [], "usage": {"input_tokens": 5}}}
STOP = {"type": "message_stop"}


def fed(events, growing=None):
    """A growing message that has seen `events`."""
    growing = growing or Growing()
    for event in events:
        growing.feed(event)
    return growing


def begin(index, **block):
    """A content_block_start."""
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index, kind, **keys):
    """A content_block_delta."""
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **keys}}


def done(index):
    """A content_block_stop."""
    return {"type": "content_block_stop", "index": index}


def cut(text, places):
    """`text` in pieces, cut at `places`."""
    at = [0, *sorted(p % (len(text) + 1) for p in places), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(at)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PLACES = st.lists(st.integers(0, 10_000), max_size=12)


@settings(derandomize=True, deadline=None)
@given(text=st.text(), thinking=st.text(), tool=st.dictionaries(st.text(), JSON, max_size=4), places=PLACES)
def test_how_text_and_tool_input_are_cut_makes_no_difference(text, thinking, tool, places):
    """Any cutting into deltas gives the message that one delta gives."""
    events = [START, begin(0, type="thinking", thinking="", signature="")]
    events += [delta(0, "thinking_delta", thinking=p) for p in cut(thinking, places)]
    events += [done(0), begin(1, type="text", text="")]
    events += [delta(1, "text_delta", text=p) for p in cut(text, places)]
    events += [done(1), begin(2, type="server_tool_use", id="srvtoolu_1", name="n", input={})]
    events += [delta(2, "input_json_delta", partial_json=p) for p in cut(json.dumps(tool), places)]
    message = fed([*events, done(2), STOP]).message()

    assert message.thinking == thinking
    assert message.text == text
    assert message.content[2] == {"type": "server_tool_use", "id": "srvtoolu_1", "name": "n", "input": tool}


EVERY_KIND = [
    START,
    begin(0, type="thinking", thinking="", signature=""),
    delta(0, "thinking_delta", thinking="hm"),
    delta(0, "signature_delta", signature="S1"),
    done(0),
    delta(0, "signature_delta", signature="S2"),
    begin(1, type="text", text="", citations=[]),
    delta(1, "citations_delta", citation={"type": "char_location"}),
    delta(1, "text_delta", text="a"),
    done(1),
    delta(1, "citations_delta", citation={"type": "page_location"}),
    begin(2, type="compaction", content=None),
    delta(2, "compaction_delta", content="one"),
    delta(2, "compaction_delta", content="two"),
    begin(3, type="server_tool_use", id="srvtoolu_1", name="n", input={}),
    delta(3, "input_json_delta", partial_json='{"a":'),
    delta(3, "input_json_delta", partial_json="1}"),
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
    STOP,
]


def test_snapshots_are_values():
    """No event changes a snapshot that was taken before it, nor the event it came from."""
    events, growing, taken = copy.deepcopy(EVERY_KIND), Growing(), []
    for event in events:
        growing.feed(event)
        taken.append((growing.message(), copy.deepcopy(growing.message())))

    assert all(snapshot == as_it_was for snapshot, as_it_was in taken)
    assert events == EVERY_KIND
    assert taken[-1][0].content[1]["citations"] == [{"type": "char_location"}, {"type": "page_location"}]


def test_a_settled_block_is_the_same_object_in_later_snapshots():
    """A painter may recognise a finished block without comparing it."""
    growing = fed([START, begin(0, type="text", text=""), delta(0, "text_delta", text="a"), done(0)])
    before = growing.message().content[0]
    fed([begin(1, type="text", text=""), delta(1, "text_delta", text="b"), done(1)], growing)

    assert growing.message().content[0] is before


def test_a_growing_tool_input_can_be_watched():
    """Until the block ends the pieces so far stand in `partial_json`; then they are parsed and gone."""
    growing = fed([START, begin(0, type="tool_use", id="t", name="n", input={})])
    fed([delta(0, "input_json_delta", partial_json='{"a"')], growing)
    assert growing.message().content[0]["partial_json"] == '{"a"'
    assert growing.message().content[0]["input"] == {}

    fed([delta(0, "input_json_delta", partial_json=": 1}"), done(0)], growing)
    assert growing.message().content[0] == {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}}


class Counting(str):
    """A piece of text that counts how often it is copied into a longer one."""

    __slots__ = ()
    copied = 0

    def __add__(self, other):
        Counting.copied += 1
        return Counting(str(self) + other)

    __radd__ = __add__


@pytest.mark.parametrize("kind", ["text", "tool"])
def test_feeding_keeps_pieces_and_joins_them_once(kind):
    """Nothing is joined while events arrive: 5,000 pieces are 5,000 pieces, so the cost is linear in their number."""
    if kind == "text":
        first, piece = begin(0, type="text", text=""), lambda p: delta(0, "text_delta", text=p)
    else:
        first = begin(0, type="tool_use", id="t", name="n", input={})
        piece = lambda p: delta(0, "input_json_delta", partial_json=p)  # noqa: E731
    Counting.copied = 0
    pieces = [Counting(c) for c in '{"a": "' + "x" * 5_000 + '"}']
    growing = fed([START, first, *map(piece, pieces)])

    assert Counting.copied == 0
    assert len(growing._pieces[0]) in {len(pieces), len(pieces) + 1}  # a text block begins with the start's own text
    growing.feed(done(0))
    assert growing._pieces[0] is None
    settled = growing.message().content[0]
    assert (settled["text"] if kind == "text" else json.dumps(settled["input"])) == "".join(pieces)


@pytest.mark.parametrize(
    "raw",
    ['{"a": [1, 2', "[1, 2]", '"text"', "5", '{"a": NaN}', '{"a": ' + "9" * 5_000 + "}", "[" * 100_000, "{'a': 1}"],
    ids=["cut", "a list", "a string", "a number", "NaN", "too many digits", "too deep", "single quotes"],
)
def test_input_that_is_no_json_object_is_kept_raw_and_not_run(raw):
    """Whatever cannot be a tool's input leaves `{}` and the raw text."""
    growing = fed([START, begin(0, type="tool_use", id="t", name="n", input={})])
    fed([delta(0, "input_json_delta", partial_json=raw), done(0), STOP], growing)

    assert growing.message().content[0]["input"] == {}
    assert growing.message().content[0]["partial_json"] == raw


def test_a_character_cut_into_its_two_halves_is_made_whole():
    """A server that counts in UTF-16 cuts an emoji into two deltas; a half that stays alone becomes U+FFFD."""
    halves = [begin(0, type="text", text=""), *(delta(0, "text_delta", text=h) for h in ("\ud83d", "\ude00", "\ud83d"))]
    growing = fed([START, *halves])

    assert growing.message().text == "\U0001f600\ufffd"
    assert fed([done(0)], growing).message().text == "\U0001f600\ufffd"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["text", "x", "thinking", "tool_use", "fallback"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "text", "input", "model", "id", "to", "citations"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)
KINDS = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"]
DELTAS = ["text_delta", "input_json_delta", "citations_delta", "signature_delta", "thinking_delta", "compaction_delta"]
ODD_DELTA = st.fixed_dictionaries(
    {"type": st.sampled_from(DELTAS)}, optional=dict.fromkeys(("text", "partial_json", "citation", "signature"), ODD)
)
ODD_EVENT = st.fixed_dictionaries(
    {"type": st.sampled_from([*KINDS, "message_stop", "error", "new"]) | ODD},
    optional={
        "index": st.integers(0, 2) | ODD,
        "delta": ODD_DELTA | ODD,
        "usage": ODD | st.fixed_dictionaries({"output_tokens": ODD, "cache_creation": ODD, "server_tool_use": ODD}),
        "message": ODD | st.fixed_dictionaries({"content": st.lists(ODD), "usage": ODD, "container": ODD}),
        "content_block": ODD | st.fixed_dictionaries({"type": st.sampled_from(["text", "tool_use", "compaction"])}),
    },
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.lists(ODD_EVENT, max_size=8))
def test_no_event_however_odd_breaks_the_accumulation(events):
    """A gateway's malformed events are passed over: feeding and looking never raise."""
    growing = Growing()
    for event in events:
        growing.feed(event)
        assert growing.message().usage.output_tokens >= -2


def paused(*blocks, **delta_keys):
    """The events of a round that pauses after `blocks`."""
    events = [START]
    for index, block in enumerate(blocks):
        events += [begin(index, **block), done(index)]
    stop = {"stop_reason": "pause_turn", **delta_keys}
    return [*events, {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 10}}, STOP]


CALL = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "bash_code_execution", "input": {"command": "ls"}}
RESULT = {"type": "bash_code_execution_tool_result", "tool_use_id": "srvtoolu_1", "content": {"content": []}}


def test_a_paused_answer_and_its_continuation_are_one_message():
    """Blocks follow each other, tokens of both rounds add up, the container stays."""
    container = {"id": "container_1", "expires_at": "2026-11-21T10:05:00Z"}
    growing = fed(paused(CALL, container=container))
    so_far = growing.go_on()
    assert so_far.stop_reason == "pause_turn"
    assert so_far.content == (CALL,)
    assert growing.started

    last = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}}
    fed([START, begin(0, **RESULT), done(0), begin(1, type="text", text="ok"), done(1), last, STOP], growing)
    message = growing.message()
    assert message.content == (CALL, RESULT, {"type": "text", "text": "ok"})
    assert message.usage == Usage(input_tokens=10, output_tokens=14)
    assert message.container == "container_1"
    assert message.stop_reason == "end_turn"
    assert message.complete


def test_a_continuation_that_never_began_keeps_who_answered():
    """When the line breaks right after a pause, id and model are the first round's, and the answer is incomplete."""
    growing = fed(paused(CALL))
    growing.go_on()
    message = growing.message()

    assert (message.id, message.model, message.content) == ("m", "x", (CALL,))
    assert not message.complete


def test_three_rounds_add_up():
    """Going on twice loses no block and no token."""
    growing = fed(paused({"type": "text", "text": "1"}))
    for word in ("2", "3"):
        growing.go_on()
        fed(paused({"type": "text", "text": word}), growing)

    assert growing.message().text == "123"
    assert growing.message().usage == Usage(input_tokens=15, output_tokens=30)


def test_a_request_that_goes_on_ends_with_the_paused_content():
    """The paused blocks are last, in the same container; blank text, which the API refuses, is not among them."""
    request = Request("m", 10, ({"role": "user", "content": [{"type": "text", "text": "?"}]},), container="c1")
    on = request.continued([{"type": "text", "text": " "}, CALL], None)

    assert on.messages[-1] == {"role": "assistant", "content": [CALL]}
    assert on.container == "c1"
    assert request.continued([CALL], "c2").container == "c2"
    assert len(request.messages) == 1


def test_a_body_has_only_what_is_set():
    """Unset keys are absent; the body to be counted has nothing that count_tokens refuses."""
    messages = ({"role": "user", "content": "?"},)
    assert Request("m", 10, messages).body() == {"model": "m", "max_tokens": 10, "messages": list(messages)}

    full = Request("m", 10, messages, "s", ({"type": "t"},), "c", {"thinking": {"type": "adaptive"}, "metadata": {}})
    assert full.body()["metadata"] == {}
    assert full.count_body() == {
        "model": "m",
        "messages": list(messages),
        "system": "s",
        "tools": [{"type": "t"}],
        "thinking": {"type": "adaptive"},
    }


def test_a_whole_answer_reads_as_a_streamed_one():
    """A message that came in one piece keeps unknown keys, and its usage sums up."""
    body = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "x",
        "content": [{"type": "text", "text": "a"}, {"type": "new", "x": 1}],
        "stop_reason": "end_turn",
        "container": None,
        "diagnostics": {"cache_miss_reason": None},
        "usage": {
            "input_tokens": 1,
            "output_tokens": 2,
            "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            "cache_read_input_tokens": 4,
        },
    }
    whole = message_from_wire(body)
    streamed = fed([{"type": "message_start", "message": body}, STOP]).message()

    assert whole == streamed
    assert whole.extra == {"diagnostics": {"cache_miss_reason": None}}
    assert whole.usage == Usage(1, 2, 10, 20, 4)
    assert whole.usage.prompt_tokens == 35


def test_a_whole_answer_with_text_that_is_none():
    """Words that are no text become text, and an input keeps the order of its keys (oddity 38: the cache sees it)."""
    content = [
        {"type": "text", "text": 5},
        {"type": "thinking", "thinking": None},
        {"type": "tool_use", "id": "toolu_1", "name": "n", "input": {"b": 1, "a": 2}},
    ]
    message = fed([{"type": "message_start", "message": {"content": content}}, STOP]).message()
    assert (message.text, message.thinking) == ("5", "")
    assert list(message.content[2]["input"]) == ["b", "a"]
