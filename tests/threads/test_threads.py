"""What of a conversation travels to the next request, and what stays behind."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.messages import Message
from claude_magic.threads import Thread, Turn, paired

ASKED = ({"type": "text", "text": "How many?"},)
CALL = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "bash_code_execution", "input": {"command": "wc"}}
RESULT = {
    "type": "bash_code_execution_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": {"type": "bash_code_execution_result", "stdout": "3\n", "stderr": "", "return_code": 0, "content": []},
}
THINKING = {"type": "thinking", "thinking": "", "signature": "EuYB"}
REDACTED = {"type": "redacted_thinking", "data": "EmwK"}


def text(words):
    """A text block."""
    return {"type": "text", "text": words}


def answer(*content, model="m", **keys):
    """A whole answer."""
    return Message(model=model, content=content, stop_reason=keys.pop("stop_reason", "end_turn"), complete=True, **keys)


def travelled(*content, model="m", unfinished="", gone=(), **keys):
    """The assistant content that a turn with this answer sends on to model `m`."""
    messages = Turn(ASKED, answer(*content, model=model, **keys), unfinished).travelling(gone)
    return messages[1]["content"] if messages else None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([text("3")], [text("3")]),
        ([text(""), text("3"), text(" \n\t")], [text("3")]),
        ([text("")], None),
        ([], None),
        ([CALL, RESULT, text("3")], [CALL, RESULT, text("3")]),
        ([CALL, text("3")], [text("3")]),
        ([RESULT, text("3")], [text("3")]),
        ([CALL], None),
        ([CALL, text("and"), RESULT], [CALL, text("and"), RESULT]),
        ([{**CALL, "partial_json": '{"comm'}, text("3")], [text("3")]),
        ([{**CALL, "partial_json": '{"comm'}, RESULT, text("3")], [text("3")]),
        ([{"type": "tool_use", "id": "toolu_1", "name": "n", "input": {}}, text("3")], [text("3")]),
        ([THINKING, text("3")], [text("3")]),
        ([REDACTED, text("3")], [text("3")]),
        ([{**THINKING, "signature": ""}, text("3")], [text("3")]),
        ([text("3"), THINKING], [text("3")]),
        ([THINKING], None),
        ([THINKING, CALL], None),
        ([text("3"), THINKING, REDACTED, text(" ")], [text("3")]),
        ([{"type": "hologram", "beam": 1}], [{"type": "hologram", "beam": 1}]),
        ([{**CALL, "id": ["odd"]}, {**RESULT, "tool_use_id": {}}, text("3")], [text("3")]),
        ([{**text("3"), "citations": None}], [{**text("3"), "citations": None}]),
        (
            [{**text("3"), "citations": [{"type": "char_location", "file_id": "file_1", "cited_text": "c"}]}],
            [{**text("3"), "citations": [{"type": "char_location", "cited_text": "c"}]}],
        ),
    ],
)
def test_what_of_an_answer_travels(content, expected):
    """Blank text, unpaired calls, thinking (bound to what stood around it), and `file_id` in citations stay behind."""
    assert travelled(*content) == expected


def test_a_refused_turn_stays_behind_with_its_question():
    """The partial text of a refusal is to be discarded, and two questions in a row are none."""
    assert Turn(ASKED, answer(text("I will"), stop_reason="refusal")).travelling() == []


def test_an_unfinished_answer_says_so_and_loses_its_thinking():
    """What arrived travels, marked; thinking that was cut off has no signature that would hold."""
    assert travelled(THINKING, text("The mean is"), CALL, unfinished="interrupted") == [
        text("The mean is"),
        text("[This answer ended early: interrupted.]"),
    ]
    assert travelled(THINKING, CALL, unfinished="interrupted") is None


def test_deleted_files_are_mounted_no_more():
    """A file that is gone is left out on both sides; a turn that asked with nothing else is left out whole."""
    mount = {"type": "container_upload", "file_id": "file_1"}
    kept = {"type": "container_upload", "file_id": "file_2"}
    turn = Turn((mount, kept, *ASKED), answer(mount, text("3")))

    assert turn.travelling({"file_1"}) == [
        {"role": "user", "content": [kept, *ASKED]},
        {"role": "assistant", "content": [text("3")]},
    ]
    assert turn.travelling()[0]["content"] == [mount, kept, *ASKED]
    assert Turn((mount,), answer(text("3"))).travelling({"file_1"}) == []


def test_a_turn_is_kept_as_it_happened():
    """Travelling is a copy: the turn still holds what the API sent."""
    cited = {**text("3"), "citations": [{"type": "char_location", "file_id": "file_1"}]}
    turn = Turn(ASKED, answer(text(""), CALL, cited))
    turn.travelling()

    assert turn.answer.content == (text(""), CALL, cited)
    assert cited["citations"] == [{"type": "char_location", "file_id": "file_1"}]


def test_calls_and_results_are_paired_by_id_not_by_position():
    """Two calls whose results come in the other order stay; a third call without a result goes."""
    calls = [{**CALL, "id": f"srvtoolu_{i}"} for i in range(3)]
    results = [{**RESULT, "tool_use_id": f"srvtoolu_{i}"} for i in (1, 0)]

    assert paired([*calls, *results]) == [*calls[:2], *results]


def test_a_thread_sends_its_turns_in_order():
    """User and assistant alternate, oldest first; clearing forgets turns and container."""
    thread = Thread("main", [Turn((text(str(i)),), answer(text(f"a{i}"))) for i in range(3)], container="c")

    assert [m["content"][0]["text"] for m in thread.messages()] == ["0", "a0", "1", "a1", "2", "a2"]
    thread.clear()
    assert thread.messages() == []
    assert thread.container is None


def test_a_thread_knows_whether_it_has_run_code():
    """A history with code execution blocks needs its tool in every later request."""
    assert not Thread("t", [Turn(ASKED, answer(text("3")))]).runs_code
    assert Thread("t", [Turn(ASKED, answer(CALL, RESULT)), Turn(ASKED, answer(text("3")))]).runs_code


def test_a_mounted_file_needs_the_tool_although_no_code_was_run():
    """`container_upload` without the code execution tool is a 400: an answer in words alone must not end the thread."""
    mounted = {"type": "container_upload", "file_id": "file_1"}
    assert Thread("t", [Turn((mounted, *ASKED), answer(text("Certainly."), stop_reason="max_tokens"))]).runs_code


def test_a_thread_works_in_one_container_until_it_leaves():
    """The same container keeps its age, another one begins anew, and leaving forgets all three."""
    thread = Thread("t")
    thread.work_in("container_1", "2026-11-21T10:05:00Z")
    since = thread.container_since
    thread.work_in("container_1", "2026-11-21T10:15:00Z")
    assert thread.container_since == since
    assert thread.container_expires_at == "2026-11-21T10:15:00Z"

    thread.work_in("container_2", None)
    assert (thread.container, thread.container_expires_at) == ("container_2", None)
    assert thread.container_since >= since
    thread.leave_container()
    assert (thread.container, thread.container_since, thread.container_expires_at) == (None, None, None)


IDS = st.sampled_from(["srvtoolu_1", "srvtoolu_2", "toolu_3"])
BLOCKS = st.one_of(
    st.builds(text, st.sampled_from(["", " ", "\n", "a", "b c"])),
    st.builds(lambda i: {**CALL, "id": i}, IDS),
    st.builds(lambda i: {**CALL, "id": i, "partial_json": "{"}, IDS),
    st.builds(lambda i: {"type": "tool_use", "id": i, "name": "n", "input": {}}, IDS),
    st.builds(lambda i: {**RESULT, "tool_use_id": i}, IDS),
    st.sampled_from([THINKING, REDACTED, {**THINKING, "signature": ""}, {"type": "hologram"}]),
    st.builds(lambda f: {"type": "container_upload", "file_id": f}, st.sampled_from(["file_1", "file_2"])),
    st.builds(
        lambda c: {**text("cited"), "citations": c}, st.sampled_from([None, [], [{"file_id": "f", "type": "x"}]])
    ),
)
TURNS = st.builds(
    Turn,
    st.lists(BLOCKS.filter(lambda b: b["type"] == "container_upload"), max_size=2).map(lambda b: (*b, *ASKED)),
    st.builds(
        Message,
        model=st.sampled_from(["m", "another"]),
        content=st.lists(BLOCKS, max_size=8).map(tuple),
        stop_reason=st.sampled_from([None, "end_turn", "refusal", "max_tokens", "pause_turn"]),
    ),
    st.sampled_from(["", "interrupted", "overloaded"]),
)


def _is_blank(block):
    return block["type"] == "text" and not block["text"].strip()


@settings(derandomize=True, deadline=None, max_examples=300)
@given(turns=st.lists(TURNS, max_size=5), gone=st.sets(st.sampled_from(["file_1", "file_2"])))
def test_whatever_happened_the_history_is_one_the_api_takes(turns, gone):
    """Roles alternate from user to assistant; no blank text, no lonely call or result, no half input, no dead file."""
    messages = Thread("t", turns).messages(gone)

    assert [m["role"] for m in messages] == ["user", "assistant"] * (len(messages) // 2)
    for message in messages:
        content = message["content"]
        assert content
        assert not any(_is_blank(b) or "partial_json" in b or b.get("file_id") in gone for b in content)
        calls = {b["id"] for b in content if b["type"].endswith("tool_use")}
        assert calls == {b["tool_use_id"] for b in content if "tool_use_id" in b}
        assert not any("file_id" in c for b in content for c in b.get("citations") or [])
        assert not [b for b in content if b["type"] in {"thinking", "redacted_thinking"}]
