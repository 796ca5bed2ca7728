"""A message as Jupyter shows and keeps it."""

from __future__ import annotations

import pytest

from claude_magic.messages import Message
from claude_magic.rendering import FileLink, Footer, bundle


def run(command, *, code=0, stdout="", stderr=""):
    """Return the blocks of one command and its result."""
    result = {
        "type": "bash_code_execution_result",
        "stdout": stdout,
        "stderr": stderr,
        "return_code": code,
        "content": [],
    }
    return (
        {"type": "server_tool_use", "id": "t", "name": "bash_code_execution", "input": {"command": command}},
        {"type": "bash_code_execution_tool_result", "tool_use_id": "t", "content": result},
    )


def html(*content, **more):
    """Return the HTML of these blocks."""
    return bundle(Message(content=content), **{"footer": None, **more})["text/html"]


def test_a_bundle_is_html_and_text_and_nothing_else():
    """Never text/markdown: whoever prefers it would run what the model wrote."""
    made = bundle(
        Message(content=({"type": "text", "text": "**a** \x1b[31mb"},)), footer=Footer(("model", "$0.01"), "cut off")
    )
    assert set(made) == {"text/html", "text/plain"}
    assert made["text/plain"] == "**a** b\n\n! cut off\n\n— model · $0.01"
    assert "<strong>⚠ cut off</strong>" in made["text/html"]


@pytest.mark.parametrize("command", ["python - <<'PY'\nprint(1)\nx = 2\nPY\n", "python3 <<EOF\nprint(1)\nx = 2\nEOF"])
def test_python_in_a_heredoc_is_shown_as_python(command):
    """Claude runs Python through the shell; the reader sees Python."""
    made = html(*run(command, stdout="1\n"))
    assert "<summary>Ran Python code · 2 lines · ok</summary>" in made
    assert '<span class="nb">print</span>' in made
    assert "PY" not in made.replace("Python", "")


def test_a_failing_command_says_so_in_its_summary():
    """The return code stands in the folded line, both streams inside."""
    made = html(*run("false", code=1, stderr="went <wrong>"))
    assert "<summary>Ran a shell command · 1 line · failed, return code 1</summary>" in made
    assert "went &lt;wrong&gt;" in made
    assert "<details open" not in made


def test_what_runs_is_open_and_what_ran_is_folded():
    """While streaming the call without a result is open, its half-written code visible; settled, all is folded."""
    call = {"type": "server_tool_use", "id": "t", "name": "bash_code_execution", "input": {}}
    call["partial_json"] = '{"command": "python - <<\'PY\'\\nprint(\\"a'
    assert '<details open style="margin:0.6em 0"><summary>Running Python code…' in html(call, settled=False)
    assert '<span class="nb">print</span>' in html(call, settled=False)
    assert "no result" in html(call)
    assert "<details open" not in html(call)


def test_long_output_is_cut_with_a_note():
    """A megabyte of output does not become a megabyte of notebook."""
    made = html(*run("yes", stdout="y\n" * 500_000))
    assert "lines not shown" in made
    assert len(made) < 20_000


def test_files_written_by_the_editor_are_highlighted():
    """`create` shows the file, `str_replace` a diff."""
    create = {"command": "create", "path": "/tmp/a.py", "file_text": "def f(): pass"}
    made = html({"type": "server_tool_use", "id": "t", "name": "text_editor_code_execution", "input": create})
    assert "Wrote /tmp/a.py · 1 line" in made
    assert '<span class="k">def</span>' in made
    edit = {"command": "str_replace", "path": "a.py", "old_str": "x", "new_str": "y"}
    made = html({"type": "server_tool_use", "id": "t", "name": "text_editor_code_execution", "input": edit})
    assert '<span class="gd">- x</span>' in made


def test_a_result_that_is_an_error_names_its_code():
    """Errors inside a reply with status 200 are shown where the result would be."""
    call, _ = run("sleep 100")
    result = {"type": "bash_code_execution_tool_result_error", "error_code": "execution_time_exceeded"}
    made = html(call, {"type": "bash_code_execution_tool_result", "tool_use_id": "t", "content": result})
    assert "failed, execution_time_exceeded" in made


def test_citations_are_numbered_notes_and_do_not_cut_the_sentence():
    """Text blocks around a citation make one paragraph; the same source keeps its number."""
    source = {
        "type": "web_search_result_location",
        "url": "https://example.org/n",
        "title": "Notes",
        "cited_text": "in May",
    }
    made = html(
        {"type": "text", "text": "It came "},
        {"type": "text", "text": "in May", "citations": [source]},
        {"type": "text", "text": ", they say", "citations": [dict(source)]},
    )
    assert "<p>It came in May [1], they say [1]</p>" in made
    assert made.count("<li>") == 1
    assert 'href="https://example.org/n"' in made


def test_thinking_is_folded_and_not_in_the_text():
    """Thinking is there for who unfolds it."""
    made = bundle(
        Message(content=({"type": "thinking", "thinking": "hm $5"}, {"type": "text", "text": "a"})), footer=None
    )
    assert "<summary>Thinking · 2 words</summary>" in made["text/html"]
    assert made["text/plain"] == "a"


def test_unknown_blocks_are_shown_by_their_type():
    """What we do not know is named, with its JSON folded."""
    made = html({"type": "hologram", "data": [1]})
    assert "<summary>hologram</summary>" in made


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("out/a b.csv", "out/a%20b.csv"),
        ("./x.csv", "x.csv"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("../secret", None),
        ("/etc/passwd", None),
        ("//host/x", None),
        ("C:\\..\\x", None),
        (None, None),
    ],
)
def test_files_are_linked_only_beside_or_below_the_notebook(path, link):
    """A path that leads elsewhere gives a name without a link."""
    made = html(files=[FileLink("<x>.csv", 12_345, "table", path)])
    assert "&lt;x&gt;.csv" in made
    assert "12.3 kB · table" in made
    assert (f'href="{link}"' in made) if link else ("<a" not in made)


def test_text_of_a_growing_message_is_a_beginning_of_the_final_text():
    """What a terminal has printed never has to be taken back."""
    content = (
        {"type": "text", "text": "Let me look.\n\n"},
        *run("ls", stdout="a\nb\n"),
        {"type": "text", "text": "Two files.\x1b[0m"},
    )
    final = bundle(Message(content=content), footer=Footer(("m",)))["text/plain"]
    for end in range(len(content) + 1):
        assert final.startswith(bundle(Message(content=content[:end]), footer=None, settled=False)["text/plain"])
