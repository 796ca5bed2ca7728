"""The chat's retry beside a cell in the same conversation."""

import pytest

from claude_magic.errors import StreamTruncated
from claude_magic.messages import Message
from claude_magic.panels.exchange import Exchange
from claude_magic.panels.segments import Painter
from claude_magic.panels.tasks import Task
from claude_magic.threads import Turn


def test_a_retry_that_fails_puts_the_old_answer_back_although_a_cell_has_added_one(session, told):
    """The question that was to be asked again is not lost with its answer; the cell's own turn stays, too."""
    session.settings.model = "claude-sonnet-4-6"
    thread = session.thread()
    old, cells = (Turn(({"type": "text", "text": t},), Message(id=t, content=())) for t in ("old", "cell"))
    thread.turns.append(old)
    told.answers = [[lambda: thread.turns.append(cells)]]  # … and then the line ends without an event
    exchange = Exchange("live-1", "main", "again", Painter(lambda *_: None), instead=old)
    with pytest.raises(StreamTruncated):
        exchange.ask(session, {}, Task(lambda _: None, "ask"), lambda _: None)
    assert [turn.answer.id for turn in thread.turns] == ["cell", "old"]
