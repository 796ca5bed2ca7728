"""Ctrl-C while an answer is put away: it is put away all the same, and the interrupt is not forgotten."""

import os
import signal
import sqlite3
import threading
import time

import pytest

from claude_magic.errors import Interrupted, StreamTruncated
from claude_magic.interrupts import Shield
from claude_magic.options import Options

ALONE = Options(model="claude-sonnet-4-6")


def interrupt():
    """Send what Ctrl-C sends."""
    os.kill(os.getpid(), signal.SIGINT)


def until(condition):
    """Wait until it holds."""
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    assert condition()


def asking(session):
    """An answer that has not begun."""
    return session.turn(session.prepare([{"type": "text", "text": "Hi"}], ALONE, {}))


@pytest.mark.parametrize("already", [False, True])
def test_an_interrupt_while_the_ledger_is_written_loses_nothing(session, told, script, already):
    """Another kernel holds the store; Ctrl-C (the second, when the answer was interrupted) waits, and is told."""
    begin, end = script
    told.answers = [[*begin("A"), *([lambda: over.wait(20)] if already else end())]]
    over = threading.Event()
    other = sqlite3.connect(session.store.path, check_same_thread=False, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def while_it_waits():
        until(lambda: session.thread().turns)  # kept in the thread, not yet in the ledger
        interrupt()
        other.execute("ROLLBACK")

    second = threading.Thread(target=while_it_waits)
    second.start()
    with asking(session) as answer:
        for growing in answer:
            if already and growing.started:
                interrupt()
    over.set()
    second.join()
    other.close()
    with pytest.raises(Interrupted) as raised:
        answer.reply.raise_for_error()
    assert len(raised.value._render_traceback_()) == 1
    assert answer.reply.text == "A"
    assert answer.reply.unfinished is already
    assert session.store.spent() > 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_shield_lets_one_through_where_it_is_lifted():
    """Inside `lifted` Ctrl-C is Ctrl-C, also one from before; outside it waits; in a thread nothing changes."""
    with Shield() as shield:
        interrupt()
        assert shield.pending
        with pytest.raises(KeyboardInterrupt), shield.lifted():
            pytest.fail("an interrupt was pending")
        assert not shield.pending
        with pytest.raises(KeyboardInterrupt), shield.lifted():
            interrupt()
        with shield.lifted():
            pass
        interrupt()
    assert shield.pending
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    elsewhere = threading.Thread(target=Shield().__enter__)
    elsewhere.start()
    elsewhere.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_broke_off_before_anything_arrived_does_not_speak_of_what_arrived(session, told, script):
    """Only the first event came: the line says so, and nothing is in the thread."""
    begin, _ = script
    told.answers = [[*begin()]]
    with pytest.raises(StreamTruncated) as raised, asking(session) as answer:
        for _ in answer:
            pass
    (line,) = raised.value._render_traceback_()
    assert "Nothing of it had arrived" in line
    assert "`_`" not in line
    assert session.thread().turns == []
