"""Every way an answer can end, through the session and into the next request, which the API's rules must take."""

import os
import signal
import threading

import pytest

from claude_magic.errors import Interrupted
from claude_magic.local import requests, rules
from claude_magic.options import Options

MODEL = "claude-sonnet-5-5"
RUN = Options(model=MODEL, run=True)
CONTAINER = {"id": "container_1", "expires_at": "2026-11-22T12:00:00Z"}
CALL = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "bash_code_execution", "input": {}}
RAN = {"type": "bash_code_execution_result", "stdout": "3", "stderr": "", "return_code": 0, "content": []}
RESULT = {"type": "bash_code_execution_tool_result", "tool_use_id": "srvtoolu_1", "content": RAN}
THOUGHT = {"type": "thinking", "thinking": "", "signature": ""}


def start(number, usage=7):
    """The first event of message number `number`."""
    message = {"id": f"msg_{number}", "model": MODEL, "usage": {"input_tokens": usage, "output_tokens": 1}}
    return {"type": "message_start", "message": message}


def block(index, content, *deltas, stop=True):
    """The events of one block."""
    yield {"type": "content_block_start", "index": index, "content_block": content}
    yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
    if stop:
        yield {"type": "content_block_stop", "index": index}


def thought(index):
    """A thinking block as it arrives, signed."""
    words = {"type": "thinking_delta", "thinking": "Let me see."}
    return block(index, THOUGHT, words, {"type": "signature_delta", "signature": "c2lnbmVk"})


def call(index, text='{"command": "wc -l sales.csv"}', *, stop=True):
    """A call of the shell."""
    return block(index, CALL, {"type": "input_json_delta", "partial_json": text}, stop=stop)


def said(index, text):
    """A text block."""
    return block(index, {"type": "text", "text": ""}, {"type": "text_delta", "text": text})


def close(reason, **delta):
    """The last two events."""
    yield {"type": "message_delta", "delta": {"stop_reason": reason, **delta}, "usage": {"output_tokens": 5}}
    yield {"type": "message_stop"}


@pytest.fixture
def ask(session, told):
    """Ask, and hold every body that is sent against the API's rules."""

    def asked(*answers, options=RUN):
        told.answers = list(answers)
        blocks = [{"type": "text", "text": "How many?"}]
        with session.turn(session.prepare(blocks, options, {})) as answer:
            for _ in answer:
                pass
        for body in told.asked:
            requests.check_shape(body, version=requests.NEW_VERSION, betas=frozenset(), counting=False)
            rules.check_rules(body, rules.find_model(body["model"]), version=requests.NEW_VERSION)
        return answer.reply

    return asked


def test_a_paused_answer_goes_on_where_it_stopped(ask, told):
    """Sent back as it came, thinking and the open call included, in its container; one answer, both rounds counted."""
    first = [start(1), *thought(0), *call(1), *close("pause_turn", container=CONTAINER)]
    second = [start(2), *block(0, RESULT), *said(1, "Three."), *close("end_turn", container=CONTAINER)]
    reply = ask(first, second)
    sent_back = told.asked[1]["messages"][-1]
    assert sent_back["role"] == "assistant"
    assert sent_back["content"][0] == {"type": "thinking", "thinking": "Let me see.", "signature": "c2lnbmVk"}
    assert sent_back["content"][1]["input"] == {"command": "wc -l sales.csv"}
    assert told.asked[1]["container"] == "container_1"
    assert told.asked[1]["tools"] == told.asked[0]["tools"]
    assert (reply.text, reply.stop_reason) == ("Three.", "end_turn")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (14, 10)


def test_a_pause_that_breaks_off_is_kept_and_travels_without_its_open_call(ask, session):
    """The second round never comes: what the first said is in the thread, and the next request is in order."""
    reply = ask([start(1), *said(0, "First."), *call(1), *close("pause_turn", container=CONTAINER)], [start(2)])
    assert reply.unfinished
    assert reply.text == "First."
    assert ask([start(3), *said(0, "Well."), *close("end_turn")]).text == "Well."
    assert len(session.thread().turns) == 2


ENDINGS = {
    "refusal": ([*said(0, "I can")], "refusal", {"stop_details": {"type": "refusal", "explanation": "No."}}, "(No.)"),
    "cut in a call": ([*said(0, "So:"), *call(1, '{"command": "wc', stop=False)], "max_tokens", {}, "--max-tokens"),
    "window": ([*thought(0), *said(1, "So")], "model_context_window_exceeded", {}, "context window is full"),
    "nothing": ([], "end_turn", {}, ""),
    "blank": ([*said(0, "\n")], "end_turn", {}, ""),
    "worked": ([*thought(0), *call(1), *block(2, RESULT), *thought(3), *said(4, "3")], "end_turn", {}, ""),
}


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("then", [RUN, Options(model="claude-haiku-4-5"), Options(model="claude-opus-5-5", system="B")])
def test_after_any_ending_the_thread_goes_on(ask, told, name, then):
    """The footer names the ending; the next request is one the API takes, also of another model or system prompt."""
    events, reason, delta, words = ENDINGS[name]
    reply = ask([start(1), *events, *close(reason, container=CONTAINER, **delta)])
    assert not reply.unfinished
    assert words in reply.footer().warning
    assert ask([start(2), *said(0, "Yes."), *close("end_turn")], options=then).text == "Yes."
    assert told.asked[-1]["messages"][-1]["content"][-1]["text"] == "How many?"


def test_a_stop_between_two_rounds_asks_nothing_more(session, told):
    """Stopped when the pause arrives: the first round is kept as unfinished and the second is never sent."""
    told.answers = [[start(1), *said(0, "First."), *call(1), *close("pause_turn")]]
    with session.turn(session.prepare([{"type": "text", "text": "Hi"}], RUN, {})) as answer:
        for growing in answer:
            if growing.complete:
                answer.stop()
    assert isinstance(answer.reply.error, Interrupted)
    assert answer.reply.text == "First."
    assert len(told.asked) == 1


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("first", [[], [[start(1), {"type": "error", "error": {"type": "overloaded_error"}}]]])
def test_a_stop_while_waiting_to_try_again_sends_nothing_more(session, told, stream, first):
    """The server asks to wait 50 s; Stop ends the wait at once, and the request is not sent again."""
    told.answers = [*(first if stream else []), 529]
    prepared = session.prepare([{"type": "text", "text": "Hi"}], Options(model=MODEL, stream=stream), {})
    answer, raised = session.turn(prepared), []

    def ask():
        try:
            with answer:
                for _ in answer:
                    pass
        except Interrupted as error:
            raised.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert told.refused.wait(20)
    answer.stop()
    asking.join(20)
    assert not asking.is_alive()
    assert len(raised) == 1
    assert len(told.asked) == 1 + len(first if stream else [])
    assert session.thread().turns == []


def test_an_interrupt_while_waiting_to_try_again_sends_nothing_more(session, told):
    """Ctrl-C in the 50 s that the server asks for: the cell ends at once, and the request is not sent again."""
    told.answers = [529]
    sender = threading.Thread(target=lambda: told.refused.wait(20) and os.kill(os.getpid(), signal.SIGINT))
    sender.start()
    with (
        pytest.raises(Interrupted),
        session.turn(session.prepare([{"type": "text", "text": "Hi"}], RUN, {})) as answer,
    ):
        for _ in answer:
            pass
    sender.join()
    assert len(told.asked) == 1
