"""The models panel: rows of what the server has, and the default that cells and panels share."""

import pytest

from claude_magic import catalogue
from claude_magic.errors import UsageError
from claude_magic.panels.models import COLUMNS, Models, row


@pytest.fixture
def models(notebook):
    """A models panel whose table has come, and what its browser was sent."""
    panel = Models(notebook.magics.session, notebook.shell)
    sent = []
    panel.view.send = lambda message, _buffers=(): sent.append(message)
    for task in list(panel.tasks._running):
        assert task.wait(20)
    yield panel, sent
    panel.close()


def test_every_model_of_the_server_is_a_row(models):
    """The table is the Models API's list, with the catalogue's prices; the default is named."""
    panel, sent = models
    panel.show()
    assert [r["id"] for r in sent[-1]["rows"]] == [m["id"] for m in panel.session.models()]
    assert {key for key, _, _ in COLUMNS} <= sent[-1]["rows"][0].keys()
    assert sent[-1]["default"] == panel.session.resolve()
    priced = next(r for r in sent[-1]["rows"] if r["id"] == sent[-1]["default"])
    assert priced["input_price"] == catalogue.find(priced["id"]).prices.input


def test_the_picked_model_is_the_default_of_cells(models, notebook):
    """Picked here, it is what `%claude model` says and what the next cell asks."""
    panel, _ = models
    wanted = panel.rows[-1]["id"]
    panel.pick(wanted)
    assert notebook.run("%claude model") == wanted
    assert panel.foot.command == f"%claude model {wanted}"
    with pytest.raises(UsageError, match="none of the models here"):
        panel.pick("claude-nobody-1")


def test_an_entry_of_another_server_is_shown_as_far_as_it_goes():
    """What a gateway leaves out is unknown, what it makes up is text without control characters."""
    assert row({"id": "local"}) == {
        "id": "local",
        "name": "",
        "line": "",
        "lifecycle": "",
        "context": None,
        "output": None,
        "input_price": None,
        "output_price": None,
        "cache_price": None,
        "can": "",
    }
    strange = row({"id": "a\x1b[2Jb", "max_tokens": "many", "capabilities": {"x_y": {"supported": True}, "z": 1}})
    assert strange["id"] == "ab"
    assert strange["output"] is None
    assert strange["can"] == "x y"
