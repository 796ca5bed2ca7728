"""The helpers an engine is written with."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.local.answer import collect
from claude_magic.local.engine import MAX_ROUNDS, Paused, Turn

COMMANDS = st.lists(st.sampled_from(["ls", "pwd", "date"]), max_size=25)


def spoken(events):
    """The blocks that a list of engine events amounts to."""
    index, out = -1, [{"type": "message_start", "message": {"content": [], "usage": {}}}]
    for event in events:
        index += event["type"] == "content_block_start"
        out.append({**event, "index": index})
    return collect(out)["content"]


def act(turn, commands):
    """Run the commands with a word before each; stops at the pause."""
    try:
        for number, command in enumerate(commands):
            yield from turn.text(f"Step {number}.")
            result = yield from turn.call("bash_code_execution", {"command": command})
            yield from turn.text(f"It printed {result['stdout']}")
    except Paused:
        return


def counting():
    """A tool that prints how often it was called."""
    calls = []

    def run(name, given):
        calls.append(given["command"])
        return {"type": f"{name}_result", "stdout": str(len(calls)), "stderr": "", "return_code": 0, "content": []}

    return run, calls


@given(commands=COMMANDS)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_a_paused_turn_goes_on_where_it_stopped(commands):
    """However often it pauses, every command runs once and the blocks are those of an answer without pause."""
    run, calls = counting()
    content = []
    for _ in range(len(commands) // MAX_ROUNDS + 1):
        content += spoken(act(Turn({}, can_run=True, run=run, earlier=content), commands))
    assert calls == commands
    assert [b["text"] for b in content if b["type"] == "text"] == [
        text for n in range(len(commands)) for text in (f"Step {n}.", f"It printed {n + 1}")
    ]
    ids = [b["id"] for b in content if b["type"] == "server_tool_use"]
    assert [b["tool_use_id"] for b in content if "tool_use_id" in b] == ids
    assert len(set(ids)) == len(commands)


def test_an_open_call_is_run_when_the_turn_goes_on():
    """A paused content that ends in a call without result yields that result first, and no second call block."""
    run, calls = counting()
    call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "bash_code_execution", "input": {"command": "ls"}}
    content = spoken(act(Turn({}, can_run=True, run=run, earlier=[{"type": "text", "text": "Step 0."}, call]), ["ls"]))
    assert calls == ["ls"]
    assert [b["type"] for b in content] == ["bash_code_execution_tool_result", "text"]
    assert content[0]["tool_use_id"] == "srvtoolu_1"


def test_an_engine_that_says_something_else_is_not_held_to_what_it_said():
    """Where the second run departs from the first, everything from there on is new."""
    run, calls = counting()
    turn = Turn({}, can_run=True, run=run, earlier=[{"type": "text", "text": "Another beginning."}])
    assert spoken(act(turn, ["ls"]))[0]["text"] == "Step 0."
    assert calls == ["ls"]


def test_without_the_tool_nothing_runs():
    """A call in a request without code execution is an `unavailable` result."""
    run, calls = counting()
    content = spoken(Turn({}, run=run).call("bash_code_execution", {"command": "ls"}))
    assert content[1]["content"] == {"type": "bash_code_execution_tool_result_error", "error_code": "unavailable"}
    assert calls == []


@given(text=st.text())
@settings(derandomize=True, deadline=None)
def test_text_arrives_whole(text):
    """The deltas of a text are the text; a blank text is no block at all, since the API would refuse it as input."""
    content = spoken(Turn({}).text(text))
    assert content == ([{"type": "text", "text": text, "citations": None}] if text.strip() else [])
