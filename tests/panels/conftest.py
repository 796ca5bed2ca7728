"""A browser's side of a panel without a browser: what a widget sends is kept, what a browser would send is said."""

import threading
import time

import pytest


class Browser:
    """The other end of a widget's comm."""

    comm_id = "the-other-end"

    def __init__(self, view):
        self.view = view
        self.got = []
        view.comm = self

    # What ipywidgets asks of a comm

    def send(self, data=None, buffers=None, **_):
        self.got.append((data, [bytes(b) for b in buffers or ()]))

    def on_msg(self, _):
        """Nothing comes this way: `say` speaks to the widget."""

    def close(self, *_, **__):
        self.got.append(({"method": "close"}, []))

    # What tests ask

    def say(self, kind, *buffers, **message):
        """Send a custom message to the kernel's side."""
        self.view._handle_custom_msg({"kind": kind, **message}, [memoryview(b) for b in buffers])

    def posted(self, kind):
        """Return the custom messages of a kind that came, with their buffers."""
        return [
            (data["content"], buffers)
            for data, buffers in list(self.got)
            if data.get("method") == "custom" and data["content"].get("kind") == kind
        ]

    @property
    def state(self):
        """What the browser shows now."""
        return self.view.state


def _until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
    return found


@pytest.fixture
def until():
    """`until(condition)` waits for a true value and returns it."""
    return _until


@pytest.fixture
def open_panel(notebook):
    """`open_panel(name)` opens a panel on the notebook's session; returns it with its browser's side."""
    opened = []
    before = set(threading.enumerate())

    def opener(name):
        from claude_magic import panels

        panel = panels.panel(notebook.magics.session, notebook.shell, name)
        opened.append(panel)
        return panel, Browser(panel.view)

    yield opener
    for panel in opened:
        panel.close()
    _until(lambda: not [t for t in set(threading.enumerate()) - before if t.name.startswith("claude_magic-")])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder that the notebook is in."""
    place = tmp_path / "notebooks"
    place.mkdir()
    monkeypatch.chdir(place)
    return place
