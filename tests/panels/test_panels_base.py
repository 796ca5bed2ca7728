"""What all panels share: work off the main thread, errors in the panel, files in pieces, an end."""

import contextvars
import shutil
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets import Button, Text

from claude_magic.errors import UsageError
from claude_magic.messages import Growing, Message
from claude_magic.panels import PANELS, open_panel
from claude_magic.panels.base import Panel
from claude_magic.panels.incoming import LARGEST, Incoming
from claude_magic.panels.segments import Painter, Segments
from claude_magic.panels.tasks import Tasks, debounce
from claude_magic.rendering import render_markdown


class Small(Panel):
    """A panel with a field."""

    title = "Small"

    def build(self):
        self.field = Text(description="Field")
        return [self.field]


@pytest.fixture
def small():
    """A panel without a session."""
    panel = Small(None)
    yield panel
    panel.close()


def test_an_error_in_the_background_stands_in_the_panel(small):
    """Whatever is raised becomes one line; the next action takes it away."""

    def fail(_task):
        raise UsageError("It\x1b[2J broke\nin two.")

    small.background(fail).wait(5)
    assert small.foot.error.startswith("It")
    assert "\n" not in small.foot.error
    assert "\x1b" not in small.foot.error
    small.guarded(lambda: None)()
    assert small.foot.error == ""
    small.background(lambda _: 1 / 0).wait(5)
    assert small.foot.error.startswith("ZeroDivisionError: ")


def test_the_newest_of_a_key_counts(small):
    """A newer task cancels the older: its result is dropped, its wait is ended."""
    released, results = threading.Event(), []

    def slow(task):
        task.on_cancel(released.set)
        assert released.wait(5)
        return "old"

    first = small.background(slow, done=results.append, key="k")
    second = small.background(lambda _: "new", done=results.append, key="k")
    assert first.wait(5)
    assert second.wait(5)
    assert results == ["new"]


def test_work_keeps_the_context_it_was_begun_in(small):
    """What a thread prints goes by the context of the callback, not of the cell that runs by then."""
    where = contextvars.ContextVar("where", default="nowhere")
    seen = []
    where.set("the callback")
    task = small.background(lambda _: seen.append(where.get()))
    where.set("another cell")
    task.wait(5)
    assert seen == ["the callback"]


def test_a_debounced_call_runs_once_with_the_last_arguments():
    """Ten calls in a row are one; none runs after closing."""
    tasks, seen = Tasks(), []
    call = debounce(tasks, 0.05, seen.append)
    for number in range(10):
        call(number)
    time.sleep(0.4)
    assert seen == [9]
    call(11)
    tasks.close()
    time.sleep(0.2)
    assert seen == [9]


def test_closing_ends_tasks_and_widgets():
    """A task that waits is told, the widgets inside are closed, a second time does nothing."""
    panel = Small(None)
    stopped = threading.Event()

    def wait(task):
        task.on_cancel(stopped.set)
        stopped.wait(5)

    task = panel.background(wait)
    field = panel.field
    panel.close()
    assert stopped.is_set()
    assert not task.running
    assert field.comm is None
    panel.close()
    assert not panel.background(lambda _: 1 / 0).running


def test_an_unknown_panel_is_named_with_what_is_near():
    """`%claude panel modles` says what was meant."""
    with pytest.raises(UsageError, match="Did you mean `models`"):
        open_panel(None, None, "modles")


def test_all_panels_are_tabs(notebook):
    """`%claude panel` is a tab for each; only the one that is seen is made."""
    tabs = notebook.run("%claude panel")
    assert [t.lower() for t in tabs.tab.titles] == list(PANELS)
    assert [len(child.children) for child in tabs.tab.children] == [1] + [0] * (len(PANELS) - 1)
    at = list(PANELS).index("models")
    tabs.tab.selected_index = at
    assert len(tabs.tab.children[at].children) == 1
    tabs.close()


def test_every_control_has_a_name(notebook):
    """Ipywidgets' controls in our panels carry a description."""
    for name in PANELS:
        panel = open_panel(notebook.magics.session, notebook.shell, name)
        boxes = [panel]
        while boxes:
            widget = boxes.pop()
            boxes += getattr(widget, "children", ())
            assert not isinstance(widget, Button | Text) or widget.description, name
        panel.close()


class Far:
    """The browser's end of a file on its way."""

    def __init__(self):
        self.heard, self.arrived = [], []
        self.incoming = Incoming(self.heard.append, self.arrived.append)

    def send(self, key, name, content, piece):
        """Send a file in pieces."""
        self.incoming.take({"kind": "file", "file": key, "name": name, "size": len(content)})
        for at in range(0, len(content), piece):
            self.incoming.take({"kind": "piece", "file": key, "at": at}, [memoryview(content[at : at + piece])])


@given(content=st.binary(max_size=200), piece=st.integers(1, 64), name=st.text(max_size=30))
@settings(derandomize=True, deadline=None, max_examples=50)
def test_a_file_arrives_byte_by_byte_under_a_harmless_name(content, piece, name):
    """Any size of pieces, any name: the bytes are those sent, in a folder of ours."""
    far = Far()
    try:
        far.send("1", name, content, piece)
        (file,) = far.arrived
        assert file.path.read_bytes() == content
        assert file.path.parent.parent == far.incoming._folder
        assert far.heard[-1] == {"kind": "got", "file": "1", "bytes": len(content), "whole": True}
    finally:
        far.incoming.close()
    assert not file.path.exists()


def test_pieces_out_of_order_and_files_too_large_are_refused():
    """A gap, more than was announced, more than the API takes: refused in words, nothing kept."""
    far = Far()
    far.incoming.take({"kind": "file", "file": "1", "name": "a", "size": 10})
    far.incoming.take({"kind": "piece", "file": "1", "at": 5}, [b"12345"])
    far.incoming.take({"kind": "piece", "file": "1", "at": 0}, [b"12345"])
    far.incoming.take({"kind": "file", "file": "2", "name": "b", "size": 3})
    far.incoming.take({"kind": "piece", "file": "2", "at": 0}, [b"12345"])
    far.incoming.take({"kind": "file", "file": "3", "name": "c", "size": LARGEST + 1})
    far.incoming.take({"kind": "file", "file": "4", "name": "d", "size": "many"})
    assert [m["file"] for m in far.heard if m["kind"] == "refused"] == ["1", "2", "3", "4"]
    assert far.incoming.files == {}
    assert list(far.incoming._folder.iterdir()) == []
    far.incoming.close()


def test_a_temporary_folder_that_is_gone_is_no_obstacle_to_closing():
    """Somebody cleaned up before us."""
    far = Far()
    far.send("1", "a.txt", b"abc", 2)
    shutil.rmtree(far.incoming._folder)
    far.incoming.close()


@given(
    st.lists(st.sampled_from(["# Head\n\n", "word ", "\n\n", "```python\nx = 1\n```\n\n", "- item\n", "| a |\n|-|\n"]))
)
@settings(derandomize=True, deadline=None, max_examples=40)
def test_the_pieces_of_a_text_are_the_text(parts):
    """Painted while it grows, the pieces in the end are what the cell would show."""
    segments, text = Segments(), ""
    for part in parts:
        text += part
        segments.of(Message(content=({"type": "text", "text": text},)), settled=False)
    made = segments.of(Message(content=({"type": "text", "text": text},)), settled=True)
    assert "".join(made) == render_markdown(text)


def test_what_is_sent_is_linear_in_the_answer():
    """2,000 deltas of a 100 kB answer in ten seconds: 20 paints a second, below 1.5 MB, whole at the end."""
    paragraph = "Some words of **Markdown** with `code` and more words to fill the line.\n" * 10
    text = "".join(f"## Part {n}\n\n{paragraph}\n```python\nx = {n}\nprint(x)\n```\n\n" for n in range(135))
    assert len(text) > 100_000
    shown, sent, now = [], [], [0.0]

    def send(at, pieces, _frozen):
        shown[at:] = pieces
        sent.append(sum(map(len, pieces)))

    painter, growing = Painter(send, clock=lambda: now[0]), Growing()
    growing.feed({"type": "message_start", "message": {"content": []}})
    growing.feed({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    step = len(text) // 2000 + 1
    for at in range(0, len(text), step):
        delta = {"type": "text_delta", "text": text[at : at + step]}
        growing.feed({"type": "content_block_delta", "index": 0, "delta": delta})
        painter.show(growing)
        now[0] += 0.005
    assert 50 < len(sent) <= 202
    growing.feed({"type": "content_block_stop", "index": 0})
    growing.feed({"type": "message_stop"})
    painter.settle(growing.message(), "<p>foot</p>")
    assert sum(sent) < 1_500_000
    assert "".join(shown) == render_markdown(text) + "<p>foot</p>"
