"""A panel and its kernel in JupyterLab and Notebook 7: reloaded, restarted. In pages of their own: kernels end here."""

from __future__ import annotations

import pytest

RESTART = "panel.sessionContext.session.kernel.restart().then(() => 0)"
GONE = "The kernel that this panel belongs to is gone."


@pytest.mark.parametrize("ui", ["lab", "notebook"])
def test_a_panel_outlives_a_reload_and_says_when_its_kernel_is_gone(open_notebook, open_panel_in, fault, ui):
    """Reloaded, it is as it was; restarted in mid-answer, nothing waits and nothing can be pressed; a new one works."""
    notebook = open_notebook(ui)
    chat = open_panel_in(notebook, "chat")
    notebook.save()
    notebook.load()
    chat.field("Thread").wait_for()
    fault("slow:0.2")
    message = chat.out.get_by_label("Message")
    message.fill("slowly write a long text of 2000 words")
    message.press("Enter")
    chat.out.locator(".claude-magic-live .claude-magic-piece").first.wait_for()
    notebook.js(RESTART)
    chat.alert.get_by_text(GONE).wait_for()
    assert chat.out.get_by_text("Answering…").count() == 0
    assert chat.button("Send").evaluate("e => e.closest('[inert]') !== null")
    again = open_panel_in(notebook, "chat")
    again.out.get_by_label("Message").fill("hello")
    again.out.get_by_label("Message").press("Enter")
    again.says("The answer is complete.")
    assert again.alert.inner_text() == ""
    notebook.close()
