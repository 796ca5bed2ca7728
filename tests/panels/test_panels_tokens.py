"""The tokens panel: counts that are `count_tokens`'s own, debounced, cancelled, and never out of date."""

import re

import pandas as pd
import pytest

from claude_magic.errors import Interrupted
from claude_magic.panels import commands
from claude_magic.panels.counting import Asked, Counter, Waiting, quiet, reading


@pytest.fixture
def whole(notebook, until):
    """`whole(browser)` waits until a count is complete: all four lines have their price."""

    def wait(browser):
        return until(lambda: len((browser.state["counted"] or {}).get("prices", ())) == 4 and browser.state["counted"])

    return wait


def test_a_prompt_is_counted_by_part_and_for_each_line(open_panel, notebook, whole):
    """The whole is the sum of its parts and equals what `%claude count` says."""
    notebook.run("%claude ask --run Say hello")
    _, browser = open_panel("tokens")
    browser.say("typed", prompt="How many rows?", system="Be brief.", model="", history=True)
    counted = whole(browser)
    told = {part["name"]: part["tokens"] for part in counted["parts"]}
    assert set(told) == {"prompt", "system prompt", "history"}
    assert sum(told.values()) == counted["tokens"]
    same = """get_ipython().run_line_magic("claude", "count -s 'Be brief.' How many rows?")"""
    assert counted["tokens"] == int(notebook.run(same))
    assert all(price["window"] >= 200_000 and price["cost"] > 0 for price in counted["prices"])


def test_the_printed_command_counts_the_same(open_panel, notebook, whole, until):
    """What the foot shows can be run as it stands, whatever is in the prompt."""
    panel, browser = open_panel("tokens")
    notebook.ns["word"] = 1
    for prompt in ("Two\nlines", "really?", "-m is no option", "it's \\", "word", "{{ word }} more"):
        browser.say("typed", prompt=prompt, system="a 'b' \"c\"", model="haiku", history=False)
        counted = whole(browser)
        until(lambda: panel.foot.command)
        assert int(notebook.run(panel.foot.command)) == counted["tokens"], prompt
        panel.repeat("")
        browser.say("typed", prompt="", history=False)
        until(lambda: browser.state["counted"] is None)


def test_frames_and_files_are_a_part_of_their_own(open_panel, notebook, whole, folder):
    """The pickers put expressions into the prompt; their tokens are counted apart."""
    (folder / "notes.txt").write_text("some notes " * 50)
    notebook.ns["sales"] = pd.DataFrame({"region": ["a"], "units": [1]})
    panel, browser = open_panel("tokens")
    assert browser.state["frames"] == ["sales"]
    assert browser.state["files"] == ["notes.txt"]
    browser.say("frame", name="sales")
    browser.say("file", path="notes.txt")
    inserted = [message["text"] for message, _ in browser.posted("insert")]
    assert inserted == ["{{ sales }}", "{{ __import__('pathlib').Path('notes.txt').read_text('utf-8') }}"]
    browser.say("typed", prompt="Compare " + " and ".join(inserted), history=True)
    counted = whole(browser)
    told = {part["name"]: part["tokens"] for part in counted["parts"]}
    assert told["files and variables"] > 100 > told["prompt"] > 0
    assert panel.foot.error == ""


def test_typing_runs_no_call(open_panel, notebook, until):
    """An expression that calls something waits for the button, which runs it once."""
    ran = []
    notebook.ns["f"] = lambda: ran.append(1) or "text"
    panel, browser = open_panel("tokens")
    browser.say("typed", prompt="{{ f() }}", history=False)
    until(lambda: "Count now" in panel.foot.error)
    assert ran == []
    browser.say("now", prompt="{{ f() }}", history=False)
    until(lambda: browser.state["counted"])
    assert panel.foot.error == ""
    assert ran == [1]


def test_only_lookups_are_quiet():
    """Names, attributes, subscripts, and the two ways of reading a file that the panel writes."""
    for source in ("df", "df.a", "d['x'][0]", "x[1:2]", reading("a b", picture=False)[2:-2], "-x", "bad syntax("):
        assert quiet(source), source
    for source in (
        "f()",
        "open('a', 'w')",
        "open('a', encoding='utf-8').write()",
        "[f() for x in y]",
        "(x := 1)",
        "x[f()]",
    ):
        assert not quiet(source), source


def test_a_newer_prompt_ends_the_count_under_way(notebook):
    """Before each question to the server the count looks whether somebody still wants it."""
    asked = []

    def check():
        asked.append(1)
        if len(asked) == 2:
            raise Interrupted("newer")

    counter = Counter(notebook.magics.session)
    found = []
    with pytest.raises(Interrupted):
        found.extend(counter.count(Asked("a {{ 1 }}"), {}, check))
    assert len(asked) == 2
    with pytest.raises(Waiting):
        list(counter.count(Asked("{{ f() }}"), {}, check))


def test_a_stale_count_never_overwrites_a_newer_one(open_panel, fault, until):
    """The first count is held up at the server; the second, begun later, stays."""
    panel, browser = open_panel("tokens")
    until(lambda: browser.state["models"])
    until(lambda: panel.foot.status == "")
    fault("wait:1.5")
    browser.say("now", prompt="the first prompt, which is rather long " * 20, history=False)
    until(lambda: panel.foot.status == "Counting…")
    first = panel._task
    until(lambda: fault() == 0)
    browser.say("now", prompt="short", history=False)
    until(lambda: browser.state["counted"] and len(browser.state["counted"]["prices"]) == 4)
    newer = browser.state["counted"]["tokens"]
    assert first.wait(10)
    assert browser.state["counted"]["tokens"] == newer < 30
    assert panel.foot.command.endswith(" short")


def test_typing_is_debounced(open_panel, until):
    """Ten keys in a row are one count."""
    panel, browser = open_panel("tokens")
    shown = []
    panel.view.observe(lambda change: shown.append(change["new"]["counted"]), names="state")
    for n in range(10):
        browser.say("typed", prompt="x" * (n + 1) + " word", history=False)
    until(lambda: browser.state["counted"] and len(browser.state["counted"]["prices"]) == 4)
    assert len({counted["tokens"] for counted in shown if counted}) == 1
    assert len([counted for counted in shown if counted]) <= 5


def test_errors_stand_in_the_panel(open_panel, until, folder):
    """An undefined name, a file that is not there, one that is no text."""
    (folder / "data.bin").write_bytes(b"\xff\xfe\x00")
    panel, browser = open_panel("tokens")
    browser.say("now", prompt="{{ nothing }}")
    until(lambda: "`nothing` is not defined" in panel.foot.error)
    browser.say("file", path="no/such")
    assert "There is no file no/such" in panel.foot.error
    browser.say("file", path="data.bin")
    assert "%claude upload data.bin" in panel.foot.error
    browser.say("typed", prompt="")
    assert panel.foot.error == ""


def test_commands_are_lines_or_calls():
    """What a line of IPython cannot hold becomes a call."""
    assert commands.line("count a") == "%claude count a"
    for text in ("a\nb", "why?", "end\\"):
        assert re.fullmatch(r"get_ipython\(\)\.run_line_magic\(\"claude\", .*\)", commands.line(text))
