"""The text editor of the code execution tool, run inside a container."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.local import editor
from claude_magic.local.containers import ContainerPool
from claude_magic.sandbox import isolation

PREFIX = "text_editor_code_execution"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(params=["bwrap", "process"])
def container(request, tmp_path):
    """A container in each mode; `host` is its directory as we see it."""
    if request.param == "bwrap" and isolation() != "bwrap":
        pytest.skip("bwrap does not work on this machine: isolation() is 'process'")
    pool = ContainerPool(tmp_path / "pool", None, mode=request.param)
    made = pool.get(None, "default")
    made.host = pool.root / made.id
    yield made
    pool.close()


def failed(code, message):
    """Return the error object of the API."""
    return {"type": f"{PREFIX}_tool_result_error", "error_code": code, "error_message": message}


def test_create_view_replace(container):
    """A file is made, shown, changed and shown again, in the API's own words."""
    text = "one\ntwo\nthree\n"
    request = {"command": "create", "path": "notes/a.txt", "file_text": text}
    assert container.edit(request) == {"type": f"{PREFIX}_create_result", "is_file_update": False}
    assert container.edit(request) == {"type": f"{PREFIX}_create_result", "is_file_update": True}
    view = {"command": "view", "path": "notes/a.txt"}
    counts = {"num_lines": 3, "start_line": 1, "total_lines": 3}
    assert container.edit(view) == {
        "type": f"{PREFIX}_view_result",
        "file_type": "text",
        "content": "one\ntwo\nthree",
        **counts,
    }
    change = {"command": "str_replace", "path": "notes/a.txt", "old_str": "two", "new_str": "2\n2b"}
    assert container.edit(change) == {
        "type": f"{PREFIX}_str_replace_result",
        "old_start": 2,
        "old_lines": 1,
        "new_start": 2,
        "new_lines": 2,
        "lines": ["-two", "+2", "+2b"],
    }
    part = container.edit({**view, "view_range": [2, -1]})
    assert (part["content"], part["num_lines"], part["start_line"], part["total_lines"]) == ("2\n2b\nthree", 3, 2, 4)
    assert container.bash("cat notes/a.txt")["stdout"] == "one\n2\n2b\nthree\n"


def test_paths_begin_at_home(container):
    """Relative paths, absolute ones in the home, and the output directory name the same files as the shell's."""
    home = container.bash("pwd; echo hello > a.txt")["stdout"].strip()
    for path in ("a.txt", f"{home}/a.txt", "./b/../a.txt"):
        assert container.edit({"command": "view", "path": path})["content"] == "hello", path


def test_a_missing_file_is_named(container):
    """`file_not_found` says which."""
    assert container.edit({"command": "view", "path": "no.txt"}) == failed(
        "file_not_found", "There is no file 'no.txt'."
    )
    missing = {"command": "str_replace", "path": "no.txt", "old_str": "a", "new_str": "b"}
    assert container.edit(missing)["error_code"] == "file_not_found"


def test_nothing_outside_is_shown_or_written(container, tmp_path):
    """Absolute paths, dots and links that lead out of the container are refused."""
    (tmp_path / "secret.txt").write_text("marked")
    container.bash(f"ln -s {tmp_path} out; ln -s /etc etc; ln -s loop loop")
    outside = ["/etc/passwd", "/usr/x", "../../secret.txt", "etc/passwd", "loop"]
    for path in [*outside, str(tmp_path / "secret.txt"), "out/secret.txt"]:
        for request in (
            {"command": "view"},
            {"command": "create", "file_text": "x"},
            {"command": "str_replace", "old_str": "marked", "new_str": "x"},
        ):
            result = container.edit({**request, "path": path})
            assert "marked" not in result.get("content", "")
            if path in outside:  # behind walls the others lead into the container's own /tmp
                assert result["type"] == f"{PREFIX}_tool_result_error", (path, request)
    assert (tmp_path / "secret.txt").read_text() == "marked"


def test_uploads_can_be_seen_not_changed(container):
    """The input directory is for viewing."""
    (container.host / "input" / "up.txt").write_text("given")
    seen = container.bash("echo $INPUT_DIR")["stdout"].strip()
    assert container.edit({"command": "view", "path": f"{seen}/up.txt"})["content"] == "given"
    refused = container.edit({"command": "create", "path": f"{seen}/up.txt", "file_text": "mine"})
    assert refused["error_code"] == "invalid_tool_input"
    assert (container.host / "input" / "up.txt").read_text() == "given"


def test_images_and_pdfs_are_shown_by_their_bytes(container):
    """The type comes from the content, not from the name."""
    home = container.host / "home"
    (home / "a.dat").write_bytes(PNG)
    (home / "b.txt").write_bytes(b"%PDF-1.7 ...")
    nothing = {"num_lines": None, "start_line": None, "total_lines": None}
    for name, kind in (("a.dat", "image"), ("b.txt", "pdf")):
        assert container.edit({"command": "view", "path": name}) == {
            "type": f"{PREFIX}_view_result",
            "file_type": kind,
            "content": base64.b64encode((home / name).read_bytes()).decode(),
            **nothing,
        }


def test_a_directory_is_listed(container):
    """Names in order, folders with a slash."""
    container.bash("mkdir d; touch d/b d/a; mkdir d/c")
    assert container.edit({"command": "view", "path": "d"})["content"] == "a\nb\nc/"


def test_a_long_text_is_cut_with_true_counts(container):
    """What one result cannot hold is left out, and the counts say so."""
    container.bash("seq 1000000 > long.txt")
    result = container.edit({"command": "view", "path": "long.txt"})
    assert result["total_lines"] == 1_000_000
    assert result["content"].split("\n")[-1] == str(result["num_lines"])
    assert len(result["content"]) <= editor.MAX_SHOWN


@pytest.mark.parametrize(
    "request_",
    [
        None,
        "view",
        {},
        {"command": "delete", "path": "a"},
        {"command": ["view"], "path": "a"},
        {"command": "view"},
        {"command": "view", "path": 3},
        {"command": "view", "path": ""},
        {"command": "view", "path": "a\0b"},
        {"command": "create", "path": "x"},
        {"command": "create", "path": ".", "file_text": ""},
        {"command": "view", "path": "a", "view_range": [0, 1]},
        {"command": "view", "path": "a", "view_range": [9, 10]},
        {"command": "view", "path": "a", "view_range": "1"},
        {"command": "str_replace", "path": "a", "old_str": "", "new_str": "x"},
        {"command": "str_replace", "path": "a", "old_str": "x", "new_str": "y"},
        {"command": "str_replace", "path": "a", "old_str": "no", "new_str": "y"},
        {"command": "view", "path": "binary"},
        {"command": "create", "path": "a/b", "file_text": ""},
    ],
)
def test_bad_input_is_an_error_object(container, request_):
    """`invalid_tool_input`, with a sentence; and nothing has changed."""
    (container.host / "home" / "a").write_text("x x\n")
    (container.host / "home" / "binary").write_bytes(b"a\0b")
    result = container.edit(request_)
    assert (result["type"], result["error_code"]) == (f"{PREFIX}_tool_result_error", "invalid_tool_input")
    assert result["error_message"]
    assert (container.host / "home" / "a").read_text() == "x x\n"


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text("ab\n\r", max_size=30), st.text("ab\n\r", min_size=1, max_size=4), st.text("abc\n", max_size=4))
def test_a_replacement_and_its_lines_agree(tmp_path_factory, text, old, new):
    """Where it stands once, the file is what `str.replace` makes of it, and the hunk turns one into the other."""
    home = tmp_path_factory.mktemp("home")
    path = home / "f"
    path.write_bytes(text.encode())
    request = {"command": "str_replace", "path": "f", "old_str": old, "new_str": new}
    result = editor.edit(request, str(home), [str(home)], [str(home)])
    if text.count(old) != 1:
        assert result["error_code"] == "invalid_tool_input"
        assert path.read_bytes() == text.encode()
        return
    assert path.read_bytes() == text.replace(old, new).encode()
    before, start = text.split("\n"), result["old_start"] - 1
    assert before[start : start + result["old_lines"]] == [one[1:] for one in result["lines"] if one[0] == "-"]
    come = [one[1:] for one in result["lines"] if one[0] == "+"]
    assert before[:start] + come + before[start + result["old_lines"] :] == text.replace(old, new).split("\n")
