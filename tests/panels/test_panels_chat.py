"""The chat panel as an object, with the real server: what it asks and gets is in the session's threads."""

import threading
import time

import pytest

from claude_magic.errors import UsageError
from claude_magic.panels.chat import Chat
from claude_magic.panels.incoming import Arrived


class Browser:
    """Stands where the browser would: keeps what a view is sent, and says something as a browser would."""

    def __init__(self, view):
        self.view = view
        self.heard = []
        self.pictures = []
        view.send = self._send

    def _send(self, message, buffers=()):
        self.heard.append(message)
        self.pictures += buffers

    def say(self, buffers=(), **message):
        """Say something."""
        self.view._handle_custom_msg(message, list(buffers))

    def of(self, kind):
        """Return the messages of a kind."""
        return [message for message in self.heard if message["kind"] == kind]

    def answer(self):
        """Put the painted pieces of the newest exchange together, as the script does."""
        pieces = []
        newest = self.of("paint")[-1]["turn"]
        for paint in self.of("paint"):
            if paint["turn"] == newest:
                pieces[paint["from"] :] = paint["pieces"]
        return "".join(pieces)


def until(condition, seconds=20):
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def chat(notebook):
    """A chat panel and its browser."""
    panel = Chat(notebook.magics.session, notebook.shell)
    browser = Browser(panel.view)
    yield panel, browser
    panel.close()


@pytest.fixture
def arrived(tmp_path):
    """`arrived(name, content)` is a file that came whole from the browser."""

    def make(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return Arrived(name, name, "", len(content), path)

    return make


def test_an_answer_is_in_the_thread_and_in_the_ledger(chat):
    """Asked in the panel: the same threads, the same ledger, the same replies as a cell's."""
    panel, browser = chat
    panel.ask("hello {{ 6 * 7 }}")
    until(lambda: browser.of("settled"))
    (turn,) = panel.session.thread("main").turns
    assert turn.asked[0]["text"] == "hello 42"
    assert panel.session.replies[turn.answer.id].message is turn.answer
    (settled,) = browser.of("settled")
    assert settled["number"] == 1
    assert settled["text"] == turn.answer.text
    assert "out tokens" in browser.answer()
    assert panel.foot.command == "%%claude --thread main\nhello {{ 6 * 7 }}"
    assert panel.foot.error == ""


def test_the_kernel_is_free_while_an_answer_comes(chat, fault):
    """`ask` returns at once; what is painted comes from another thread."""
    panel, browser = chat
    panel.session.resolve()
    fault("slow:0.02")
    began = time.perf_counter()
    panel.ask("hello")
    assert time.perf_counter() - began < 0.5
    assert panel.busy
    with pytest.raises(UsageError, match="still coming"):
        panel.ask("and another")
    until(lambda: len(browser.of("paint")) > 3)
    until(lambda: not panel.busy)


def test_what_was_added_while_an_answer_came_is_shown_after_it(chat, notebook):
    """A cell asks in the same thread meanwhile: when the panel's answer is there, the panel shows both."""
    panel, browser = chat
    panel.session.resolve()
    browser.say(kind="hello")
    long = "slowly write a long text of 2000 words"
    panel.ask(long)
    until(lambda: browser.of("paint"))
    notebook.run("%claude ask from a cell")
    panel.stop()
    until(lambda: browser.of("settled"))
    until(lambda: {turn["asked"] for turn in browser.of("transcript")[-1]["turns"]} == {long, "from a cell"})


def test_stop_before_an_answer_begins_gives_the_question_back(chat, fault):
    """The server does not answer yet: the panel is free at once, the thread is as it was, nothing comes later."""
    panel, browser = chat
    panel.session.resolve()
    fault("wait:1")
    browser.say(kind="ask", text="patience")
    time.sleep(0.2)
    browser.say(kind="stop")
    assert not panel.busy
    assert browser.of("ended")[0]["asked"] == "patience"
    assert panel.exchange.task.wait(10)
    assert panel.session.thread("main").turns == []
    assert browser.of("settled") == []
    assert panel.foot.error == ""


def test_stop_keeps_what_has_come(chat, fault):
    """Stopped in mid-answer: the part is a turn of the thread, marked, and the next question works."""
    panel, browser = chat
    panel.session.resolve()
    fault("slow:0.1")
    panel.ask("hello")
    until(lambda: browser.of("paint"))
    panel.stop()
    until(lambda: panel.foot.status == "Stopped.")
    (turn,) = panel.session.thread("main").turns
    assert turn.unfinished == "stopped"
    assert turn.answer.text
    panel.ask("hello again")
    until(lambda: not panel.busy)
    assert len(panel.session.thread("main").turns) == 2


def test_retry_replaces_the_last_turn_also_a_cells(chat, notebook):
    """The question is asked again with its blocks; the old turn is gone once the new one is there."""
    panel, browser = chat
    notebook.run("%claude ask one two three")
    (old,) = panel.session.thread("main").turns
    browser.say(kind="retry")
    until(lambda: not panel.busy)
    (new,) = panel.session.thread("main").turns
    assert new is not old
    assert new.asked == old.asked


def test_a_retry_that_fails_leaves_the_old_answer(chat, fault):
    """What was to be replaced comes back when the server refuses."""
    panel, browser = chat
    panel.ask("hello")
    until(lambda: not panel.busy)
    (old,) = panel.session.thread("main").turns
    fault("spend-cap")
    browser.say(kind="retry")
    until(lambda: not panel.busy)
    until(lambda: panel.foot.error)
    assert panel.session.thread("main").turns == [old]
    assert "spend limit" in panel.foot.error.lower()


def test_a_prompt_that_cannot_be_made_is_an_error_in_the_panel(chat):
    """An undefined name: nothing is sent, the panel says why, the question goes back."""
    panel, browser = chat
    browser.say(kind="ask", text="what is {{ nothing_of_that_name }}?")
    until(lambda: panel.foot.error)
    assert "nothing_of_that_name" in panel.foot.error
    assert browser.of("ended")[0]["asked"] == "what is {{ nothing_of_that_name }}?"
    browser.say(kind="ask", text="  ")
    assert "nothing to ask" in panel.foot.error
    assert browser.of("refused-message")[0]["busy"] is False


def test_files_go_where_claude_finds_them(chat, arrived):
    """A short text is in the prompt, a picture is an image block, a table is in the container, where it is read."""
    from io import BytesIO

    from PIL import Image

    panel, browser = chat
    png = BytesIO()
    Image.new("RGB", (4, 4), "red").save(png, "PNG")
    files = [
        arrived("note.txt", b"remember me"),
        arrived("red.png", png.getvalue()),
        arrived("units.csv", b"region,units\n" + b"".join(b"N,%d\nS,%d\n" % (i, i + 5) for i in range(50))),
    ]
    panel.ask("Bar chart of units by region", files=files)
    until(lambda: browser.of("settled"), 60)
    assert panel.foot.error == ""
    (turn,) = panel.session.thread("main").turns
    assert [b["type"] for b in turn.asked].count("container_upload") == 1
    assert [b["type"] for b in turn.asked].count("image") == 1
    assert any("remember me" in b.get("text", "") for b in turn.asked)
    assert browser.of("settled")[0]["pictures"] == 1
    assert browser.pictures[0].startswith(b"\x89PNG")
    assert "-u units.csv" in panel.foot.command
    panel.show()
    shown = browser.of("transcript")[-1]["turns"][0]
    assert shown["asked"].split("\n")[0] == "[units.csv]"
    assert "[image]" in shown["asked"]
    assert shown["asked"].endswith("Bar chart of units by region")
    assert "INPUT_DIR" not in shown["asked"]


def test_a_picture_that_is_none_is_refused(chat, arrived):
    """Bytes that are no picture: an error in the panel, nothing sent."""
    panel, _ = chat
    panel.ask("what is this?", files=[arrived("no.png", b"not a picture")])
    until(lambda: panel.foot.error)
    assert "no.png cannot be read as a picture" in panel.foot.error
    assert panel.session.thread("main").turns == []


def test_what_a_cell_adds_appears_in_the_panel(chat, notebook):
    """After each cell the panel looks; it says nothing when nothing has changed."""
    _, browser = chat
    browser.say(kind="hello")
    count = len(browser.of("transcript"))
    notebook.run("1 + 1")
    assert len(browser.of("transcript")) == count
    notebook.run("%claude ask good morning")
    assert len(browser.of("transcript")) == count + 1
    assert browser.of("transcript")[-1]["turns"][0]["asked"] == "good morning"


def test_a_turn_is_shown_again_as_ordinary_output(chat, notebook):
    """`%claude show` leaves what a cell would have left, from the thread alone if it must be."""
    panel, _ = chat
    panel.ask("hello")
    until(lambda: not panel.busy)
    notebook.run("%claude show main 1")
    assert "out tokens" in notebook.texts[0]
    panel.session.replies.clear()
    notebook.run("%claude show")
    assert panel.session.thread("main").turns[0].answer.text in notebook.texts[0]
    assert isinstance(notebook.error("%claude show main 2"), UsageError)


def test_closing_while_an_answer_comes_ends_everything(notebook, fault):
    """The thread ends, what had come is kept, cells no longer call the panel, files of the browser are removed."""
    session = notebook.magics.session
    session.resolve()
    panel = Chat(session, notebook.shell)
    browser = Browser(panel.view)
    browser.say(kind="file", file="1", name="a.txt", size=3)
    browser.say(kind="piece", file="1", at=0, buffers=[b"abc"])
    (file,) = panel.incoming.files.values()
    fault("slow:0.2")
    panel.ask("hello")
    until(lambda: browser.of("paint"))
    panel.close()
    assert [t for t in threading.enumerate() if t.name == "claude_magic-chat"] == []
    assert session.thread("main").turns[0].unfinished == "stopped"
    assert not file.path.exists()
    assert panel._look not in notebook.shell.events.callbacks["post_run_cell"]
    panel.close()
